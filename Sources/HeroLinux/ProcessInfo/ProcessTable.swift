import CHeroLinux
import Glibc
public import HeroModel

/// Who is alive on this machine.
public enum ProcessTable {
    /// The boot and the pid namespace we live in.
    struct MachineIdentity: Hashable, Sendable {
        /// `/proc/sys/kernel/random/boot_id`.
        var bootID: String
        /// Inode of `/proc/self/ns/pid`.
        var pidNamespace: UInt64
    }

    /// Read once: neither changes while we live.
    static let currentMachine: MachineIdentity = {
        var file = stat()
        let namespace = stat("/proc/self/ns/pid", &file) == 0 ? UInt64(file.st_ino) : 0
        return MachineIdentity(
            bootID: readText("/proc/sys/kernel/random/boot_id")?.trimmed ?? "",
            pidNamespace: namespace
        )
    }()

    /// Whether a recorded process lives, and is provably that one; a zombie does not live.
    public static func isAlive(_ process: ProcessIdentity) -> Bool {
        open(process).map { !$0.stat.isDead } ?? false
    }

    /// A pidfd of exactly this process, or nil when it is gone or cannot be proven (reliability.md ID-2).
    static func open(_ process: ProcessIdentity) -> (pidfd: Descriptor, stat: ProcStat)? {
        // A pid of another boot or namespace is not even opened (ID-3).
        guard process.startTicks != 0, process.bootID == currentMachine.bootID,
            process.pidNamespace == currentMachine.pidNamespace
        else { return nil }
        guard let found = openUnverified(process.pid), found.stat.startTicks == process.startTicks,
            process.pidfsInode == 0 || found.inode == 0 || found.inode == process.pidfsInode
        else { return nil }
        return (found.pidfd, found.stat)
    }

    /// The identity of a live process, with a pidfd that holds it fast.
    static func identify(_ pid: Int32) -> (identity: ProcessIdentity, pidfd: Descriptor, stat: ProcStat)? {
        guard let found = openUnverified(pid) else { return nil }
        let identity = ProcessIdentity(
            bootID: currentMachine.bootID,
            pidNamespace: currentMachine.pidNamespace,
            pid: pid,
            startTicks: found.stat.startTicks,
            pidfsInode: found.inode
        )
        return (identity, found.pidfd, found.stat)
    }

    private static func openUnverified(_ pid: Int32) -> (pidfd: Descriptor, stat: ProcStat, inode: UInt64)? {
        guard pid > 0 else { return nil }
        let number = hl_pidfd_open(pid)
        guard number >= 0 else { return nil }
        let pidfd = Descriptor(number)
        // Signal 0 after the reading proves that the text was about this process and no later one with its pid.
        // Not being allowed to send one proves as much: of a process that is gone the kernel says ESRCH first.
        guard let stat = ProcStat(of: pid), stat.pid == pid, [0, -EPERM].contains(hl_pidfd_send_signal(number, 0))
        else {
            return nil
        }
        return (pidfd, stat, UInt64(hl_pidfs_inode(number)))
    }

    /// A live process for people: `pid 412 (nginx, state D)`; nil when it has ended.
    static func describe(_ pid: Int32) -> String? {
        guard let stat = ProcStat(of: pid), !stat.isDead else { return nil }
        let name = readText("/proc/\(pid)/comm", limit: 64)?.trimmed ?? "?"
        return "pid \(pid) (\(name), state \(Character(Unicode.Scalar(stat.state))))"
    }

    /// The children of all threads of a process.
    static func children(of pid: Int32) -> [Int32] {
        guard let threads = listDirectory("/proc/\(pid)/task") else { return [] }
        return threads.flatMap { thread in
            (readText("/proc/\(pid)/task/\(thread)/children", limit: 1 << 20) ?? "").split(separator: " ")
                .compactMap { Int32($0) }
        }
    }

    /// All pids below a process, parents first.
    static func descendants(of pid: Int32) -> [Int32] {
        var found: [Int32] = []
        var seen: Set<Int32> = [pid]
        var rest = children(of: pid)
        while let next = rest.popLast() {
            guard seen.insert(next).inserted else { continue }
            found.append(next)
            rest += children(of: next)
        }
        return found
    }

    /// All pids of this pid namespace.
    static func allPIDs() -> [Int32] {
        (listDirectory("/proc") ?? []).compactMap { Int32($0) }
    }

    /// Calls with the target of each open descriptor of a process until told to stop by `true`.
    static func anyDescriptor(of pid: Int32, _ isWanted: (_ path: String) -> Bool) -> Bool {
        let folder = "/proc/\(pid)/fd"
        for name in listDirectory(folder) ?? [] where isWanted("\(folder)/\(name)") { return true }
        return false
    }
}
