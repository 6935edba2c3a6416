import HeroModel

extension DoctorReport {
    /// The user and the privileges of heroproc, and what they forbid.
    static func rights(_ facts: MachineFacts) -> [DoctorCheck] {
        let rights = facts.privileges
        let isRoot = rights.uid == 0
        var findings = [DoctorCheck.fine(.rights, "user", isRoot ? "root" : "the user \(rights.uid)")]
        findings.append(
            rights.canChangeUser
                ? .fine(.rights, "other_users", "a manifest may name any `user` and `group`")
                : .warning(
                    .rights,
                    "other_users",
                    "services can run as the user \(rights.uid) only",
                    "a manifest that names another `user` or `group` cannot start",
                    help: isRoot ? "grant CAP_SETUID and CAP_SETGID" : "run the reconciler as root if you need that"
                )
        )
        if !(rights.canSignalOthers && rights.canInspectOthers) {
            findings.append(
                .warning(
                    .rights,
                    "strangers",
                    "processes of other users can be neither inspected nor stopped",
                    "`kill_others` and `singleton` cannot free a port or socket that another user's process holds",
                    help: isRoot ? "grant CAP_KILL and CAP_SYS_PTRACE" : "run the reconciler as root if you need that"
                )
            )
        } else {
            findings.append(
                .fine(
                    .rights,
                    "strangers",
                    "the holder of a port can be identified, and stopped where a manifest allows it"
                )
            )
        }
        findings.append(
            rights.canLowerOutOfMemoryScore
                ? .fine(.rights, "oom_score", "shims can be protected when memory runs out")
                : .warning(
                    .rights,
                    "oom_score",
                    "`oom_score_adj` cannot be lowered",
                    "when memory runs out, the kernel may kill a shim or the reconciler as well as a service",
                    help: isRoot ? "grant CAP_SYS_RESOURCE" : nil
                )
        )
        if rights.hasNoNewPrivileges {
            findings.append(
                .warning(
                    .rights,
                    "no_new_privs",
                    "programs started from here cannot gain privileges",
                    "setuid programs such as sudo do not work in services",
                    help:
                        "remove NoNewPrivileges from the unit that starts heroproc, if a service needs them"
                )
            )
        } else {
            findings.append(.fine(.rights, "no_new_privs", "not set"))
        }
        return findings
    }

    // MARK: - Limits

    /// Descriptors that a reconciler needs for itself, and at most for each job (RX-1).
    private static let reservedFiles: Int64 = 64
    private static let filesPerJob: Int64 = 3

    /// The limits of files, processes and watches.
    static func limits(_ facts: MachineFacts) -> [DoctorCheck] {
        [files(facts.limits), processes(facts), watches(facts.limits), watchers(facts.limits)]
    }

    private static func files(_ limits: LimitFacts) -> DoctorCheck {
        guard let hard = limits.openFilesHard else { return .fine(.limits, "open_files", "unlimited") }
        let jobs = max(0, hard - reservedFiles) / filesPerJob
        let text = "\(hard) (hard limit): enough for about \(jobs) jobs"
        let help =
            "raise the hard limit: `LimitNOFILE=` in the unit, `ulimit -Hn`, or `--ulimit nofile=` of the container"
        guard jobs > 0 else {
            return .missing(
                .limits,
                "open_files",
                text,
                "a reconciler cannot open the files that it needs itself",
                help: help
            )
        }
        guard jobs >= 256 else {
            return .warning(.limits, "open_files", text, "more services than that cannot be started", help: help)
        }
        return .fine(.limits, "open_files", text)
    }

