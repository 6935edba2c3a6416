import CHeroLinux
import Glibc
import HeroModel

extension MachineInspector {
    /// The limits and the current numbers of files, processes and watches.
    static var limits: LimitFacts {
        var facts = LimitFacts()
        (facts.openFilesSoft, facts.openFilesHard) = resourceLimit(Int32(HL_LIMIT_FILES))
        facts.processes = resourceLimit(Int32(HL_LIMIT_PROCESSES)).soft
        facts.pidMax = readNumber("/proc/sys/kernel/pid_max")
        facts.inotifyWatches = readNumber("/proc/sys/fs/inotify/max_user_watches")
        facts.inotifyInstances = readNumber("/proc/sys/fs/inotify/max_user_instances")
        // `0.00 0.01 0.05 1/123 4567`: the fourth field has the running and the existing tasks.
        let load = (readText("/proc/loadavg") ?? "").split(separator: " ")
        if load.count >= 4 { facts.pids = load[3].split(separator: "/").last.flatMap { Int64($0) } ?? 0 }
        var own = stat()
        facts.ownProcesses = Int64(
            ProcessTable.allPIDs().count { stat("/proc/\($0)", &own) == 0 && own.st_uid == geteuid() }
        )
        (facts.cgroupPidMax, facts.cgroupPids) = tightestProcessLimit(
            memberships: readText("/proc/self/cgroup") ?? "",
            mounts: MountTable.current
        )
        return facts
    }

    private static func resourceLimit(_ what: Int32) -> (soft: Int64?, hard: Int64?) {
        var soft: Int64 = -1
        var hard: Int64 = -1
        guard hl_resource_limit(what, &soft, &hard) == 0 else { return (nil, nil) }
        return (soft < 0 ? nil : soft, hard < 0 ? nil : hard)
    }

    private static func readNumber(_ path: String) -> Int64? {
        readText(path).flatMap { Int64($0.trimmed) }
    }

    /// Returns the tightest process limit of the cgroups of this process, and the number of tasks in that cgroup.
    private static func tightestProcessLimit(memberships: String, mounts: MountTable) -> (max: Int64?, used: Int64) {
        var tightest: (max: Int64, used: Int64)?
        for line in memberships.split(separator: "\n") {
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { continue }
            let isUnified = fields[1].isEmpty
            guard isUnified || fields[1].split(separator: ",").contains("pids") else { continue }
            let points = mounts.entries.filter {
                isUnified ? $0.fileSystem == "cgroup2" : $0.fileSystem == "cgroup" && $0.options.contains("pids")
            }
            for point in points.map(\.mountPoint) {
                var folder = fields[2] == "/" ? "" : String(fields[2])
                while true {
                    if let most = readNumber("\(point)\(folder)/pids.max") {
                        let used = readNumber("\(point)\(folder)/pids.current") ?? 0
                        if tightest.map({ most - used < $0.max - $0.used }) ?? true { tightest = (most, used) }
                    }
                    guard let slash = folder.lastIndex(of: "/") else { break }
                    folder = String(folder[..<slash])
                }
            }
        }
        return (tightest?.max, tightest?.used ?? 0)
    }
}
