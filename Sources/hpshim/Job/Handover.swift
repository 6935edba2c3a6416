import CHeroRecord
import CHeroShim

/// The rules by which a daemon that forks becomes the main process.
///
/// The first process exits with a success code, and the PID file names a process that the kernel has reparented to the
/// shim. Only a child of the shim is accepted, because only the shim reaps it: its PID is not reused during the check,
/// and its exit status is exact. Any other PID in the file is ignored (guarantee PF-2).
struct Handover {
    private let pidFile: UnsafePointer<CChar>?
    /// Whether the program may name its main process itself, with MAINPID.
    private let acceptsMainPID: Bool
    private let trustedUser: UInt32
    /// How long the shim waits for the PID file, as CLOCK_BOOTTIME in ns.
    private let deadline: Int64
    /// The exit codes that mean success of the first process, one bit each.
    private let successCodes: (UInt64, UInt64, UInt64, UInt64)
    private let shimPID = shim_own_pid()

    /// Reads the rules from a spec; `pidFile` is its path in static memory.
    init(_ spec: Spec, pidFile: UnsafePointer<CChar>?) {
        self.pidFile = pidFile
        acceptsMainPID = spec.notifySocket != nil
        trustedUser = spec.header.rights.changes_user == 0 ? 0 : spec.header.rights.uid
        successCodes = spec.handoverCodes
        deadline = shim_boottime() &+ Int64(spec.header.handover_timeout_ms) &* 1_000_000
    }

    /// Whether a successor may follow after this exit of the main process.
    ///
    /// A program that was ready before it exited has no other main process.
    func isExpected(_ exit: hero_exit, _ notifyState: hero_notify_state) -> Bool {
        guard exit.kind == HERO_EXIT_EXITED.rawValue, isSuccessCode(exit.status) else { return false }
        return pidFile != nil || (acceptsMainPID && notifyState.flags & HERO_NOTIFY_READY.rawValue == 0)
    }

    private func isSuccessCode(_ code: Int32) -> Bool {
        guard code >= 0, code <= 255 else { return false }
        let bits =
            code < 64 ? successCodes.0 : code < 128 ? successCodes.1 : code < 192 ? successCodes.2 : successCodes.3
        return bits >> UInt64(code % 64) & 1 == 1
    }

    /// Whether a successor may still appear.
    ///
    /// A program that ran longer than the timeout has written its file already.
    func isWaiting(at time: Int64) -> Bool { time < deadline }

    /// The successor that the PID file names, running or not reaped yet; nil while there is none.
    func successor() -> Int32? {
        let (pid, _) = readPIDFile()
        return pid
    }

    /// The successor, or why the file names none.
    func readPIDFile() -> (successor: Int32?, problem: hero_pid_file_problem) {
        guard let pidFile else { return (nil, HERO_PID_FILE_ACCEPTED) }
        let pid = shim_read_pid_file(pidFile, trustedUser)
        guard pid > 1 else { return (nil, hero_pid_file_problem(rawValue: UInt32(max(0, 0 &- pid)))) }
        guard shim_parent_of(pid) == shimPID else { return (nil, HERO_PID_FILE_FOREIGN_PROCESS) }
        return (pid, HERO_PID_FILE_ACCEPTED)
    }
}
