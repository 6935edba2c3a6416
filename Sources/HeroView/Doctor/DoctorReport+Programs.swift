import HeroModel

extension DoctorReport {
    /// The first SQLite without the bug that a reset of its write-ahead log can lose writes of several writers.
    private static let firstFixedSQLite = 3_051_003

    /// Programs and libraries.
    static func programs(_ programs: ProgramFacts) -> [DoctorCheck] {
        [shim(programs), sqlite(programs.sqlite), git(programs)]
    }

    private static func shim(_ programs: ProgramFacts) -> DoctorCheck {
        let help = "put the hpshim of this release next to heroproc, or name it in HEROPROC_SHIM"
        guard let path = programs.shim, programs.shimProblem == nil else {
            return .missing(
                .programs,
                "hpshim",
                programs.shimProblem ?? "not found",
                "no service can be started",
                help: help
            )
        }
        guard let version = programs.shimProtocol, version == programs.ownProtocol else {
            let found = programs.shimProtocol.map { "\($0)" } ?? "unknown"
            return .missing(
                .programs,
                "hpshim",
                "\(path) uses protocol \(found), this heroproc uses \(programs.ownProtocol)",
                "no service can be started, because the shim would not understand its instructions",
                help: help
            )
        }
        return .fine(.programs, "hpshim", "\(path) (protocol \(version))")
    }

    private static func sqlite(_ number: Int) -> DoctorCheck {
        let version = "\(number / 1_000_000).\(number / 1000 % 1000).\(number % 1000)"
        guard number < firstFixedSQLite else { return .fine(.programs, "sqlite", version) }
        return .fine(
            .programs,
            "sqlite",
            "\(version); before 3.51.3 a reset of its log could lose writes of several writers; heroproc has only one"
        )
    }

    private static func git(_ programs: ProgramFacts) -> DoctorCheck {
        if let version = programs.git { return .fine(.programs, "git", version) }
        return .warning(
            .programs,
            "git",
            "not found",
            "revisions do not record their commit, and `diff --against git:REF` does not work",
            help: "install git if you want that"
        )
    }

    // MARK: - Supervision

    /// How the reconciler itself is supervised.
    static func supervision(_ facts: MachineFacts) -> [DoctorCheck] {
        let supervision = facts.supervision
        return [reconciler(supervision.reconciler)] + [unit(supervision), session(supervision)].compactMap { $0 }
    }

    private static func reconciler(_ reconciler: ReconcilerLockHolder?) -> DoctorCheck {
        guard let reconciler else {
            return .warning(
                .supervision,
                "reconciler",
                "none is running",
                "nothing is started or healed",
                help: "`heroproc apply` starts one; `heroproc reconcile --watch` runs one"
            )
        }
        guard reconciler.pid > 0 else { return .fine(.supervision, "reconciler", "is starting") }
        if let safeMode = reconciler.safeMode {
            return .warning(
                .supervision,
                "reconciler",
                "pid \(reconciler.pid) is in safe mode",
                "no changes are applied: \(safeMode)",
                help: "revert the last change in \(reconciler.directory), or install another version of heroproc"
            )
        }
        let directory = reconciler.directory.isEmpty ? "" : ", \(reconciler.directory)"
        return .fine(.supervision, "reconciler", "pid \(reconciler.pid) (\(reconciler.mode)\(directory))")
    }

    private static func unit(_ supervision: SupervisionFacts) -> DoctorCheck? {
        guard supervision.hasSystemd else { return nil }
        guard let unit = supervision.unit else {
            return .warning(
                .supervision,
                "unit",
                "no systemd unit",
                "no unit starts the reconciler after a boot",
                help: "write a unit with `ExecStart=heroproc reconcile --watch --keep`, `KillMode=process`, "
                    + "`Delegate=yes`, `Restart=always`"
            )
        }
        guard let killMode = unit.killMode else {
            return .warning(
                .supervision,
                "unit",
                "\(unit.name); systemd does not report its KillMode",
                "without `KillMode=process` a restart of the unit stops all services",
                help: "set `KillMode=process` in it"
            )
        }
        guard killMode == "process" || killMode == "none" else {
            return .warning(
                .supervision,
                "unit",
                "\(unit.name) has KillMode=\(killMode)",
                "a stop or restart of the unit stops all services",
                help: "set `KillMode=process` in it, unless you run with --down-on-exit"
            )
        }
        guard unit.delegates == true else {
            return .warning(
                .supervision,
                "unit",
                "\(unit.name) has KillMode=\(killMode), but not Delegate=yes",
                "systemd does not delegate the cgroups of the jobs to heroproc",
                help: "set `Delegate=yes` in it"
            )
        }
        return .fine(.supervision, "unit", "\(unit.name) (KillMode=\(killMode), Delegate=yes)")
    }

    private static func session(_ supervision: SupervisionFacts) -> DoctorCheck? {
        guard let session = supervision.loginSession else { return nil }
        let text = "\(supervision.reconciler == nil ? "this command runs" : "the reconciler runs") in \(session)"
        if supervision.sessionsAreKilled == false { return .fine(.supervision, "session", text) }
        return .warning(
            .supervision,
            "session",
            text,
            "when you log out, logind may kill it and all services (KillUserProcesses)",
            help: "run it in a unit, or set KillUserProcesses=no in logind.conf"
        )
    }

    private static func openNotifySockets(_ actions: [String]) -> [DoctorCheck] {
        guard let first = actions.first else { return [] }
        let others = actions.count > 1 ? " and \(counted(actions.count - 1, "more action", "more actions"))" : ""
        return [
            .warning(
                .manifests,
                "notify",
                "\(first)\(others) \(actions.count == 1 ? "starts" : "start") as root",
                "every user can write to the notify socket, and a flood hides missing watchdog pings",
                help: "set `notify_from: main`, or `notify_from: all` if the program changes its user"
            )
        ]
    }

    // MARK: - Manifests

    /// The manifests.
    static func manifests(_ facts: MachineFacts) -> [DoctorCheck] {
        switch facts.manifests {
        // The directory checks already report a missing directory.
        case .unreadable where facts.directories.contains { $0.role == .services && !$0.exists }: return []
        case .unreadable(let reason):
            return [
                .missing(
                    .manifests,
                    "set",
                    reason,
                    "nothing can be applied",
                    help: "`heroproc init` creates a set to start from"
                )
            ]
        case .invalid(let count, let first):
            return [
                .missing(
                    .manifests,
                    "set",
                    "\(counted(count, "error")), first \(first)",
                    "nothing can be applied; running services stay up",
                    help: "`heroproc validate` shows all of them"
                )
            ]
        case .coreMissing(let text, let help):
            return [.missing(.manifests, "core", text, "nothing can be applied", help: help)]
        case .valid(let services, let actions, let core):
            let more = actions == 0 ? "" : ", \(counted(actions, "standalone action"))"
            let names = core.map(\.description).joined(separator: ", ")
            return [
                .fine(.manifests, "set", "\(counted(services, "service"))\(more), no errors"),
                .fine(
                    .manifests,
                    "core",
                    names.isEmpty ? "none is required" : "\(names) \(core.count == 1 ? "is" : "are") declared"
                ),
            ] + openNotifySockets(facts.openNotifySockets)
                + confinement(facts.confinement, asRoot: facts.privileges.uid == 0)
        }
    }
}
