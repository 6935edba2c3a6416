import CHeroRecord
import CHeroShim

/// How a daemon that forks away becomes the main program: the first one ends well, and the PID file names a child that the kernel
/// has handed to the shim.
///
/// Only a child of the shim's own counts: nobody else reaps it, so its number is not passed on while we look, and its exit
/// status will be ours. Whatever else the file says is nobody (reliability.md PF-2).
struct Handover {
    private let pidFile: UnsafePointer<CChar>?
    /// Whether it may name its main process itself, with MAINPID.
    private let acceptsMainPID: Bool
    private let trustedUser: UInt32
    /// Until when the file is waited for, as CLOCK_BOOTTIME in ns.
    private let deadline: Int64
    /// The exit codes of a program that has forked away well, one bit each.
    private let successCodes: (UInt64, UInt64, UInt64, UInt64)
    private let shimPID = shim_own_pid()

    /// As a spec has it; the path in memory that stays.
    init(_ spec: Spec, pidFile: UnsafePointer<CChar>?) {
        self.pidFile = pidFile
        acceptsMainPID = spec.notifySocket != nil
        trustedUser = spec.header.rights.changes_user == 0 ? 0 : spec.header.rights.uid
        successCodes = spec.handoverCodes
        deadline = shim_boottime() &+ Int64(spec.header.handover_timeout_ms) &* 1_000_000
    }

    /// Whether an end leads to one.
    ///
    /// A program that was ready before it ended has had its say.
    func isExpected(_ end: hero_exit, _ said: hero_notify_state) -> Bool {
        guard end.kind == HERO_EXIT_EXITED.rawValue, isSuccessCode(end.status) else { return false }
        return pidFile != nil || (acceptsMainPID && said.flags & HERO_NOTIFY_READY.rawValue == 0)
    }

    private func isSuccessCode(_ code: Int32) -> Bool {
        guard code >= 0, code <= 255 else { return false }
        let word =
            code < 64 ? successCodes.0 : code < 128 ? successCodes.1 : code < 192 ? successCodes.2 : successCodes.3
        return word >> UInt64(code % 64) & 1 == 1
    }

    /// Until when a successor may turn up; a program that lived longer than that has had its file written by now.
    func isWaiting(at now: Int64) -> Bool { now < deadline }

    /// The process that takes over, running or waiting to be reaped; nil while there is none.
    func successor() -> Int32? {
        guard let pidFile else { return nil }
        let pid = shim_read_pid_file(pidFile, trustedUser)
        return pid > 1 && shim_parent_of(pid) == shimPID ? pid : nil
    }
}
