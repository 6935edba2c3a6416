import CHeroLinux
import Glibc
import HeroModel

extension MachineInspector {
    /// Inspects a directory, or its nearest existing parent.
    static func inspectFolder(
        _ role: DirectoryFacts.Role,
        _ path: String,
        _ mounts: MountTable,
        _ environment: [String: String]
    ) -> DirectoryFacts {
        var facts = DirectoryFacts(role, path)
        var seen = path
        var file = stat()
        while stat(seen, &file) != 0, seen != "/" {
            seen = seen.lastIndex(of: "/").map { $0 == seen.startIndex ? "/" : String(seen[..<$0]) } ?? "/"
        }
        facts.exists = seen == path && file.st_mode & S_IFMT == S_IFDIR
        facts.owner = file.st_uid
        facts.mode = UInt32(file.st_mode & 0o7777)
        facts.isWritable = file.st_mode & S_IFMT == S_IFDIR && access(seen, W_OK | X_OK) == 0
        facts.insecurityReason = trustProblem(role, path, environment)
        if let mount = mounts.entryContaining(realPath(seen) ?? seen) {
            facts.fileSystem = mount.fileSystem
            facts.isReadOnly = mount.options.contains("ro")
            facts.forbidsExecution = mount.options.contains("noexec")
        }
        var system = statvfs()
        if statvfs(seen, &system) == 0 {
            facts.freeBytes = Int64(
                clamping: UInt64(system.f_bavail).multipliedReportingOverflow(by: UInt64(system.f_frsize)).partialValue
            )
            // Some file systems allocate inodes on demand and report none.
            if system.f_files > 0 { facts.freeFiles = Int64(clamping: UInt64(system.f_favail)) }
        }
        return facts
    }

    private static func trustProblem(_ role: DirectoryFacts.Role, _ path: String, _ environment: [String: String])
        -> String?
    {
        switch role {
        case .services: return ManifestFiles.trustProblem(in: path, environment: environment)
        case .state, .run:
            do throws(PathProblem) {
                try PathTrust.current.check(path)
                return nil
            } catch {
                return error.text
            }
        }
    }

    /// Inspects how process trees are contained, and what prevents a better method.
    static func inspectContainment(_ environment: [String: String]) -> ContainmentFacts {
        let cgroups = CgroupSupport.detect(environment: environment)
        var facts = ContainmentFacts()
        facts.method = cgroups.level
        facts.parent = cgroups.parent
        facts.controllers = cgroups.controllers
        if cgroups.level == .cgroup {
            // The root cgroup has no file `cgroup.type`, but its children have one.
            let isRoot = access("\(cgroups.parent)/cgroup.type", F_OK) != 0
            facts.killsAtOnce = isRoot ? nil : access("\(cgroups.parent)/cgroup.kill", F_OK) == 0
            if cgroups.controllers.isEmpty { facts.limitation = .noControllers(cgroups.parent) }
            return facts
        }
        let allowed = environment["HEROPROC_CONTAINMENT"].flatMap(ContainmentSupport.Method.init) ?? .cgroup
        facts.limitation = allowed == cgroups.level ? .forbidden : cgroupObstacle()
        return facts
    }

    private static func cgroupObstacle() -> ContainmentFacts.Limitation {
        let points = MountTable.current.entries.filter { $0.fileSystem == "cgroup2" }.map(\.mountPoint)
        let line = (readText("/proc/self/cgroup") ?? "").split(separator: "\n").first { $0.hasPrefix("0::") }
        guard let point = points.first, let line else { return .notMounted }
        let path = line.dropFirst(3)
        let own = path == "/" ? point : point + path
        guard access(own, W_OK) == 0, access("\(own)/cgroup.procs", W_OK) == 0 else { return .notWritable(own) }
        return .notDelegated(own)
    }

    /// Inspects what supervises heroproc itself.
    static func inspectSupervision(_ paths: RuntimePaths, _ environment: [String: String]) -> SupervisionFacts {
        var facts = SupervisionFacts()
        facts.hasSystemd = access("/run/systemd/system", F_OK) == 0
        let holder = ReconcilerLock.holder(paths)
        facts.reconciler = holder
        let memberships = holder.flatMap { readText("/proc/\($0.pid)/cgroup") } ?? readText("/proc/self/cgroup") ?? ""
        let parts = memberships.split(separator: "\n").flatMap { $0.split(separator: "/") }
        facts.loginSession = parts.first { $0.hasPrefix("session-") && $0.hasSuffix(".scope") }.map(String.init)
        guard facts.hasSystemd else { return facts }
        if facts.loginSession != nil {
            facts.sessionsAreKilled = readSystemdProperty(
                ["loginctl", "show-session", "--property=KillUserProcesses"],
                "KillUserProcesses",
                environment
            ).map { $0 == "yes" }
        }
        if let name = parts.last(where: { $0.hasSuffix(".service") }).map(String.init) {
            let isOfUser = parts.contains { $0.hasPrefix("user@") && $0.hasSuffix(".service") && $0 != name }
            let show = ["systemctl"] + (isOfUser ? ["--user"] : []) + ["show", "--property=KillMode,Delegate", name]
            facts.unit = .init(
                name: name,
                killMode: readSystemdProperty(show, "KillMode", environment),
                delegates: readSystemdProperty(show, "Delegate", environment).map { $0 == "yes" }
            )
        }
        return facts
    }

    /// Returns the value of a `KEY=VALUE` line from the output of a systemd tool.
    private static func readSystemdProperty(_ command: [String], _ key: String, _ environment: [String: String])
        -> String?
    {
        var environment = environment
        // Without a reply on the bus the tool would wait for half a minute.
        environment["SYSTEMD_BUS_TIMEOUT"] = "2s"
        guard let result = try? CommandRunner.runCommand(command, environment: environment), result.exitCode == 0 else {
            return nil
        }
        let line = result.outputText.split(separator: "\n").first { $0.hasPrefix(key + "=") }
        return line.map { String($0.dropFirst(key.utf8.count + 1)) }
    }
}
