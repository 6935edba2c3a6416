import CHeroRecord
import Glibc
import HeroKernel
import HeroModel

/// The cgroups of one state directory: one for each start, created before its shim and removed after its process tree
/// has ended.
///
/// Their directories are `<parent>/heroproc-<digest>/<job>.<generation>`. The kernel removes a cgroup directory only
/// when it has no processes, so a removal never affects a running process.
final class StartCgroups {
    /// The cgroup of a start.
    struct Placement {
        /// The directory of the cgroup.
        var path: String
        /// The containment method as the record stores it.
        var kind: hero_containment
        /// Whether the cgroup enforces limits that nothing else can enforce, so that a start without it must fail.
        var isRequired: Bool
        /// Whether the memory of the whole process tree is limited.
        var limitsMemory: Bool
    }

    let support: CgroupSupport
    private let paths: RuntimePaths
    private let rootDirectory: String

    init(_ cgroups: CgroupSupport, paths: RuntimePaths) {
        self.support = cgroups
        self.paths = paths
        rootDirectory =
            cgroups.level == .subreaper ? "" : "\(cgroups.parent)/heroproc-\(RuntimePaths.digest(of: paths.state))"
    }

    /// Creates the cgroup of a start and sets its limits.
    ///
    /// - Returns: nil if there is no cgroup support; the shim then contains its process tree as a subreaper.
    /// - Throws: If a limit is refused, or if processes of an earlier start are still running in their cgroup (SH-5).
    func create(_ start: StartID, _ limits: ResourceLimits) throws(StartError) -> Placement? {
        // While another process holds the lock of the record, no shim can start, and the processes in the cgroup belong
        // to that process.
        guard !rootDirectory.isEmpty, !isRecordLocked(paths.record(of: start.job)) else { return nil }
        for generation in [start.generation &- 1, start.generation] {
            let earlier = directoryPath(StartID(job: start.job, generation: generation))
            if Self.isPopulated(earlier) {
                Self.kill(earlier)
                throw StartError(.launch, EBUSY, "processes of an earlier start are still running in \(earlier)")
            }
        }
        let path = directoryPath(start)
        guard path.utf8.count < Int(HERO_CGROUP_SIZE), makeDirectory(path) else { return nil }
        guard support.level == .cgroup else {
            return Placement(path: path, kind: HERO_CONTAINMENT_FREEZER, isRequired: false, limitsMemory: false)
        }
        do {
            let set = try setLimits(limits, in: path)
            return Placement(
                path: path,
                kind: HERO_CONTAINMENT_CGROUP,
                isRequired: !set.isEmpty,
                limitsMemory: set.contains("memory")
            )
        } catch {
            Self.remove(path)
            throw error
        }
    }

    /// Removes the cgroup of a start and the cgroups that were created in it.
    func remove(_ start: StartID) {
        guard !rootDirectory.isEmpty else { return }
        Self.remove(directoryPath(start))
        // This succeeds only for the last cgroup in the root directory; the last shim does the same.
        rmdir(rootDirectory)
    }

    /// Removes the cgroups of ended starts and, if it is empty then, the root directory.
    func removeLeftovers() {
        guard !rootDirectory.isEmpty else { return }
        Self.remove(rootDirectory)
    }

    /// Returns the cgroups of all starts of a job.
    func directories(of job: JobID) -> [String] {
        guard !rootDirectory.isEmpty else { return [] }
        return (listDirectory(rootDirectory) ?? []).compactMap { name in
            let parts = name.split(separator: ".")
            guard parts.count == 2, JobID(parts[0]) == job, UInt32(parts[1]) != nil else { return nil }
            return "\(rootDirectory)/\(name)"
        }
    }

    /// The memory that the cgroup of a start uses, in bytes; nil without a memory controller.
    func memory(of start: StartID) -> Int64? {
        guard !rootDirectory.isEmpty else { return nil }
        return readText("\(directoryPath(start))/memory.current").flatMap { Int64($0.trimmed) }
    }

    private func directoryPath(_ start: StartID) -> String { "\(rootDirectory)/\(start.job).\(start.generation)" }

