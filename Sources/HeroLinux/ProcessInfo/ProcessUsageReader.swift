import CHeroLinux
import Glibc
public import HeroModel

/// Reads the resources of the process trees of running jobs.
///
/// The kernel may delay a reader of another process's memory map, so the reconciler must not call this.
public enum ProcessUsageReader {
    /// A job whose processes are wanted.
    public struct Job: Hashable, Sendable {
        /// The job.
        public var id: JobID
        /// Its main process as recorded; nil if none is recorded.
        public var main: Int32?

        /// Creates a job.
        public init(id: JobID, main: Int32?) {
            self.id = id
            self.main = main
        }
    }

    /// The processes of a job before their memory is read.
    private struct Tree {
        var job: JobID
        var processes: [ProcessUsage]
        /// The processor time of its cgroup, which includes ended processes; nil without one.
        var cgroupTime: Int64?
    }

    /// Reads the trees of jobs; a job without any process has an empty tree.
    ///
    /// A tree consists of all descendants of the shim, also of those whose parent has ended.
    public static func readTrees(of jobs: [Job], _ paths: RuntimePaths) -> [JobID: TreeUsage] {
        var result: [JobID: TreeUsage] = [:]
        var found: [Tree] = []
        for job in jobs {
            if let tree = readTree(of: job, paths) {
                found.append(tree)
            } else {
                result[job.id] = .unknown
            }
        }
        let memory = MemoryReader.readMemory(of: found.flatMap { $0.processes.map(\.pid) })
        for tree in found {
            var processes: [ProcessUsage] = []
            for var process in tree.processes {
                process.usage.memory = memory[process.pid]
                // A process that has ended since then uses nothing.
                if process.usage.memory == nil, ProcStat(of: process.pid)?.isDead ?? true { continue }
                processes.append(process)
            }
            var total = processes.reduce(.none) { $0 + $1.usage }
            if let time = tree.cgroupTime { total.cpuMicroseconds = time }
            result[tree.job] = TreeUsage(processes: processes, total: total)
        }
        return result
    }

    /// The processes of one job; nil if they exist and cannot be read.
    private static func readTree(of job: Job, _ paths: RuntimePaths) -> Tree? {
        var pids: [Int32] = []
        var cgroupTime: Int64?
        if case .found(let record) = RecordReader.read(paths.record(of: job.id), job: job.id),
            let shim = record.shim, ProcessTable.isAlive(shim)
        {
            guard listDirectory("/proc/\(shim.pid)/task") != nil else { return nil }
            pids = ProcessTable.descendants(of: shim.pid)
            if record.containment == .cgroup { cgroupTime = record.cgroup.flatMap(processorTime) }
        } else if let main = job.main {
            guard let stat = ProcStat(of: main) else { return exists(main) ? nil : Tree(job: job.id, processes: []) }
            pids = stat.isDead ? [] : [main] + ProcessTable.descendants(of: main)
        }
        var processes: [ProcessUsage] = []
        for pid in pids {
            if let process = readProcess(pid) {
                processes.append(process)
            } else if exists(pid) && ProcStat(of: pid) == nil {
                return nil
            }
        }
        return Tree(job: job.id, processes: processes, cgroupTime: cgroupTime)
    }

    /// Whether a process exists, also one that this user may not see in `/proc`.
    private static func exists(_ pid: Int32) -> Bool {
        let pidfd = hl_pidfd_open(pid)
        if pidfd >= 0 { close(pidfd) }
        return pidfd >= 0
    }

    /// The processor time of a cgroup v2 in microseconds; nil if it cannot be read.
    private static func processorTime(_ cgroup: String) -> Int64? {
        for line in (readText("\(cgroup)/cpu.stat") ?? "").split(separator: "\n") {
            let parts = line.split(separator: " ")
            if parts.count == 2, parts[0] == "usage_usec" { return Int64(parts[1]) }
        }
        return nil
    }

    /// Reads everything but the memory; nil if the process has ended or cannot be read.
    private static func readProcess(_ pid: Int32) -> ProcessUsage? {
        guard let stat = ProcStat(of: pid), !stat.isDead else { return nil }
        return ProcessUsage(
            pid: pid,
            parent: stat.parent,
            command: readText("/proc/\(pid)/comm", limit: 64)?.trimmed ?? "",
            startedAt: wallTime(of: stat.startedAt),
            usage: ResourceUsage(
                cpuMicroseconds: stat.cpuMicroseconds,
                memory: nil,
                processes: 1,
                threads: Int64(clamping: stat.threadCount),
                descriptors: countDescriptors(pid)
            )
        )
    }

    private static func wallTime(of moment: Moment) -> WallTime {
        let age = (Moment(nanoseconds: hl_boot_clock()) - moment).wholeNanoseconds / 1000
        return WallTime(microseconds: currentWallTime().microseconds &- max(0, age))
    }

    /// The number of open descriptors; nil if this user may not see them.
    private static func countDescriptors(_ pid: Int32) -> Int64? {
        listDirectory("/proc/\(pid)/fd").map { Int64($0.count) }
    }
}
