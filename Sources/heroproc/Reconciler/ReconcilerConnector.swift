import Glibc
import HeroLinux
import HeroModel

/// Finds the reconciler of a state directory, or starts one.
struct ReconcilerConnector {
    /// How a reconciler calls its way of working; it stands in its lock, for people and for us.
    enum ReconcilerMode: String {
        /// It stays and syncs from its directory.
        case watch
        /// It stays and keeps what was applied.
        case keep
        /// Like `keep`, started by `apply`: it leaves after a `down`.
        case background
        /// It keeps what was applied and takes in nothing new, because those before it crashed.
        case safe
        /// One pass of `reconcile` or `down`.
        case once
    }

    /// How long a reconciler may take until it answers.
    private static let replyTimeout: Duration = .seconds(10)

    let workspace: Workspace
    let output: Output

    /// Who holds the state directory.
    var holder: ReconcilerLockHolder? { ReconcilerLock.holder(workspace.paths) }

    /// A line to the live reconciler; nil when none lives.
    ///
    /// One that makes a single pass is waited for.
    func connect(timeout: Duration = replyTimeout) throws -> ControlClient? {
        var isFirst = true
        var deadline = ContinuousClock.now + Self.replyTimeout
        while let holder {
            if holder.mode == ReconcilerMode.once.rawValue {
                if isFirst { output.writeNote("waiting for pid \(holder.pid), which is in the middle of a pass") }
                if isFirst { deadline = .now + timeout }
                isFirst = false
            } else if let client = try ControlClient.connect(workspace.paths) {
                return client
            }
            guard ContinuousClock.now < deadline else { throw unreachableError(holder) }
            pause(milliseconds: 10)
        }
        return nil
    }

    /// Starts one in the background that keeps what is applied from a directory.
    func startInBackground(in directory: String) throws -> ControlClient {
        let paths = workspace.paths
        // It would say so itself, but only after something was made there.
        try FileSystem.requireSupported(paths, environment: workspace.environment)
        try paths.makeStateDirectories()
        // Its own log is kept from growing for ever: what former ones said is kept once.
        if let log = LogFile(paths.reconcilerLog), log.size > 1 << 20 {
            rename(paths.reconcilerLog, paths.reconcilerLog + ".1")
        }
        var environment = Self.inheritedEnvironment(workspace.environment)
        // It may live longer than our working directory makes sense.
        if let shim = environment["HEROPROC_SHIM"], !shim.isEmpty {
            environment["HEROPROC_SHIM"] = ManifestFiles.absoluteDirectory(shim)
        }
        let arguments = [
            "reconcile", "--watch", "--no-sync", "--background", "--dir", directory, "--state", paths.state,
            "--kept", "0",
        ]
        let child = try BackgroundProcess.spawn(
            arguments,
            environment: environment,
            logFile: paths.reconcilerLog,
            isKept: true
        )
        output.writeNote("started a reconciler in the background (pid \(child.pid), log \(paths.reconcilerLog))")
        let deadline = ContinuousClock.now + Self.replyTimeout
        while ContinuousClock.now < deadline {
            if let client = try ControlClient.connect(paths) { return client }
            if let code = child.exitCode() {
                // Somebody else was faster: then that one is it.
                if let client = try connect() { return client }
                throw CommandError("cannot start a reconciler: it ended at once with code \(code)\(logTail)")
            }
            pause(milliseconds: 2)
        }
        throw CommandError("cannot start a reconciler: it does not answer after 10s\(logTail)")
    }

    /// What a reconciler in the background gets of our environment: whatever else a shell holds may be a secret, and is nobody's
    /// business for as long as a reconciler lives (reliability.md SE-1).
    private static func inheritedEnvironment(_ environment: [String: String]) -> [String: String] {
        let names: Set = [
            "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TZDIR", "TMPDIR", "NO_COLOR",
        ]
        // The second half is for sanitizers and libraries that a test build needs.
        let families = ["HERO", "LC_", "XDG_", "LD_", "ASAN_", "TSAN_", "LLVM_", "SWIFT_"]
        return environment.filter { name, _ in names.contains(name) || families.contains { name.hasPrefix($0) } }
    }

    /// Waits while somebody makes a single pass; false when we are asked to leave meanwhile.
    func awaitSinglePass() -> Bool {
        while let holder, holder.mode == ReconcilerMode.once.rawValue {
            if MonitoredReconciler.isTerminationPending { return false }
            pause(milliseconds: 10)
        }
        return true
    }

    /// Why there must not be a second one.
    static func lockHeldError(by holder: ReconcilerLockHolder, _ composition: Workspace) -> CommandError {
        let place = holder.directory.isEmpty ? "" : ", \(holder.directory)"
        let name = "the reconciler with pid \(holder.pid) (\(holder.mode)\(place))"
        let who = holder.pid == 0 ? "another reconciler" : name
        return CommandError(
            "cannot reconcile: \(who) holds \(composition.paths.state)",
            help: "apply through it with `heroproc apply`, or end it first: no service stops"
        )
    }

    private func unreachableError(_ holder: ReconcilerLockHolder) -> CommandError {
        let name = "the live reconciler (pid \(holder.pid), \(holder.mode))"
        let socket = workspace.paths.controlSocket
        // Where root's is hangs on no variable.
        guard geteuid() != 0, access(socket, F_OK) != 0 else {
            return CommandError(
                "cannot reach \(name): it does not answer",
                help: "look at its log, or end it (no service stops) and try again"
            )
        }
        return CommandError(
            "cannot reach \(name): there is no \(socket)",
            help: "set XDG_RUNTIME_DIR as it was when that one was started, or end it (no service stops) and try again"
        )
    }

    /// The end of its log, to be put behind a message.
    private var logTail: String {
        let path = workspace.paths.reconcilerLog
        guard let file = LogFile(path), let bytes = file.read(from: max(0, file.size - 2000), most: 2000) else {
            return "; see \(path)"
        }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").suffix(5)
        return lines.isEmpty ? "; \(path) is empty" : "; the end of \(path):\n" + lines.joined(separator: "\n")
    }
}

extension ReconcilerConnector {
    /// After a `down`: waits a moment for the one that leaves then, so that nothing of us is left when we say so.
    func awaitBackgroundExit() {
        let deadline = ContinuousClock.now + .seconds(2)
        while let holder, holder.mode == ReconcilerMode.background.rawValue, ContinuousClock.now < deadline {
            pause(milliseconds: 5)
        }
    }
}
