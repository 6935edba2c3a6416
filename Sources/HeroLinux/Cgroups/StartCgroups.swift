import CHeroRecord
import Glibc
import HeroKernel
import HeroModel

/// The cgroups of one state directory: one for each start, made before its shim and gone with its tree.
///
/// They lie in `<parent>/heroproc-<digest>/<job>.<generation>`. A directory of this kind vanishes only when nobody is in it, so
/// removing one never harms anybody.
final class StartCgroups {
    /// What a start is held in.
    struct Placement {
        /// Its directory.
        var path: String
        /// In the words of the record.
        var kind: hero_containment
        /// Whether limits were set that hold nowhere else.
        var isRequired: Bool
        /// Whether its memory is limited, all of it together.
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

    /// Makes the directory of a start and sets its limits.
    ///
    /// - Returns: nil where there is none: the shim then holds its tree as a subreaper.
    /// - Throws: When a limit is refused, or when somebody of the start before it still lives (SH-5).
    func create(_ start: StartID, _ limits: ResourceLimits) throws(StartError) -> Placement? {
        // While somebody holds the lock no shim gets it: what is in the cgroup then is not ours to judge.
        guard !rootDirectory.isEmpty, !isRecordLocked(paths.record(of: start.job)) else { return nil }
        for generation in [start.generation &- 1, start.generation] {
            let earlier = directoryPath(StartID(job: start.job, generation: generation))
            if Self.isPopulated(earlier) {
                Self.kill(earlier)
                throw StartError(.launch, EBUSY, "processes of an earlier start are still in \(earlier)")
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

    /// Removes what is left of a start's directory, and of those that were made in it.
    func remove(_ start: StartID) {
        guard !rootDirectory.isEmpty else { return }
        Self.remove(directoryPath(start))
        // The last one takes the folder with it, as the last shim does.
        rmdir(rootDirectory)
    }

    /// Removes the directories of starts that are over, whoever left them, and the one around them if it is empty.
    func removeLeftovers() {
        guard !rootDirectory.isEmpty else { return }
        Self.remove(rootDirectory)
    }

    private func directoryPath(_ start: StartID) -> String { "\(rootDirectory)/\(start.job).\(start.generation)" }

    /// The last shim of all removes the folder, too: then it is made once more.
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

    /// Sets what this machine can limit; answers for which controllers.
    private func setLimits(_ limits: ResourceLimits, in path: String) throws(StartError) -> Set<String> {
        var wanted: [(controller: String, file: String, value: String, words: String)] = []
        if let bytes = limits.memoryBytes {
            wanted.append(("memory", "memory.max", String(bytes), "memory \(Canonical.size(bytes))"))
        }
        if let count = limits.treeProcesses { wanted.append(("pids", "pids.max", String(count), "pids \(count)")) }
        if let processors = limits.processors {
            let quota = Int64(max(1000, min(processors * 100_000, 1e12)))
            wanted.append(("cpu", "cpu.max", "\(quota) 100000", "cpu \(processors)"))
        }
        var set: Set<String> = []
        for one in wanted where support.controllers.contains(one.controller) {
            let error = Self.writeValue(one.value, into: "\(path)/\(one.file)")
            guard error == 0 else { throw StartError(.limits, error, "\(one.words): \(errorText(error))") }
            set.insert(one.controller)
        }
        return set
    }

    // MARK: - One directory

    /// Whether somebody is in it; false where there is no such directory.
    static func isPopulated(_ path: String) -> Bool {
        if let events = readText("\(path)/cgroup.events") { return events.contains("populated 1") }
        return !members(of: path).isEmpty
    }

    /// Who is in it.
    static func members(of path: String) -> [Int32] {
        (readText("\(path)/cgroup.procs", limit: 1 << 20) ?? "").split(separator: "\n").compactMap { Int32($0) }
    }

    /// Kills whoever is in it, where the kernel can do that in one step, and lets go what stands still.
    static func kill(_ path: String) {
        _ = writeValue("1", into: "\(path)/cgroup.kill")
        _ = writeValue("THAWED", into: "\(path)/freezer.state")
    }

    /// Removes a directory with all in it, as far as nobody is in them.
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

    /// Writes a text with one call, as the kernel wants it; 0 or the error number.
    private static func writeValue(_ text: String, into path: String) -> Int32 {
        let number = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW)
        guard number >= 0 else { return errno }
        let file = Descriptor(number)
        let bytes = Array(text.utf8)
        return write(file.number, bytes, bytes.count) == bytes.count ? 0 : errno
    }
}
