import Glibc

/// A process and the resources that it uses.
public struct ProcessUsage: Hashable, Sendable {
    /// Its number.
    public var pid: Int32
    /// The number of its parent.
    public var parent: Int32
    /// The name of its program, of at most 15 bytes.
    public var command: String
    /// The processor time, also of children that it has waited for.
    public var cpuMicroseconds: Int64
    /// Its proportional share of memory in bytes (PSS); nil if it is unknown.
    public var memory: Int64?
    /// The number of its threads.
    public var threads: Int64
    /// The number of its open descriptors; nil if it is unknown.
    public var descriptors: Int64?
}

/// Reads the resources of process trees.
///
/// The kernel may delay a reader of another process's memory map, so the reconciler must not call this.
public enum ProcessUsageReader {
    /// The processes of the trees that some main processes belong to, parents first.
    ///
    /// A tree has all descendants of the shim, also those whose parent has ended.
    public static func readTrees(of mains: [Int32]) -> [Int32: [ProcessUsage]] {
        var trees: [Int32: [ProcessUsage]] = [:]
        for main in mains where trees[main] == nil {
            guard let stat = ProcStat(of: main) else { continue }
            let isBelowShim = (readText("/proc/\(stat.parent)/comm", limit: 64) ?? "").hasPrefix("hpshim")
            let pids =
                isBelowShim
                ? ProcessTable.descendants(of: stat.parent) : [main] + ProcessTable.descendants(of: main)
            trees[main] = pids.compactMap(read)
        }
        return trees
    }

    private static func read(_ pid: Int32) -> ProcessUsage? {
        guard let bytes = readFile("/proc/\(pid)/stat", limit: 4096), let stat = ProcStat(bytes), !stat.isDead,
            let close = bytes.lastIndex(of: UInt8(ascii: ")"))
        else { return nil }
        // Fields 14 to 17 are the processor times in ticks; the first field after the name is field 3.
        let fields = bytes[(close &+ 1)...].split(separator: UInt8(ascii: " "), maxSplits: 16)
        let ticks = fields.dropFirst(11).prefix(4).compactMap { Int64(String(decoding: $0, as: UTF8.self)) }
        let ticksPerSecond = max(1, Int64(sysconf(Int32(_SC_CLK_TCK))))
        let total = ticks.reduce(0, &+)
        return ProcessUsage(
            pid: pid,
            parent: stat.parent,
            command: readText("/proc/\(pid)/comm", limit: 64)?.trimmed ?? "",
            cpuMicroseconds: total &* (1_000_000 / ticksPerSecond),
            memory: TreeMemory.proportionalBytes(of: pid),
            threads: Int64(clamping: stat.threadCount),
            descriptors: countDescriptors(pid)
        )
    }

    private static func countDescriptors(_ pid: Int32) -> Int64? {
        guard access("/proc/\(pid)/fd", R_OK) == 0 else { return nil }
        var count: Int64 = 0
        _ = ProcessTable.anyDescriptor(of: pid) { _ in
            count += 1
            return false
        }
        return count
    }
}
