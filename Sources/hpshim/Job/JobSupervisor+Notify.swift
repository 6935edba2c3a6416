import CHeroRecord
import CHeroShim

/// What the program says of itself, and what follows for its main process.
extension JobSupervisor {
    /// Takes in what the program says, at most so many messages.
    mutating func readNotifySocket(_ most: Int) {
        var left = most
        while left > 0, let message = notifySocket.receive(containment) {
            left -= 1
            handleDatagram(message)
        }
    }

    /// Each message is on record before the next one is read: whoever waits for that can rely on it (BARRIER of sd_notify(3)).
    private mutating func handleDatagram(_ message: NotifySocket.Datagram) {
        var isNews = false
        switch message {
        case .foreignSender:
            isNews = record.notifyState.foreign_senders == 0
            record.notifyState.foreign_senders = JobSupervisor.incremented(record.notifyState.foreign_senders)
        case .malformed:
            record.notifyState.malformed = JobSupervisor.incremented(record.notifyState.malformed)
        case .text(let bytes, let count):
            var saying = NotifyMessage(record.notifyState)
            saying.apply(bytes, count)
            record.notifyState = saying.state
            isNews = saying.isUrgent
            if saying.mainPID != 0, acceptMainPID(saying.mainPID) { isNews = true }
        }
        _ = record.writeNotifyState()
        if isNews { record.wakeReconciler() }
    }

    private static func incremented(_ count: UInt32) -> UInt32 { count == .max ? .max : count + 1 }

    /// Makes a process of this tree the main program, because the program says so; answers whether that is news.
    private mutating func acceptMainPID(_ pid: Int32) -> Bool {
        switch stage {
        case .running, .awaitingSuccessor: break
        case .stopping, .killing: return false
        }
        if pid == record.proc.main.pid, !hasMainExited { return false }
        var identity = hero_identity()
        let pidfd = shim_open_pidfd(pid)
        let isChild = shim_parent_of(pid) == shim_own_pid()
        // Still there at the end, so that all that was read is about this one; whoever has ended is until somebody has reaped it.
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
        if isChild { shim_close(pidfd) } else { foreignMainPidfd = pidfd }
        return true
    }

    /// The main process has ended, and it was another's child.
    mutating func foreignMainExited() {
        let pid = record.proc.main.pid
        if shim_exists(foreignMainPidfd) == 1 {
            // Its parent may end without having taken that in: then it is ours to reap, and its status is exact.
            guard shim_parent_of(pid) != shim_own_pid() else { return closeForeignMain() }
            let now = shim_boottime()
            if foreignMainExitedAt == 0 { foreignMainExitedAt = now }
            guard now &- foreignMainExitedAt >= JobSupervisor.foreignReapTimeout else { return }
        }
        readNotifySocket(JobSupervisor.maxMessagesBeforeReap)
        guard record.proc.main.pid == pid else { return }
        closeForeignMain()
        guard !hasMainExited else { return }
        record.exit.kind = HERO_EXIT_UNKNOWN.rawValue
        record.exit.ended_boottime = shim_boottime()
        record.exit.ended_realtime = shim_realtime()
        record.exit.dropped_bytes = log.droppedBytes
        _ = record.writeExit()
    }

    mutating func closeForeignMain() {
        shim_close(foreignMainPidfd)
        foreignMainPidfd = -1
        foreignMainExitedAt = 0
    }
}
