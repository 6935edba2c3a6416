import Glibc
import HeroLinux
import HeroModel

/// Connects to the reconciler of a state directory, or starts one.
struct ReconcilerConnector {
    /// The time in which a reconciler must reply.
    private static let replyTimeout: Duration = .seconds(10)
    /// How often a request is sent that no reconciler reads.
    private static let maxAttempts = 5

    let workspace: Workspace
    let output: Output

    /// The reconciler that holds the lock of the state directory.
    var holder: ReconcilerLockHolder? { ReconcilerLock.holder(workspace.paths) }

    /// Connects to the running reconciler; nil when no reconciler is running.
    ///
    /// Waits for the end of a reconciler that makes a single pass.
    func connect(timeout: Duration = replyTimeout) throws -> ControlClient? {
        var isFirst = true
        var deadline = ContinuousClock.now + Self.replyTimeout
        while let holder {
            if holder.mode == ReconcilerMode.once.rawValue {
                if isFirst { output.writeNote("waiting for a reconcile pass of pid \(holder.pid)") }
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

    /// Connects and sends a request, and does both again when the reconciler exits without having read the request.
    ///
    /// A background reconciler exits after a `down`, and a command may have connected just before. Nothing of an unread
    /// request was done.
    func repeatingUnread<Result>(_ send: () throws -> Result) throws -> Result {
        for _ in 1..<Self.maxAttempts {
            do {
                return try send()
            } catch let error as LinuxError where error == ControlClient.unreadError {
                continue
            }
        }
        return try send()
    }

    /// Starts a reconciler in the background that supervises services applied from a directory.
    func startInBackground(in directory: String) throws -> ControlClient {
        let paths = workspace.paths
        if let job = EnclosingJob.find(paths, environment: workspace.environment) {
            throw CommandError(
                "cannot start a reconciler: this command runs in \(job), and a reconciler that it starts would end "
                    + "with that job",
                help: "start a reconciler outside of the services, such as a systemd unit, and run this command again"
            )
        }
        // The reconciler checks this too, but only after directories were created.
        try FileSystem.requireSupported(paths, environment: workspace.environment)
        try FileDescriptors.requireSufficientLimit()
        try paths.makeStateDirectories()
        // The log of the reconciler is rotated once, so that it does not grow forever.
        if let log = LogFile(paths.reconcilerLog), log.size > 1 << 20 {
            rename(paths.reconcilerLog, paths.reconcilerLog + ".1")
        }
        let environment = Self.inheritedEnvironment(workspace.environment)
        // The monitor inherits them from this process, as services inherit them from the reconciler.
        try InheritedAttributes.reset().forEach(output.writeNote)
        let arguments = [
            "reconcile", "--watch", "--no-sync", "--background", "--dir", directory, "--state", paths.state,
            "--kept", "0",
        ]
        let child = try BackgroundProcess.spawn(
            arguments,
            environment: environment,
            logFile: paths.reconcilerLog,
            isMonitored: true
        )
        output.writeNote("started a reconciler in the background (pid \(child.pid), log \(paths.reconcilerLog))")
        let deadline = ContinuousClock.now + Self.replyTimeout
        while ContinuousClock.now < deadline {
            if let client = try ControlClient.connect(paths) { return client }
            if let code = child.exitCode() {
                // Another command may have started a reconciler at the same time.
                if let client = try connect() { return client }
                throw CommandError("cannot start a reconciler: it exited immediately with code \(code)\(logTail)")
            }
            pause(milliseconds: 2)
        }
        throw CommandError("cannot start a reconciler: it has not replied after 10s\(logTail)")
    }

    /// The part of the environment that a reconciler in the background inherits.
    ///
    /// Other variables of a shell may be secrets and must not stay in a long-running process (SE-1).
    private static func inheritedEnvironment(_ environment: [String: String]) -> [String: String] {
        let names: Set = [
            "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TZDIR", "TMPDIR", "NO_COLOR",
        ]
        // The prefixes from `LD_` on are for sanitizers and libraries of test builds.
        let families = ["HERO", "LC_", "XDG_", "LD_", "ASAN_", "TSAN_", "LLVM_", "SWIFT_"]
        return environment.filter { name, _ in names.contains(name) || families.contains { name.hasPrefix($0) } }
    }

    /// Waits for the end of a single pass; false when this process receives a stop signal meanwhile.
    func awaitSinglePass() -> Bool {
        while let holder, holder.mode == ReconcilerMode.once.rawValue {
            if MonitoredReconciler.isTerminationPending { return false }
            pause(milliseconds: 10)
        }
        return true
    }

    /// The error that another reconciler holds the lock.
    static func lockHeldError(by holder: ReconcilerLockHolder, _ workspace: Workspace) -> CommandError {
        let place = holder.directory.isEmpty ? "" : ", \(holder.directory)"
        let name = "the reconciler with pid \(holder.pid) (\(holder.mode)\(place))"
        let who = holder.pid == 0 ? "another reconciler" : name
        return CommandError(
            "cannot reconcile: \(who) holds the lock of \(workspace.paths.state)",
            help: "apply through it with `heroproc apply`, or stop it first (no service stops)"
        )
    }

    private func unreachableError(_ holder: ReconcilerLockHolder) -> CommandError {
        let name = "the running reconciler (pid \(holder.pid), \(holder.mode))"
        let socket = workspace.paths.controlSocket
        // The socket path of root does not depend on a variable.
        guard geteuid() != 0, access(socket, F_OK) != 0 else {
            return CommandError(
                "cannot reach \(name): it does not reply",
                help: "read its log, or stop it (no service stops) and try again"
            )
        }
        return CommandError(
            "cannot reach \(name): \(socket) does not exist",
            help: "set XDG_RUNTIME_DIR as when the reconciler started, or stop it (no service stops) and try again"
        )
    }

    /// The end of the log of the reconciler, as a suffix of an error message.
    private var logTail: String {
        let path = workspace.paths.reconcilerLog
        guard let file = LogFile(path), let bytes = file.read(from: max(0, file.size - 2000), upTo: 2000) else {
            return "; see \(path)"
        }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").suffix(5)
        return lines.isEmpty ? "; \(path) is empty" : "; the end of \(path):\n" + lines.joined(separator: "\n")
    }
}

extension ReconcilerConnector {
    /// Waits after a `down` for the exit of a background reconciler, at most 2 seconds.
    func awaitBackgroundExit() {
        let deadline = ContinuousClock.now + .seconds(2)
        while let holder, holder.mode == ReconcilerMode.background.rawValue, ContinuousClock.now < deadline {
            pause(milliseconds: 5)
        }
    }
}
