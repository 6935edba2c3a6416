import HeroModel

extension DoctorReport {
    /// The features of the kernel: one check for each ability, present or missing.
    static func kernel(_ facts: MachineFacts) -> [DoctorCheck] {
        let release = DoctorCheck.fine(
            .kernel,
            "release",
            facts.kernelRelease.isEmpty ? "unknown" : facts.kernelRelease
        )
        return [release]
            + MachineFacts.KernelFeature.allCases.map { ability($0, isThere: facts.kernelFeatures.contains($0)) }
    }

    private static func ability(_ ability: MachineFacts.KernelFeature, isThere: Bool) -> DoctorCheck {
        let texts = Self.texts(of: ability)
        guard !isThere else { return .fine(.kernel, ability.rawValue, texts.gives) }
        let since = texts.since.map { "missing (added in Linux \($0))" } ?? "missing"
        let help = texts.since.map { "use Linux \($0) or newer, outside a sandbox that forbids the system call" }
        guard texts.isNeeded else { return .warning(.kernel, ability.rawValue, since, texts.without, help: help) }
        return .missing(
            .kernel,
            ability.rawValue,
            since,
            texts.without,
            help: help ?? "run outside the sandbox that forbids it"
        )
    }

    /// The benefit of an ability, the consequence without it, and the kernel that added it.
    private static func texts(
        of ability: MachineFacts.KernelFeature
    ) -> (gives: String, without: String, since: String?, isNeeded: Bool) {
        switch ability {
        case .pidfd:
            (
                "a signal always reaches the intended process",
                "a signal could reach a wrong process, so heroproc cannot run", "5.3",
                true
            )
        case .pidfdWait:
            (
                "the exit of a process is awaited through its pidfd", "heroproc cannot wait for the exit of shims",
                "5.4", true
            )
        case .pidfs:
            (
                "processes are never confused with one another",
                "a process is identified by its pid and its start time (10 ms), which is nearly always enough", "6.9",
                false
            )
        case .groupSignal:
            (
                "a whole process group is signalled in one step",
                "the members of a group are signalled one by one", "6.9", false
            )
        case .exitInfo:
            (
                "exit codes are known even after a shim was killed",
                "when a shim is killed, the exit code of its program may stay unknown", "6.15", false
            )
        case .closeRange:
            (
                "descriptors are closed in one step", "descriptors are closed one by one, so starts take longer", "5.9",
                false
            )
        case .sealedMemory:
            (
                "secrets are passed to a shim in sealed memory",
                "no shim can receive its instructions, so heroproc cannot run", "3.17", true
            )
        case .socketTables:
            (
                "the holders of ports and sockets are known",
                "services that declare `tcp_ports` or `sockets` never become ready without a `ready` probe, "
                    + "and the holders of ports are unknown",
                nil, true
            )
        case .clockWatch:
            (
                "schedules react when the clock is set",
                "a schedule may be up to a minute late after the clock was set", "3.0", false
            )
        }
    }

    /// How process trees are contained, and why not better.
    static func containment(_ facts: MachineFacts) -> [DoctorCheck] {
        let containment = facts.containment
        var findings = [level(containment)]
        if containment.method == .cgroup { findings.append(controllers(containment)) }
        if containment.killsAtOnce == false {
            findings.append(
                .warning(
                    .containment,
                    "cgroup_kill",
                    "missing (added in Linux 5.14)",
                    "processes that do not exit in time are killed one by one"
                )
            )
        } else if containment.killsAtOnce == true {
            findings.append(.fine(.containment, "cgroup_kill", "a process tree is killed in one step"))
        }
        return findings
    }

    private static func level(_ containment: ContainmentFacts) -> DoctorCheck {
        let code = "level"
        let remedy = containment.limitation.map(remedy)
        switch containment.method {
        case .cgroup: return .fine(.containment, code, "cgroup: every job has its own cgroup in \(containment.parent)")
        case .freezer:
            return .warning(
                .containment,
                code,
                "freezer: jobs run in the v1 freezer in \(containment.parent)",
                "no process can escape, but limits of `memory`, `pids` and `cpu` apply to single processes only; "
                    + (remedy?.why ?? ""),
                help: remedy?.help
            )
        case .subreaper:
            return .warning(
                .containment,
                code,
                "subreaper: only shims contain the jobs",
                "limits of `memory`, `pids` and `cpu` apply to single processes only, and a process that forks as fast "
                    + "as it is killed takes longer to stop; " + (remedy?.why ?? ""),
                help: remedy?.help
            )
        }
    }

    private static func remedy(_ obstacle: ContainmentFacts.Limitation) -> (why: String, help: String) {
        switch obstacle {
        case .notMounted:
            ("no cgroup v2 is mounted here", "boot with `systemd.unified_cgroup_hierarchy=1`, or mount cgroup2")
        case .notWritable(let path):
            (
                "\(path) is not writable",
                "run as root, in a container with a writable /sys/fs/cgroup, or in a unit with `Delegate=yes`"
            )
        case .notDelegated(let path):
            ("\(path) belongs to systemd", "run the reconciler in a unit with `Delegate=yes`")
        case .forbidden: ("HEROPROC_CONTAINMENT forbids more", "unset HEROPROC_CONTAINMENT")
        case .noControllers(let path):
            (
                "\(path) delegates no controllers",
                "boot with `systemd.unified_cgroup_hierarchy=1`, or start heroproc in a cgroup `supervisor` "
                    + "below the delegated one"
            )
        }
    }

    private static func controllers(_ containment: ContainmentFacts) -> DoctorCheck {
        let wanted = ["cpu", "memory", "pids"]
        let absent = wanted.filter { !containment.controllers.contains($0) }
        guard !absent.isEmpty else {
            return .fine(.containment, "controllers", "whole process trees can be limited in cpu, memory and pids")
        }
        let remedy = containment.limitation.map(remedy)
        return .warning(
            .containment,
            "controllers",
            "no \(absent.joined(separator: ", "))",
            "such limits apply to single processes only" + (remedy.map { "; \($0.why)" } ?? ""),
            help: remedy?.help ?? "enable them in cgroup.subtree_control of the cgroup above \(containment.parent)"
        )
    }
}