    /// Creates a cgroup directory.
    ///
    /// The last shim may remove the root directory at any moment, so this is tried again.
    private func makeDirectory(_ path: String) -> Bool {
        for _ in 0..<3 {
            if mkdir(rootDirectory, 0o755) == 0 || access("\(rootDirectory)/cgroup.subtree_control", F_OK) == 0 {
                enableControllers()
            }
            if mkdir(path, 0o755) == 0 || errno == EEXIST { return true }
            guard errno == ENOENT else { return false }
        }
        return false
    }

    private func enableControllers() {
        for controller in support.controllers.sorted() {
            _ = Self.writeValue("+\(controller)", into: "\(support.parent)/cgroup.subtree_control")
            _ = Self.writeValue("+\(controller)", into: "\(rootDirectory)/cgroup.subtree_control")
        }
    }

    /// Sets the limits that this machine supports.
    ///
    /// - Returns: The controllers that have a limit now.
    private func setLimits(_ limits: ResourceLimits, in path: String) throws(StartError) -> Set<String> {
        var wanted: [(controller: String, file: String, value: String, text: String)] = []
        if let bytes = limits.memoryBytes {
            wanted.append(("memory", "memory.max", String(bytes), "memory \(Canonical.size(bytes))"))
        }
        if let count = limits.treeProcesses { wanted.append(("pids", "pids.max", String(count), "pids \(count)")) }
        if let processors = limits.processors {
            let quota = Int64(max(1000, min(processors * 100_000, 1e12)))
            wanted.append(("cpu", "cpu.max", "\(quota) 100000", "cpu \(processors)"))
        }
        var set: Set<String> = []
        for limit in wanted where support.controllers.contains(limit.controller) {
            let error = Self.writeValue(limit.value, into: "\(path)/\(limit.file)")
            guard error == 0 else { throw StartError(.limits, error, "\(limit.text): \(errorText(error))") }
            set.insert(limit.controller)
        }
        return set
    }

    // MARK: - Cgroup directories

    /// Whether a cgroup has processes; false if the directory does not exist.
    static func isPopulated(_ path: String) -> Bool {
        if let events = readText("\(path)/cgroup.events") { return events.contains("populated 1") }
        return !members(of: path).isEmpty
    }

    /// Returns the PIDs of the processes in a cgroup.
    static func members(of path: String) -> [Int32] {
        (readText("\(path)/cgroup.procs", limit: 1 << 20) ?? "").split(separator: "\n").compactMap { Int32($0) }
    }

    /// Kills all processes of a cgroup in one step, if the kernel supports that, and thaws a frozen one.
    ///
    /// A cgroup that contains this process is never killed.
    static func kill(_ path: String) {
        guard !containsThisProcess(path) else { return }
        _ = writeValue("1", into: "\(path)/cgroup.kill")
        _ = writeValue("THAWED", into: "\(path)/freezer.state")
    }

    /// Whether this process is in a cgroup or in a cgroup below it.
    private static func containsThisProcess(_ path: String) -> Bool {
        containsProcess(path, memberships: readText("/proc/self/cgroup") ?? "")
    }

    /// Whether the text of `/proc/PID/cgroup` names a cgroup of heroproc, or one below it.
    static func containsProcess(_ path: String, memberships: String) -> Bool {
        let parts = path.split(separator: "/")
        // The name of a start's cgroup is unique together with the directory of its state directory.
        guard parts.count >= 2 else { return false }
        let wanted = "/" + parts.suffix(2).joined(separator: "/")
        return memberships.split(separator: "\n").contains { line in
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            return fields.count == 3 && (fields[2].hasSuffix(wanted) || (fields[2] + "/").contains(wanted + "/"))
        }
    }

    /// Removes a cgroup and the cgroups in it, as far as they have no processes.
    static func remove(_ path: String, depth: Int = 0) {
        guard rmdir(path) != 0, errno != ENOENT, depth < 16 else { return }
        for name in listDirectory(path) ?? [] {
            var file = stat()
            if lstat("\(path)/\(name)", &file) == 0, file.st_mode & S_IFMT == S_IFDIR {
                remove("\(path)/\(name)", depth: depth + 1)
            }
        }
        rmdir(path)
    }

    /// Writes a value with one call, as the kernel requires.
    ///
    /// - Returns: 0, or the errno.
    private static func writeValue(_ text: String, into path: String) -> Int32 {
        let number = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW)
        guard number >= 0 else { return errno }
        let file = Descriptor(number)
        let bytes = Array(text.utf8)
        return write(file.number, bytes, bytes.count) == bytes.count ? 0 : errno
    }
}
