import Glibc
import HeroLinux
import HeroModel

/// Finds the reconciler of a state directory, or starts one.
struct LiveReconciler {
    /// How a reconciler calls its way of working; it stands in its lock, for people and for us.
    enum Mode: String {
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
    private static let patience: Duration = .seconds(10)

    let composition: Composition
    let output: Output

    /// Who holds the state directory.
    var holder: ReconcilerLockHolder? { ReconcilerLock.holder(composition.paths) }

    /// A line to the live reconciler; nil when none lives.
    ///
    /// One that makes a single pass is waited for.
    func find(timeout: Duration = patience) throws -> ControlClient? {
        var isFirst = true
        var deadline = ContinuousClock.now + Self.patience
        while let holder {
            if holder.mode == Mode.once.rawValue {
                if isFirst { output.note("waiting for pid \(holder.pid), which is in the middle of a pass") }
                if isFirst { deadline = .now + timeout }
                isFirst = false
            } else if let client = try ControlClient.connect(composition.paths) {
                return client
            }
            guard ContinuousClock.now < deadline else { throw silent(holder) }
            pause(milliseconds: 10)
        }
        return nil
    }

    /// Starts one in the background that keeps what is applied from a directory.
    func start(in directory: String) throws -> ControlClient {
        let paths = composition.paths
        // It would say so itself, but only after something was made there.
        try FileSystem.requireSupported(paths, environment: composition.environment)
        try paths.makeStateDirectories()
        // Its own log is kept from growing for ever: what former ones said is kept once.
        if let log = LogFile(paths.reconcilerLog), log.size > 1 << 20 {
            rename(paths.reconcilerLog, paths.reconcilerLog + ".1")
        }
        var environment = Self.handedOn(composition.environment)
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
        output.note("started a reconciler in the background (pid \(child.pid), log \(paths.reconcilerLog))")
        let deadline = ContinuousClock.now + Self.patience
        while ContinuousClock.now < deadline {
            if let client = try ControlClient.connect(paths) { return client }
            if let code = child.exitCode() {
                // Somebody else was faster: then that one is it.
                if let client = try find() { return client }
                throw Refusal("cannot start a reconciler: it ended at once with code \(code)\(lastWords)")
            }
            pause(milliseconds: 2)
        }
        throw Refusal("cannot start a reconciler: it does not answer after 10s\(lastWords)")
    }

    /// What a reconciler in the background gets of our environment: whatever else a shell holds may be a secret, and is nobody's
    /// business for as long as a reconciler lives (reliability.md SE-1).
    private static func handedOn(_ environment: [String: String]) -> [String: String] {
        let names: Set = [
            "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TZDIR", "TMPDIR", "NO_COLOR",
        ]
        // The second half is for sanitizers and libraries that a test build needs.
        let families = ["HERO", "LC_", "XDG_", "LD_", "ASAN_", "TSAN_", "LLVM_", "SWIFT_"]
        return environment.filter { name, _ in names.contains(name) || families.contains { name.hasPrefix($0) } }
    }

    /// Waits while somebody makes a single pass; false when we are asked to leave meanwhile.
    func awaitPass() -> Bool {
        while let holder, holder.mode == Mode.once.rawValue {
            if MonitoredReconciler.isTerminationPending { return false }
            pause(milliseconds: 10)
        }
        return true
    }

    /// Why there must not be a second one.
    static func taken(by holder: ReconcilerLockHolder, _ composition: Composition) -> Refusal {
        let place = holder.directory.isEmpty ? "" : ", \(holder.directory)"
        let name = "the reconciler with pid \(holder.pid) (\(holder.mode)\(place))"
        let who = holder.pid == 0 ? "another reconciler" : name
        return Refusal(
            "cannot reconcile: \(who) holds \(composition.paths.state)",
            help: "apply through it with `heroproc apply`, or end it first: no service stops"
        )
    }

    private func silent(_ holder: ReconcilerLockHolder) -> Refusal {
        let name = "the live reconciler (pid \(holder.pid), \(holder.mode))"
        let socket = composition.paths.controlSocket
        // Where root's is hangs on no variable.
        guard geteuid() != 0, access(socket, F_OK) != 0 else {
            return Refusal(
                "cannot reach \(name): it does not answer",
                help: "look at its log, or end it (no service stops) and try again"
            )
        }
        return Refusal(
            "cannot reach \(name): there is no \(socket)",
            help: "set XDG_RUNTIME_DIR as it was when that one was started, or end it (no service stops) and try again"
        )
    }

    /// The end of its log, to be put behind a message.
    private var lastWords: String {
        let path = composition.paths.reconcilerLog
        guard let file = LogFile(path), let bytes = file.read(from: max(0, file.size - 2000), most: 2000) else {
            return "; see \(path)"
        }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").suffix(5)
        return lines.isEmpty ? "; \(path) is empty" : "; the end of \(path):\n" + lines.joined(separator: "\n")
    }
}

extension LiveReconciler {
    /// After a `down`: waits a moment for the one that leaves then, so that nothing of us is left when we say so.
    func awaitLeave() {
        let deadline = ContinuousClock.now + .seconds(2)
        while let holder, holder.mode == Mode.background.rawValue, ContinuousClock.now < deadline {
            pause(milliseconds: 5)
        }
    }
}
