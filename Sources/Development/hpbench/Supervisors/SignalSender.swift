import CHeroLinux
import Foundation

/// Sends signals through pidfds, so that a reused PID never receives one.
enum SignalSender {
    /// Sends a signal.
    ///
    /// - Returns: whether the process exists; a zombie counts.
    @discardableResult
    static func send(_ signal: Int32, to pid: pid_t) -> Bool {
        let pidfd = hl_pidfd_open(pid)
        guard pidfd >= 0 else { return false }
        defer { close(pidfd) }
        return hl_pidfd_send_signal(pidfd, signal) == 0
    }
}
