import CHeroLinux
import Glibc
public import HeroModel

/// The cgroup directory in which heroproc can create its own cgroups on this machine, and the controllers it can use
/// there (TR-2).
///
/// Detection changes nothing. The strongest available method is chosen: a writable cgroup v2, the v1 freezer, or no
/// cgroup.
public struct CgroupSupport: Hashable, Sendable {
    /// How process trees are contained.
    public let level: ContainmentSupport.Method
    /// The directory in which the cgroups of heroproc are created; empty for `subreaper`.
    public let parent: String
    /// The controllers that can limit cgroups in `parent`: `memory`, `pids`, `cpu`.
    let controllers: Set<String>

    /// No cgroup support.
    static let none = CgroupSupport(level: .subreaper, parent: "", controllers: [])

    /// The limits that this machine can enforce for a process tree.
    public var capabilities: ContainmentSupport {
        ContainmentSupport(
            method: level,
            limitsMemory: controllers.contains("memory"),
            limitsProcesses: controllers.contains("pids"),
            limitsProcessors: controllers.contains("cpu")
        )
    }

    /// The method and its limits as a text for users.
    public var summary: String {
        let limits = controllers.isEmpty ? "" : " that also limit \(controllers.sorted().joined(separator: ", "))"
        switch level {
        case .cgroup: return "cgroups in \(parent)\(limits)"
        case .freezer: return "the freezer in \(parent)"
        case .subreaper: return "their shims only, because heroproc has no writable cgroup"
        }
    }

    /// Detects the cgroup support of this machine.
    ///
    /// `HEROPROC_CONTAINMENT` (`cgroup`, `freezer` or `subreaper`) sets the strongest method allowed, and
    /// `HEROPROC_CGROUP` names a cgroup v2 that heroproc may use.
    public static func detect(environment: [String: String]) -> CgroupSupport {
        detect(
            environment: environment,
            mounts: readText("/proc/self/mountinfo", limit: 1 << 20) ?? "",
            memberships: readText("/proc/self/cgroup") ?? "",
            hasSystemd: access("/run/systemd/system", F_OK) == 0
        )
    }

    /// Detects the cgroup support of a running reconciler; if its `/proc` files cannot be read, that of this process.
    public static func detect(environment: [String: String], of reconciler: Int32?) -> CgroupSupport {
        guard let pid = reconciler, pid > 0, readText("/proc/\(pid)/comm")?.trimmed == "heroproc",
            let mounts = readText("/proc/\(pid)/mountinfo", limit: 1 << 20),
            let memberships = readText("/proc/\(pid)/cgroup"),
            let variables = readFile("/proc/\(pid)/environ", limit: 1 << 20)
        else { return detect(environment: environment) }
        let pairs = variables.split(separator: 0).compactMap { entry -> (String, String)? in
            let parts = String(decoding: entry, as: UTF8.self).split(separator: "=", maxSplits: 1)
            return parts.count == 2 ? (String(parts[0]), String(parts[1])) : nil
        }
        return detect(
            environment: Dictionary(pairs, uniquingKeysWith: { first, _ in first }),
            mounts: mounts,
            memberships: memberships,
            hasSystemd: access("/run/systemd/system", F_OK) == 0
        )
    }

    /// Detects the cgroup support from the texts of `/proc/self/mountinfo` and `/proc/self/cgroup`.
    static func detect(
        environment: [String: String],
        mounts: String,
        memberships: String,
        hasSystemd: Bool
    ) -> CgroupSupport {
        let allowed = environment["HEROPROC_CONTAINMENT"].flatMap(ContainmentSupport.Method.init) ?? .cgroup
        let mounted = mounts.split(separator: "\n").compactMap { Mount(line: $0) }
        if allowed == .cgroup {
            if let own = environment["HEROPROC_CGROUP"], own.hasPrefix("/"), let found = detectUnified(own) {
                return found
            }
            let path = cgroupPath(memberships, of: \.isEmpty)
            let candidates = mounted.filter { $0.isUnified }.flatMap { ownCgroups(in: $0.mountPoint, path) }
            let usable = candidates.filter { !hasSystemd || hl_is_delegated($0) == 1 }.compactMap { detectUnified($0) }
            // A cgroup with controllers is preferred to one that can only kill its processes.
            if let found = usable.first(where: { !$0.controllers.isEmpty }) ?? usable.first { return found }
        }
        if allowed != .subreaper,
            let path = cgroupPath(memberships, of: { $0.split(separator: ",").contains("freezer") }),
            let mount = mounted.first(where: { $0.isFreezer })
        {
            let parent = joined(mount.mountPoint, path)
            if access(parent, W_OK) == 0 { return CgroupSupport(level: .freezer, parent: parent, controllers: []) }
        }
        return .none
    }

    /// Returns the cgroup of this process, and its parent if the cgroup is named `supervisor`: systemd then delegates
    /// the parent.
    private static func ownCgroups(in point: String, _ path: String?) -> [String] {
        guard let path else { return [] }
        let own = joined(point, path)
        guard path.hasSuffix("/supervisor") else { return [own] }
        return [own, String(own.dropLast("/supervisor".utf8.count))]
    }

    /// Returns the support that a cgroup v2 directory offers; nil if heroproc cannot create cgroups in it.
    private static func detectUnified(_ path: String) -> CgroupSupport? {
        guard access(path, W_OK) == 0, access("\(path)/cgroup.procs", W_OK) == 0 else { return nil }
        let offered = readControllers("\(path)/cgroup.controllers")
        let enabled = readControllers("\(path)/cgroup.subtree_control")
        // The kernel enables controllers only in a cgroup without processes of its own; the root cgroup is exempt.
        let mayEnable =
            access("\(path)/cgroup.subtree_control", W_OK) == 0
            && (access("\(path)/cgroup.type", F_OK) != 0 || (readText("\(path)/cgroup.procs") ?? "").trimmed.isEmpty)
        let wanted: Set = ["memory", "pids", "cpu"]
        return CgroupSupport(
            level: .cgroup,
            parent: path,
            controllers: wanted.intersection(mayEnable ? offered : enabled)
        )
    }

    private static func readControllers(_ path: String) -> Set<String> {
        Set((readText(path) ?? "").trimmed.split(separator: " ").map(String.init))
    }

    /// Finds the path in a line such as `6:freezer:/path` or `0::/path`.
    private static func cgroupPath(_ text: String, of isWanted: (Substring) -> Bool) -> String? {
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            if fields.count == 3, isWanted(fields[1]) { return String(fields[2]) }
        }
        return nil
    }

    private static func joined(_ point: String, _ path: String) -> String {
        path == "/" ? point : point + path
    }

    /// A line of mountinfo (proc(5)).
    private struct Mount {
        var mountPoint: String
        var isUnified: Bool
        var isFreezer: Bool

        init?(line: Substring) {
            let halves = line.split(separator: " - ", maxSplits: 1)
            guard halves.count == 2 else { return nil }
            let fields = halves[0].split(separator: " ")
            let system = halves[1].split(separator: " ")
            guard fields.count >= 5, let kind = system.first else { return nil }
            mountPoint = String(fields[4])
            isUnified = kind == "cgroup2"
            isFreezer = kind == "cgroup" && (system.last?.split(separator: ",").contains("freezer") ?? false)
        }
    }
}
