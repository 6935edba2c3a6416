import HeroModel

extension DoctorReport {
    /// The first SQLite without the bug that a reset of its write-ahead log can bring with several writers.
    private static let firstFixedSQLite = 3_051_003

    /// Programs and libraries.
    static func programs(_ programs: ProgramFacts) -> [DoctorCheck] {
        [shim(programs), sqlite(programs.sqlite), git(programs)]
    }

    private static func shim(_ programs: ProgramFacts) -> DoctorCheck {
        let help = "put the hpshim of this release beside heroproc, or name it in HEROPROC_SHIM"
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
            let said = programs.shimProtocol.map { "\($0)" } ?? "an unknown one"
            return .missing(
                .programs,
                "hpshim",
                "\(path) speaks protocol \(said), this heroproc \(programs.ownProtocol)",
                "no service can be started: the shim would not understand what it is told",
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
            "\(version); before 3.51.3 a reset of its log could lose writes of several writers, and heroproc has only one"
        )
    }

    private static func git(_ programs: ProgramFacts) -> DoctorCheck {
        if let version = programs.git { return .fine(.programs, "git", version) }
        return .warning(
            .programs,
            "git",
            "not found",
            "revisions do not say of which commit they are, and `diff --against git:REF` does not work",
            help: "install git if you want that"
        )
    }

    // MARK: - Supervision

    /// Who looks after heroproc itself.
    static func supervision(_ facts: MachineFacts) -> [DoctorCheck] {
        let seen = facts.supervision
        return [reconciler(seen.reconciler)] + [unit(seen), session(seen)].compactMap { $0 }
    }

    private static func reconciler(_ reconciler: ReconcilerLockHolder?) -> DoctorCheck {
        guard let reconciler else {
            return .warning(
                .supervision,
                "reconciler",
                "none lives",
                "nothing is started or healed",
                help: "`heroproc apply` starts one, `heroproc reconcile --watch` is one"
            )
        }
        guard reconciler.pid > 0 else { return .fine(.supervision, "reconciler", "is just beginning") }
        if let safeMode = reconciler.safeMode {
            return .warning(
                .supervision,
                "reconciler",
                "pid \(reconciler.pid) is in safe mode",
                "nothing new is taken in: \(safeMode)",
                help: "undo what was changed last in \(reconciler.directory), or install another version of heroproc"
            )
        }
        let place = reconciler.directory.isEmpty ? "" : ", \(reconciler.directory)"
        return .fine(.supervision, "reconciler", "pid \(reconciler.pid) (\(reconciler.mode)\(place))")
    }

    private static func unit(_ seen: SupervisionFacts) -> DoctorCheck? {
        guard seen.hasSystemd else { return nil }
        guard let unit = seen.unit else {
            return .warning(
                .supervision,
                "unit",
                "no unit of systemd",
                "nobody starts the reconciler after a boot",
                help: "write a unit with `ExecStart=heroproc reconcile --watch --keep`, `KillMode=process`, "
                    + "`Delegate=yes`, `Restart=always`"
            )
        }
        guard let killMode = unit.killMode else {
            return .warning(
                .supervision,
                "unit",
                "\(unit.name); systemd does not say how it ends it",
                "without `KillMode=process` a restart of the unit ends all services",
                help: "set `KillMode=process` in it"
            )
        }
        guard killMode == "process" || killMode == "none" else {
            return .warning(
                .supervision,
                "unit",
                "\(unit.name) has KillMode=\(killMode)",
                "stopping or restarting the unit ends all services with it",
                help: "set `KillMode=process` in it, unless you run with --down-on-exit"
            )
        }
        guard unit.delegates == true else {
            return .warning(
                .supervision,
                "unit",
                "\(unit.name) has KillMode=\(killMode), and not Delegate=yes",
                "systemd does not leave the cgroups of the jobs to heroproc",
                help: "set `Delegate=yes` in it"
            )
        }
        return .fine(.supervision, "unit", "\(unit.name) (KillMode=\(killMode), Delegate=yes)")
    }

    private static func session(_ seen: SupervisionFacts) -> DoctorCheck? {
        guard let session = seen.loginSession else { return nil }
        let text = "\(seen.reconciler == nil ? "we are" : "the reconciler lives") in \(session)"
        if seen.sessionsAreKilled == false { return .fine(.supervision, "session", text) }
        return .warning(
            .supervision,
            "session",
            text,
            "when you log out, logind may end it and all services (KillUserProcesses)",
            help: "run it in a unit, or set KillUserProcesses=no in logind.conf"
        )
    }

    // MARK: - Manifests

    /// What is declared.
    static func manifests(_ facts: MachineFacts) -> [DoctorCheck] {
        switch facts.manifests {
        // That the directory is not there is said with the directories.
        case .unreadable where facts.directories.contains { $0.role == .services && !$0.exists }: return []
        case .unreadable(let reason):
            return [
                .missing(
                    .manifests,
                    "set",
                    reason,
                    "nothing can be applied",
                    help: "`heroproc init` makes a set to start from"
                )
            ]
        case .invalid(let count, let first):
            return [
                .missing(
                    .manifests,
                    "set",
                    "\(counted(count, "mistake")), first \(first)",
                    "nothing can be applied, and what runs goes on",
                    help: "`heroproc validate` shows all of them"
                )
            ]
        case .coreMissing(let text, let help):
            return [.missing(.manifests, "core", text, "nothing can be applied", help: help)]
        case .valid(let services, let actions, let core):
            let more = actions == 0 ? "" : ", \(counted(actions, "standalone action"))"
            let names = core.map(\.description).joined(separator: ", ")
            return [
                .fine(.manifests, "set", "\(counted(services, "service"))\(more), without a mistake"),
                .fine(
                    .manifests,
                    "core",
                    names.isEmpty ? "none is required" : "\(names) \(core.count == 1 ? "is" : "are") declared"
                ),
            ]
        }
    }
}
