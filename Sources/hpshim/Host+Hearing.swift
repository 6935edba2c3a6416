import CHeroRecord
import CHeroShim

/// What the program says of itself, and what follows for its main process.
extension Host {
    /// Takes in what the program says, at most so many messages.
    mutating func hear(_ most: Int) {
        var left = most
        while left > 0, let message = hearing.next(containment) {
            left -= 1
            take(message)
        }
    }

    /// Each message is on record before the next one is read: whoever waits for that can rely on it (BARRIER of sd_notify(3)).
    private mutating func take(_ message: Hearing.Message) {
        var isNews = false
        switch message {
        case .stranger:
            isNews = record.said.foreign_senders == 0
            record.said.foreign_senders = Host.more(record.said.foreign_senders)
        case .unreadable:
            record.said.malformed = Host.more(record.said.malformed)
        case .text(let bytes, let count):
            var saying = Saying(record.said)
            saying.take(bytes, count)
            record.said = saying.said
            isNews = saying.isNews
            if saying.main != 0, name(saying.main) { isNews = true }
        }
        _ = record.writeSaid()
        if isNews { record.ring() }
    }

    private static func more(_ count: UInt32) -> UInt32 { count == .max ? .max : count + 1 }

    /// Makes a process of this tree the main program, because the program says so; answers whether that is news.
    private mutating func name(_ pid: Int32) -> Bool {
        switch stage {
        case .running, .handingOver: break
        case .asking, .killing: return false
        }
        if pid == record.proc.main.pid, !hasEnded { return false }
        var identity = hero_identity()
        let pidfd = shim_open_process(pid)
        let isChild = shim_parent(pid) == shim_own_pid()
        // Still there at the end, so that all that was read is about this one; whoever has ended is until somebody has reaped it.
        guard
            pidfd >= 0, hearing.isOwn(pid, containment), shim_identify(pid, pidfd, &identity) == 0,
            shim_is_there(pidfd) == 1
        else {
            shim_close(pidfd)
            record.said.refused_main_pids = Host.more(record.said.refused_main_pids)
            record.said.refused_pid = pid
            return true
        }
        goOn(as: identity)
        if isChild { shim_close(pidfd) } else { distant = pidfd }
        return true
    }

    /// The main process has ended, and it was another's child.
    mutating func distantEnded() {
        let pid = record.proc.main.pid
        if shim_is_there(distant) == 1 {
            // Its parent may end without having taken that in: then it is ours to reap, and its status is exact.
            guard shim_parent(pid) != shim_own_pid() else { return leaveDistant() }
            let now = shim_boottime()
            if distantEndedAt == 0 { distantEndedAt = now }
            guard now &- distantEndedAt >= Host.distantPatience else { return }
        }
        hear(Host.lastMessages)
        guard record.proc.main.pid == pid else { return }
        leaveDistant()
        guard !hasEnded else { return }
        record.exit.kind = HERO_EXIT_UNKNOWN.rawValue
        record.exit.ended_boottime = shim_boottime()
        record.exit.ended_realtime = shim_realtime()
        record.exit.dropped_bytes = log.dropped
        _ = record.writeExit()
    }

    mutating func leaveDistant() {
        shim_close(distant)
        distant = -1
        distantEndedAt = 0
    }
}
