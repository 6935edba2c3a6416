import HeroModel

extension DoctorReport {
    /// What the kernel can do: one finding for each ability, whether it is there or not.
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
        let words = texts(of: ability)
        guard !isThere else { return .fine(.kernel, ability.rawValue, words.gives) }
        let since = words.since.map { "not here (it came with Linux \($0))" } ?? "not here"
        let help = words.since.map { "run Linux \($0) or newer, outside of a sandbox that forbids the call" }
        guard words.isNeeded else { return .warning(.kernel, ability.rawValue, since, words.without, help: help) }
        return .missing(
            .kernel,
            ability.rawValue,
            since,
            words.without,
            help: help ?? "leave the sandbox that forbids it"
        )
    }

    /// What an ability gives, what is without it, and since when it is there.
    private static func texts(
        of ability: MachineFacts.KernelFeature
    ) -> (gives: String, without: String, since: String?, isNeeded: Bool) {
        switch ability {
        case .pidfd:
            (
                "a process is held fast while it is signalled",
                "no process can be signalled without the danger of hitting another one: heroproc cannot run", "5.3",
                true
            )
        case .pidfdWait:
            (
                "the end of a process is awaited by what holds it fast", "heroproc cannot take the ends of shims",
                "5.4", true
            )
        case .pidfs:
            (
                "no two processes are ever taken for one another",
                "a process is known by its pid and the 10 ms it started in, which is enough nearly always", "6.9", false
            )
        case .groupSignal:
            (
                "a whole process group is signalled in one step",
                "the members of a group are signalled one by one", "6.9", false
            )
        case .exitInfo:
            (
                "exit codes are known even of programs that lost their shim",
                "when somebody kills a shim, the exit code of its program may stay unknown", "6.15", false
            )
        case .closeRange:
            (
                "descriptors are closed in one step", "descriptors are closed one by one: starts take longer", "5.9",
                false
            )
        case .sealedMemory:
            (
                "secrets reach a shim through sealed memory",
                "no shim can be told what to start: heroproc cannot run", "3.17", true
            )
        case .socketTables:
            (
                "who listens on a port or a socket is known",
                "services that declare `tcp_ports` or `sockets` never become ready without a `ready` probe, and nobody who holds "
                    + "a port can be named",
                nil, true
            )
        case .clockWatch:
            (
                "schedules notice when the clock is set",
                "a schedule may be late by up to a minute after the clock was set", "3.0", false
            )
        }
    }

    /// How trees of processes are held, and why not better.
    static func containment(_ facts: MachineFacts) -> [DoctorCheck] {
        let held = facts.containment
        var findings = [level(held)]
        if held.method == .cgroup { findings.append(controllers(held)) }
        if held.killsAtOnce == false {
            findings.append(
                .warning(
                    .containment,
                    "cgroup_kill",
                    "not here (it came with Linux 5.14)",
                    "what does not end in time is killed process by process"
                )
            )
        } else if held.killsAtOnce == true {
            findings.append(.fine(.containment, "cgroup_kill", "a tree is killed in one step"))
        }
        return findings
    }

    private static func level(_ held: ContainmentFacts) -> DoctorCheck {
        let code = "level"
        let better = held.limitation.map(remedy)
        switch held.method {
        case .cgroup: return .fine(.containment, code, "cgroup: every job has a cgroup of its own in \(held.parent)")
        case .freezer:
            return .warning(
                .containment,
                code,
                "freezer: every job stands in the v1 freezer in \(held.parent)",
                "nothing can flee, but limits of `memory`, `pids` and `cpu` hold for single processes only; "
                    + (better?.why ?? ""),
                help: better?.help
            )
        case .subreaper:
            return .warning(
                .containment,
                code,
                "subreaper: jobs are held by their shims alone",
                "limits of `memory`, `pids` and `cpu` hold for single processes only, and what forks as fast as it is killed "
                    + "takes longer to end; " + (better?.why ?? ""),
                help: better?.help
            )
        }
    }

    private static func remedy(_ obstacle: ContainmentFacts.Limitation) -> (why: String, help: String) {
        switch obstacle {
        case .notMounted:
            ("no cgroup v2 is mounted here", "boot with `systemd.unified_cgroup_hierarchy=1`, or mount cgroup2")
        case .notWritable(let path):
            (
                "\(path) may not be written",
                "run as root, in a container with a writable /sys/fs/cgroup, or in a unit with `Delegate=yes`"
            )
        case .notDelegated(let path):
            ("\(path) is systemd's own", "run the reconciler in a unit with `Delegate=yes`")
        case .forbidden: ("HEROPROC_CONTAINMENT allows no more", "unset HEROPROC_CONTAINMENT")
        case .noControllers(let path):
            (
                "\(path) hands out no controllers",
                "boot with `systemd.unified_cgroup_hierarchy=1`, or let whoever starts heroproc put it into a cgroup `supervisor` "
                    + "below the one that is handed over"
            )
        }
    }

    private static func controllers(_ held: ContainmentFacts) -> DoctorCheck {
        let wanted = ["cpu", "memory", "pids"]
        let absent = wanted.filter { !held.controllers.contains($0) }
        guard !absent.isEmpty else {
            return .fine(.containment, "controllers", "whole trees can be limited in cpu, memory and pids")
        }
        let remedy = held.limitation.map(remedy)
        return .warning(
            .containment,
            "controllers",
            "no \(absent.joined(separator: ", "))",
            "such limits hold for single processes only" + (remedy.map { "; \($0.why)" } ?? ""),
            help: remedy?.help ?? "enable them in cgroup.subtree_control of the cgroup above \(held.parent)"
        )
    }
}
