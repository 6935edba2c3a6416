import HeroModel

extension DoctorReport {
    /// As whom heroproc runs, and what that forbids.
    static func rights(_ facts: MachineFacts) -> [DoctorCheck] {
        let rights = facts.privileges
        let isRoot = rights.uid == 0
        var findings = [DoctorCheck.fine(.rights, "user", isRoot ? "root" : "the user \(rights.uid)")]
        findings.append(
            rights.canChangeUser
                ? .fine(.rights, "other_users", "`user` and `group` of a manifest can be anybody")
                : .warning(
                    .rights,
                    "other_users",
                    "services run as the user \(rights.uid) and no other",
                    "a manifest that names another `user` or `group` cannot start",
                    help: isRoot ? "give CAP_SETUID and CAP_SETGID" : "run the reconciler as root if you need that"
                )
        )
        if !(rights.canSignalOthers && rights.canInspectOthers) {
            findings.append(
                .warning(
                    .rights,
                    "strangers",
                    "processes of other users can be neither named nor stopped",
                    "`kill_others` and `singleton` cannot make room where somebody else holds a port or a socket",
                    help: isRoot ? "give CAP_KILL and CAP_SYS_PTRACE" : "run the reconciler as root if you need that"
                )
            )
        } else {
            findings.append(
                .fine(.rights, "strangers", "whoever holds a port can be named, and stopped where a manifest allows")
            )
        }
        findings.append(
            rights.canLowerOutOfMemoryScore
                ? .fine(.rights, "oom_score", "shims can be spared when memory runs out")
                : .warning(
                    .rights,
                    "oom_score",
                    "`oom_score_adj` cannot be lowered",
                    "when memory runs out, the kernel may kill a shim or the reconciler as well as a service",
                    help: isRoot ? "give CAP_SYS_RESOURCE" : nil
                )
        )
        if rights.hasNoNewPrivileges {
            findings.append(
                .warning(
                    .rights,
                    "no_new_privs",
                    "no program that is started from here can gain rights",
                    "setuid programs such as sudo do not work in services",
                    help: "take NoNewPrivileges away from what starts heroproc, if a service needs them"
                )
            )
        } else {
            findings.append(.fine(.rights, "no_new_privs", "not set"))
        }
        return findings
    }

    // MARK: - Limits

    /// Descriptors that a reconciler needs for itself, and for each job at most (reliability.md RX-1).
    private static let reservedFiles: Int64 = 64
    private static let filesPerJob: Int64 = 3

    /// How much there may be of files, processes and watches.
    static func limits(_ facts: MachineFacts) -> [DoctorCheck] {
        [files(facts.limits), processes(facts), watches(facts.limits), watchers(facts.limits)]
    }

    private static func files(_ limits: LimitFacts) -> DoctorCheck {
        guard let hard = limits.openFilesHard else { return .fine(.limits, "open_files", "as many as there are") }
        let jobs = max(0, hard - reservedFiles) / filesPerJob
        let text = "\(hard) (hard limit): room for about \(jobs) jobs"
        let help =
            "raise the hard limit: `LimitNOFILE=` in the unit, `ulimit -Hn`, or `--ulimit nofile=` of the container"
        guard jobs > 0 else {
            return .missing(
                .limits,
                "open_files",
                text,
                "a reconciler cannot even open what it needs itself",
                help: help
            )
        }
        guard jobs >= 256 else {
            return .warning(.limits, "open_files", text, "beyond that no service can be started", help: help)
        }
        return .fine(.limits, "open_files", text)
    }

    private static func processes(_ facts: MachineFacts) -> DoctorCheck {
        let limits = facts.limits
        var rooms: [(room: Int64, what: String, help: String)] = []
        if let most = limits.pidMax {
            rooms.append((most - limits.pids, "kernel.pid_max is \(most)", "raise the sysctl kernel.pid_max"))
        }
        if let most = limits.cgroupPidMax {
            rooms.append(
                (
                    most - limits.cgroupPids, "pids.max of the cgroup is \(most)",
                    "raise `TasksMax=` of the unit, or `--pids-limit` of the container"
                )
            )
        }
        // The kernel does not hold root to its own limit.
        if let most = limits.processes, facts.privileges.uid != 0 {
            rooms.append(
                (most - limits.ownProcesses, "the limit of this user is \(most)", "raise `ulimit -u` or `LimitNPROC=`")
            )
        }
        guard let tightest = rooms.min(by: { $0.room < $1.room }) else {
            return .fine(.limits, "processes", "as many as there are")
        }
        let text = "room for \(max(0, tightest.room)) more (\(tightest.what))"
        let need = "each job takes a shim and at least one process of its own"
        if tightest.room < 16 {
            return .missing(.limits, "processes", text, "nothing can be started: \(need)", help: tightest.help)
        }
        if tightest.room < 200 { return .warning(.limits, "processes", text, need, help: tightest.help) }
        return .fine(.limits, "processes", text)
    }

    private static func watches(_ limits: LimitFacts) -> DoctorCheck {
        guard let most = limits.inotifyWatches else {
            return .warning(
                .limits,
                "watches",
                "inotify is not here",
                "`reconcile --watch` finds changed manifests by looking every 30 seconds"
            )
        }
        let text = "\(most) directories can be watched (max_user_watches)"
        guard most >= 64 else {
            return .warning(
                .limits,
                "watches",
                text,
                "a change in a directory that cannot be watched is found by looking every 30 seconds",
                help: "raise the sysctl fs.inotify.max_user_watches"
            )
        }
        return .fine(.limits, "watches", text)
    }

    private static func watchers(_ limits: LimitFacts) -> DoctorCheck {
        guard let most = limits.inotifyInstances else { return .fine(.limits, "watchers", "not counted") }
        let text = "\(most) programs of this user can watch (max_user_instances)"
        guard most >= 8 else {
            return .warning(
                .limits,
                "watchers",
                text,
                "where they are used up, a reconciler cannot watch its directory",
                help: "raise the sysctl fs.inotify.max_user_instances"
            )
        }
        return .fine(.limits, "watchers", text)
    }

    // MARK: - Clocks

    /// 1 January 2025: who reads less has no clock.
    private static let earliestPlausibleTime = WallTime(microseconds: 1_735_689_600_000_000)

    /// The clocks, and what tells one boot from another.
    static func clocks(_ clocks: ClockFacts) -> [DoctorCheck] {
        var findings: [DoctorCheck] = []
        findings.append(
            clocks.bootID.isEmpty
                ? .missing(
                    .clocks,
                    "boot_id",
                    "unknown",
                    "a process of before a reboot could be taken for one of now",
                    help: "mount /proc, with sys/kernel/random in it"
                ) : .fine(.clocks, "boot_id", clocks.bootID)
        )
        findings.append(
            clocks.wallTime < earliestPlausibleTime
                ? .warning(
                    .clocks,
                    "calendar",
                    clocks.wallTime.textToSecond,
                    "nobody has set the clock: schedules run at other times than they say, and logs bear wrong dates",
                    help: "set the clock, or let a time service do it"
                ) : .fine(.clocks, "calendar", clocks.wallTime.textToSecond)
        )
        if !clocks.isConsistent {
            findings.append(
                .missing(
                    .clocks,
                    "boot_clock",
                    "runs behind the clock that stands still in a suspend",
                    "no delay and no timeout can be trusted"
                )
            )
        } else if clocks.isInTimeNamespace {
            findings.append(.fine(.clocks, "boot_clock", "runs, moved by a time namespace"))
        } else {
            findings.append(.fine(.clocks, "boot_clock", "runs"))
        }
        return findings
    }
}
