import CHeroLinux
import Glibc
import HeroModel

/// Describes processes that heroproc did not start, and whether they may be signalled (I4, RC-2).
struct ProcessInspector {
    /// The ancestors of the reconciler.
    private let ownAncestors: Set<Int32>

    init() {
        ownAncestors = Set(Self.ancestors(of: getpid()))
    }

    /// Describes a running process; returns nil if it has ended or cannot be verified.
    func inspect(_ pid: Int32) -> ForeignProcess? {
        guard let found = ProcessTable.identify(pid), !found.stat.isDead else { return nil }
        var folder = stat()
        guard stat("/proc/\(pid)", &folder) == 0 else { return nil }
        let ancestors = Self.ancestors(of: pid)
        let program = Self.programPath(of: pid)
        let shim = ancestors.first(where: Self.isShim)
        var facts = ProcessFacts(pid: pid)
        facts.isReconciler = pid == getpid()
        facts.isReconcilerAncestor = ownAncestors.contains(pid)
        facts.isKernelThread = found.stat.isKernelThread
        facts.isShim = Self.isShim(pid)
        facts.hasShimAncestor = shim != nil
        facts.isInOtherPIDNamespace = Self.isInOtherPIDNamespace(pid)
        facts.programName = program?.split(separator: "/").last.map(String.init)
        facts.isSignalForbidden = hl_pidfd_send_signal(found.pidfd.number, 0) == -EPERM
        return ForeignProcess(
            identity: found.identity,
            program: program ?? readText("/proc/\(pid)/comm")?.trimmed ?? "?",
            user: Self.realUser(of: pid) ?? folder.st_uid,
            ancestors: ancestors,
            protection: Protection(facts),
            job: shim.flatMap(Self.shimLabel)
        )
    }

    private static func isInOtherPIDNamespace(_ pid: Int32) -> Bool {
        var namespace = stat()
        return stat("/proc/\(pid)/ns/pid", &namespace) == 0
            && UInt64(namespace.st_ino) != ProcessTable.currentMachine.pidNamespace
    }

    /// Returns the label that a shim shows in `ps`: `core/web.server #17`.
    private static func shimLabel(of shim: Int32) -> String? {
        // A process can give itself the name of a shim, so even this text comes from the helper process.
        guard let arguments = ProcessReader.arguments(of: shim), arguments.count == 2 else { return nil }
        return String(decoding: arguments[1], as: UTF8.self)
    }

    /// Returns the path of the program of a process, even if its file was replaced; nil if it cannot be read.
    static func programPath(of pid: Int32) -> String? {
        guard let path = linkTarget("/proc/\(pid)/exe") else { return nil }
        let suffix = " (deleted)"
        return path.hasSuffix(suffix) ? String(path.dropLast(suffix.count)) : path
    }

    /// Returns the PIDs of the ancestors of a process, its parent first.
    static func ancestors(of pid: Int32) -> [Int32] {
        var found: [Int32] = []
        var next = pid
        // A parent may end and its PID be reused during the search, so the length is limited.
        while found.count < 256, let parent = ProcStat(of: next)?.parent, parent > 0, !found.contains(parent) {
            found.append(parent)
            next = parent
        }
        return found
    }

    /// Whether a process is a shim: a program of that name that holds the lock of a record.
    ///
    /// The name alone proves nothing. The kernel lists the process that has taken a lock, so a process that has only
    /// inherited or received the descriptor does not count.
    static func isShim(_ pid: Int32) -> Bool { hasShimName(pid) && holdsFileLock(pid) }

    /// Whether the kernel lists a process as the holder of a flock(2) (proc_locks(5)); true where it lists none.
    private static func holdsFileLock(_ pid: Int32) -> Bool {
        guard let locks = readText("/proc/locks", limit: 16 << 20) else { return true }
        // `1: FLOCK  ADVISORY  WRITE 412 fe:00:1015910 0 EOF`
        let holder = Substring(String(pid))
        return locks.split(separator: "\n").contains { line in
            let fields = line.split(separator: " ")
            return fields.count >= 6 && fields[1] == "FLOCK" && fields[3] == "WRITE" && fields[4] == holder
        }
    }

    /// Whether a process has the name of a shim.
    static func hasShimName(_ pid: Int32) -> Bool {
        programPath(of: pid)?.split(separator: "/").last == "hpshim"
            || readText("/proc/\(pid)/comm")?.trimmed == "hpshim"
    }

    private static func realUser(of pid: Int32) -> UInt32? {
        guard let status = readText("/proc/\(pid)/status") else { return nil }
        for line in status.split(separator: "\n") where line.hasPrefix("Uid:") {
            return line.split(whereSeparator: { $0 == "\t" || $0 == " " }).dropFirst().first.flatMap { UInt32($0) }
        }
        return nil
    }
}

/// Returns the target of a symbolic link; nil if it cannot be read.
func linkTarget(_ path: String) -> String? {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 4097) { buffer in
        guard let base = buffer.baseAddress else { return nil }
        let size = readlink(path, base, buffer.count)
        guard size > 0, size < buffer.count else { return nil }
        return String(
            decoding: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[..<size]),
            as: UTF8.self
        )
    }
}
