import CHeroLinux
import Glibc
public import HeroModel

/// The processes of this machine.
public enum ProcessTable {
    /// The boot and the PID namespace of this process.
    struct MachineIdentity: Hashable, Sendable {
        /// `/proc/sys/kernel/random/boot_id`.
        var bootID: String
        /// Inode of `/proc/self/ns/pid`.
        var pidNamespace: UInt64
    }

    /// Read once: neither changes while this process runs.
    static let currentMachine: MachineIdentity = {
        var file = stat()
        let namespace = stat("/proc/self/ns/pid", &file) == 0 ? UInt64(file.st_ino) : 0
        return MachineIdentity(
            bootID: readText("/proc/sys/kernel/random/boot_id")?.trimmed ?? "",
            pidNamespace: namespace
        )
    }()

    /// Whether a recorded process is running and verified to be the same one; a zombie is not running.
    public static func isAlive(_ process: ProcessIdentity) -> Bool {
        open(process).map { !$0.stat.isDead } ?? false
    }

    /// Opens a pidfd of exactly this process; returns nil if it has ended or cannot be verified (ID-2).
    static func open(_ process: ProcessIdentity) -> (pidfd: Descriptor, stat: ProcStat)? {
        // A PID of another boot or PID namespace is not even opened (ID-3).
        guard process.startTicks != 0, process.bootID == currentMachine.bootID,
            process.pidNamespace == currentMachine.pidNamespace
        else { return nil }
        guard let found = openUnverified(process.pid), found.stat.startTicks == process.startTicks,
            process.pidfsInode == 0 || found.inode == 0 || found.inode == process.pidfsInode
        else { return nil }
        return (found.pidfd, found.stat)
    }

    /// Returns the identity of a process, with a pidfd that keeps it valid.
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
        // Signal 0 after the read proves that the text was about this process and not about a later one with its PID.
        // EPERM proves the same, because the kernel returns ESRCH for a process that has ended.
        guard let stat = ProcStat(of: pid), stat.pid == pid, [0, -EPERM].contains(hl_pidfd_send_signal(number, 0))
        else {
            return nil
        }
        return (pidfd, stat, UInt64(hl_pidfs_inode(number)))
    }

    /// Describes a running process for users: `pid 412 (nginx, state D)`; returns nil if it has ended.
    static func describe(_ pid: Int32) -> String? {
        guard let stat = ProcStat(of: pid), !stat.isDead else { return nil }
        let name = readText("/proc/\(pid)/comm", limit: 64)?.trimmed ?? "?"
        return "pid \(pid) (\(name), state \(Character(Unicode.Scalar(stat.state))))"
    }

    /// Returns the children of all threads of a process.
    static func children(of pid: Int32) -> [Int32] {
        guard let threads = listDirectory("/proc/\(pid)/task") else { return [] }
        return threads.flatMap { thread in
            (readText("/proc/\(pid)/task/\(thread)/children", limit: 1 << 20) ?? "").split(separator: " ")
                .compactMap { Int32($0) }
        }
    }

    /// Returns the PIDs of all descendants of a process, parents first.
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

    /// Returns all PIDs of this PID namespace.
    static func allPIDs() -> [Int32] {
        (listDirectory("/proc") ?? []).compactMap { Int32($0) }
    }

    /// Calls a closure with the `/proc/PID/fd` path of each open descriptor of a process, until the closure returns
    /// true.
    ///
    /// - Returns: Whether the closure has returned true.
    static func anyDescriptor(of pid: Int32, _ isWanted: (_ path: String) -> Bool) -> Bool {
        let folder = "/proc/\(pid)/fd"
        for name in listDirectory(folder) ?? [] where isWanted("\(folder)/\(name)") { return true }
        return false
    }
}
