import CHeroRecord
import CHeroShim

/// Handles the messages that the program sends to its notify socket (sd_notify(3)).
extension JobSupervisor {
    /// Reads and handles at most `limit` messages.
    mutating func readNotifySocket(_ limit: Int) {
        guard notifySocket.descriptor >= 0 else { return }
        let now = shim_boottime()
        var remaining = notifyRate.isExhausted(at: now) ? min(limit, JobSupervisor.maxMessagesPerTurn) : limit
        let allowed = remaining
        while remaining > 0, let message = notifySocket.receive(containment) {
            remaining -= 1
            handleDatagram(message)
        }
        if allowed > remaining, notifyRate.add(allowed - remaining, at: now) { recordFlood(at: now) }
    }

    /// Records that messages may wait unread, or may have been refused by the kernel.
    ///
    /// The reconciler must not take the absence of a watchdog ping for a failure then.
    private mutating func recordFlood(at now: Int64) {
        let seconds = UInt32(truncatingIfNeeded: (now &+ 999_999_999) / 1_000_000_000)
        guard seconds != record.notifyState.flooded_seconds else { return }
        let isFirst = record.notifyState.flooded_seconds == 0
        record.notifyState.flooded_seconds = seconds
        _ = record.writeNotifyState()
        if isFirst { record.wakeReconciler() }
    }

    /// Each message is recorded before the next one is read.
    ///
    /// Senders rely on this (BARRIER=1 of sd_notify(3)).
    private mutating func handleDatagram(_ message: NotifySocket.Datagram) {
        var isUrgent = false
        switch message {
        case .foreignSender:
            isUrgent = record.notifyState.foreign_senders == 0
            record.notifyState.foreign_senders = JobSupervisor.incremented(record.notifyState.foreign_senders)
        case .malformed:
            record.notifyState.malformed = JobSupervisor.incremented(record.notifyState.malformed)
        case .text(let bytes, let count):
            var parser = NotifyMessage(record.notifyState)
            parser.apply(bytes, count)
            record.notifyState = parser.state
            isUrgent = parser.isUrgent
            if parser.mainPID != 0, acceptMainPID(parser.mainPID) { isUrgent = true }
        }
        _ = record.writeNotifyState()
        if isUrgent { record.wakeReconciler() }
    }

    /// Reads the pipe for the readiness message; the program is ready when it has written a newline.
    mutating func readReadyPipe() {
        guard readyPipe >= 0 else { return }
        let bytes = shim_message()
        let count = shim_read(readyPipe, bytes, Int(SHIM_MESSAGE_SIZE))
        guard count != -Int(SHIM_EAGAIN), count != -Int(SHIM_EINTR) else { return }
        if count > 0 {
            guard shim_first_newline(bytes, count) != nil else { return }
            record.notifyState.flags |= HERO_NOTIFY_READY.rawValue
            _ = record.writeNotifyState()
            record.wakeReconciler()
        }
        shim_close(readyPipe)
        readyPipe = -1
    }

    private static func incremented(_ count: UInt32) -> UInt32 { count == .max ? .max : count + 1 }

    /// Makes the process that MAINPID names the main process, if it belongs to this job.
    ///
    /// - Returns: Whether the reconciler must be woken.
    private mutating func acceptMainPID(_ pid: Int32) -> Bool {
        switch stage {
        case .running, .awaitingSuccessor: break
        case .stopping, .killing: return false
        }
        if pid == record.proc.main.pid, !hasMainExited { return false }
        var identity = hero_identity()
        let pidfd = shim_open_pidfd(pid)
        let isChild = shim_parent_of(pid) == shim_own_pid()
        // The process must still exist after these checks: only then all facts belong to the same process. A zombie
        // exists until it is reaped.
        guard
            pidfd >= 0, notifySocket.isJobProcess(pid, containment), shim_identify(pid, pidfd, &identity) == 0,
            shim_exists(pidfd) == 1
        else {
            shim_close(pidfd)
            record.notifyState.refused_main_pids = JobSupervisor.incremented(record.notifyState.refused_main_pids)
            record.notifyState.refused_pid = pid
            return true
        }
        switchMainProcess(to: identity)
        if isChild { watchMain(pidfd) } else { foreignMainPidfd = pidfd }
        return true
    }

    /// Handles the exit of a main process that is not a child of the shim.
    ///
    /// Its exit status is unknown.
    mutating func foreignMainExited() {
        let pid = record.proc.main.pid
        if shim_exists(foreignMainPidfd) == 1 {
            // If its parent exited without reaping it, the kernel gives the process to the shim, and its status is
            // exact.
            guard shim_parent_of(pid) != shim_own_pid() else { return closeForeignMain() }
            let now = shim_boottime()
            if unreapedMainExitedAt == 0 { unreapedMainExitedAt = now }
            guard now &- unreapedMainExitedAt >= JobSupervisor.foreignReapTimeout else { return }
        }
        readNotifySocket(JobSupervisor.maxMessagesBeforeReap)
        guard record.proc.main.pid == pid else { return }
        closeForeignMain()
        guard !hasMainExited else { return }
        recordUnknownExit()
    }

    mutating func closeForeignMain() {
        shim_close(foreignMainPidfd)
        foreignMainPidfd = -1
        unreapedMainExitedAt = 0
    }
}
