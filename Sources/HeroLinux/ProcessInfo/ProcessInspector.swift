import CHeroLinux
import Glibc
import HeroModel

/// Who a process is that we did not start, and whether it may ever be signalled (reliability.md I4, RC-2).
struct ProcessInspector {
    /// Everybody above the reconciler.
    private let ownAncestors: Set<Int32>

    init() {
        ownAncestors = Set(Self.ancestors(of: getpid()))
    }

    /// Describes a living process; nil when it has ended or cannot be proven.
    func inspect(_ pid: Int32) -> ForeignProcess? {
        guard let found = ProcessTable.identify(pid), !found.stat.isDead else { return nil }
        var folder = stat()
        guard stat("/proc/\(pid)", &folder) == 0 else { return nil }
        let ancestors = Self.ancestors(of: pid)
        let program = Self.programPath(of: pid)
        return ForeignProcess(
            identity: found.identity,
            program: program ?? readText("/proc/\(pid)/comm")?.trimmed ?? "?",
            user: Self.realUser(of: pid) ?? folder.st_uid,
            ancestors: ancestors,
            protection: protection(
                of: pid,
                ancestors: ancestors,
                isKernelThread: program == nil && Self.isKernelThread(pid)
            )
                ?? (hl_pidfd_send_signal(found.pidfd.number, 0) == -EPERM ? .otherUser : nil),
            job: ancestors.first(where: Self.isShim).flatMap(Self.shimLabel)
        )
    }

    private func protection(of pid: Int32, ancestors: [Int32], isKernelThread: Bool) -> Protection? {
        if pid == 1 { return .pidOne }
        if pid == getpid() { return .reconciler }
        if ownAncestors.contains(pid) { return .ancestor }
        if isKernelThread { return .kernelThread }
        if Self.isShim(pid) { return .shim }
        if ancestors.contains(where: Self.isShim) { return .job }
        var namespace = stat()
        if stat("/proc/\(pid)/ns/pid", &namespace) == 0,
            UInt64(namespace.st_ino) != ProcessTable.currentMachine.pidNamespace
        {
            return .container
        }
        return Self.portForwarders.contains(Self.programPath(of: pid)?.split(separator: "/").last ?? "")
            ? .portForwarder : nil
    }

    /// Programs that hold a port for a container (reliability.md RC-2).
    private static let portForwarders: Set<Substring> = ["docker-proxy", "rootlessport", "rootlesskit"]

    /// What a shim says of itself in `ps`: `core/web.server #17`.
    private static func shimLabel(of shim: Int32) -> String? {
        guard let words = readFile("/proc/\(shim)/cmdline", limit: 4096)?.split(separator: 0), words.count == 2 else {
            return nil
        }
        return String(decoding: words[1], as: UTF8.self)
    }

    /// The path of its program, also of one that was replaced on disk; nil where it cannot be read.
    static func programPath(of pid: Int32) -> String? {
        guard let path = linkTarget("/proc/\(pid)/exe") else { return nil }
        let mark = " (deleted)"
        return path.hasSuffix(mark) ? String(path.dropLast(mark.count)) : path
    }

    /// The pids above a process, its parent first.
    static func ancestors(of pid: Int32) -> [Int32] {
        var found: [Int32] = []
        var next = pid
        // A parent can end and its pid be taken while we read: the chain is bounded, whatever it says.
        while found.count < 256, let parent = ProcStat(of: next)?.parent, parent > 0, !found.contains(parent) {
            found.append(parent)
            next = parent
        }
        return found
    }

    static func isShim(_ pid: Int32) -> Bool {
        programPath(of: pid)?.split(separator: "/").last == "hpshim"
            || readText("/proc/\(pid)/comm")?.trimmed == "hpshim"
    }

    /// A thread of the kernel has no command line and no memory of its own.
    private static func isKernelThread(_ pid: Int32) -> Bool {
        readFile("/proc/\(pid)/cmdline", limit: 1)?.isEmpty ?? false
            && readText("/proc/\(pid)/status")?.contains("\nVmSize:") == false
    }

    private static func realUser(of pid: Int32) -> UInt32? {
        guard let status = readText("/proc/\(pid)/status") else { return nil }
        for line in status.split(separator: "\n") where line.hasPrefix("Uid:") {
            return line.split(whereSeparator: { $0 == "\t" || $0 == " " }).dropFirst().first.flatMap { UInt32($0) }
        }
        return nil
    }
}

/// Where a symbolic link leads; nil when it cannot be read.
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