    private static func processes(_ facts: MachineFacts) -> DoctorCheck {
        let limits = facts.limits
        var margins: [(margin: Int64, what: String, help: String)] = []
        if let maximum = limits.pidMax {
            margins.append((maximum - limits.pids, "kernel.pid_max is \(maximum)", "raise the sysctl kernel.pid_max"))
        }
        if let maximum = limits.cgroupPidMax {
            margins.append(
                (
                    maximum - limits.cgroupPids, "pids.max of the cgroup is \(maximum)",
                    "raise `TasksMax=` of the unit, or `--pids-limit` of the container"
                )
            )
        }
        // The kernel does not apply this limit to root.
        if let maximum = limits.processes, facts.privileges.uid != 0 {
            margins.append(
                (
                    maximum - limits.ownProcesses, "the limit of this user is \(maximum)",
                    "raise `ulimit -u` or `LimitNPROC=`"
                )
            )
        }
        guard let tightest = margins.min(by: { $0.margin < $1.margin }) else {
            return .fine(.limits, "processes", "unlimited")
        }
        let text = "enough for \(max(0, tightest.margin)) more (\(tightest.what))"
        let need = "each job needs a shim and at least one process of its own"
        if tightest.margin < 16 {
            return .missing(.limits, "processes", text, "nothing can be started: \(need)", help: tightest.help)
        }
        if tightest.margin < 200 { return .warning(.limits, "processes", text, need, help: tightest.help) }
        return .fine(.limits, "processes", text)
    }

    private static func watches(_ limits: LimitFacts) -> DoctorCheck {
        guard let maximum = limits.inotifyWatches else {
            return .warning(
                .limits,
                "watches",
                "inotify is missing",
                "`reconcile --watch` finds changed manifests by polling every 30 seconds"
            )
        }
        let text = "\(maximum) directories can be watched (max_user_watches)"
        guard maximum >= 64 else {
            return .warning(
                .limits,
                "watches",
                text,
                "a change in a directory that is not watched is found by polling every 30 seconds",
                help: "raise the sysctl fs.inotify.max_user_watches"
            )
        }
        return .fine(.limits, "watches", text)
    }

    private static func watchers(_ limits: LimitFacts) -> DoctorCheck {
        guard let maximum = limits.inotifyInstances else { return .fine(.limits, "watchers", "not counted") }
        let text = "\(maximum) programs of this user can watch (max_user_instances)"
        guard maximum >= 8 else {
            return .warning(
                .limits,
                "watchers",
                text,
                "if none is left, a reconciler cannot watch its directory",
                help: "raise the sysctl fs.inotify.max_user_instances"
            )
        }
        return .fine(.limits, "watchers", text)
    }

    // MARK: - Clocks

    /// 1 January 2025: an earlier time means that the clock is not set.
    private static let earliestPlausibleTime = WallTime(microseconds: 1_735_689_600_000_000)

    /// The clocks, and the boot ID that distinguishes one boot from another.
    static func clocks(_ clocks: ClockFacts) -> [DoctorCheck] {
        var findings: [DoctorCheck] = []
        findings.append(
            clocks.bootID.isEmpty
                ? .missing(
                    .clocks,
                    "boot_id",
                    "unknown",
                    "a process from before a reboot could be mistaken for a current one",
                    help: "mount /proc with sys/kernel/random"
                ) : .fine(.clocks, "boot_id", clocks.bootID)
        )
        findings.append(
            clocks.wallTime < earliestPlausibleTime
                ? .warning(
                    .clocks,
                    "calendar",
                    clocks.wallTime.textToSecond,
                    "the clock is not set: schedules run at wrong times, and logs have wrong dates",
                    help: "set the clock, or run a time service"
                ) : .fine(.clocks, "calendar", clocks.wallTime.textToSecond)
        )
        if !clocks.isConsistent {
            findings.append(
                .missing(
                    .clocks,
                    "boot_clock",
                    "is behind the monotonic clock, which stops during suspend",
                    "no delay and no timeout is reliable"
                )
            )
        } else if clocks.isInTimeNamespace {
            findings.append(.fine(.clocks, "boot_clock", "runs, with an offset from a time namespace"))
        } else {
            findings.append(.fine(.clocks, "boot_clock", "runs"))
        }
        return findings
    }
}
