/// Reads one service unit.
struct SystemdServiceReader {
    let unit: SystemdUnit
    let text: SystemdText
    let units: [SystemdUnit]
    var main = ImportedAction()
    var preparations: [ImportedAction] = []
    var followUps: [ImportedAction] = []
    /// The commands of `ExecStart`.
    var commands: [SystemdCommand] = []
    /// The restart policy, `no` by default.
    var restart = "no"
    /// The delay of a restart in milliseconds.
    var restartDelay = 100
    var hasRestartDelay = false
    var startLimitBurst = 5
    var startLimitInterval = 10_000
    var hasStartTimeout = false
    var killMode = "control-group"
    /// Restrictions, which share one line.
    var sandboxKeys: [(key: String, place: SourcePlace)] = []

    init(unit: SystemdUnit, defaultInstance: String?, units: [SystemdUnit]) {
        self.unit = unit
        self.units = units
        text = SystemdText(unit: unit, defaultInstance: defaultInstance)
    }

    /// The type of the service.
    var type: String { unit.value("Type") ?? (unit.value("BusName") == nil ? "simple" : "dbus") }

    /// Reads all keys into a service.
    mutating func read(_ service: inout ImportedService, _ state: inout ImportState) {
        main.isProcess = type != "oneshot"
        restart = unit.value("Restart") ?? "no"
        for entry in unit.entries {
            switch entry.section {
            case "Unit": readUnitKey(entry, &service, &state)
            case "Service": readServiceKey(entry, &service, &state)
            case "Install": readInstallKey(entry, &service, &state)
            default:
                if entry.section.hasPrefix("X-") || entry.key.hasPrefix("X-") {
                    state.report(entry.place, .alreadySo, "systemd ignores it, too")
                } else {
                    state.report(entry.place, .unknownKey, "not written: the section is not known here")
                }
            }
        }
        if let first = sandboxKeys.first {
            var seen: Set<String> = []
            let names = sandboxKeys.map(\.key).filter { seen.insert($0).inserted }.joined(separator: ", ")
            let place = first.place.with(key: "[Service] " + first.key)
            state.report(place, .sandbox, "not written: \(names); the program runs without these restrictions")
        }
        addCommands(&service, &state)
        addImplicitDefaults(service.place, &state)
        let program = commands.isEmpty ? [] : programActions(&state)
        service.actions = preparations + program + followUps
        if service.actions.isEmpty { addMissingProgram(&service, &state) }
    }

    private func addMissingProgram(_ service: inout ImportedService, _ state: inout ImportState) {
        state.report(service.place, .valueMissing, "the unit has no `ExecStart`; write `exec` by hand")
        var action = ImportedAction()
        action.keys["exec"] = .list([.text("false")])
        service.actions = [action]
        service.status = "spec"
    }

    // MARK: [Unit] and [Install]

    private mutating func readUnitKey(
        _ entry: SystemdEntry,
        _ service: inout ImportedService,
        _ state: inout ImportState
    ) {
        switch entry.key {
        case "Description":
            guard let description = text.expand(entry.value)?.resolved, !description.isEmpty else { return }
            service.description = description
            state.countExact()
        case "Documentation":
            for word in entry.value.split(separator: " ").prefix(4) { service.comments.append("See \(word)") }
            state.report(entry.place, "Documentation", of: SystemdKeys.unit)
        case "After": addDependencies(.after, entry, &service, &state)
        case "Wants", "Upholds": addDependencies(.wants, entry, &service, &state)
        case "Requires", "Requisite", "BindsTo", "PartOf": addDependencies(.requires, entry, &service, &state)
        case "StartLimitIntervalSec", "StartLimitInterval", "StartLimitBurst": readStartLimit(entry, &state)
        case "Conflicts": addDependencies(.conflicts, entry, &service, &state)
        case "Before":
            if entry.value.split(separator: " ").contains(where: { $0.hasSuffix(".service") }) {
                state.report(entry.place, "Before", of: SystemdKeys.unit)
            } else {
                state.report(entry.place, .alreadySo, "not needed: heroproc orders only services")
            }
        default: state.report(entry.place, entry.key, of: SystemdKeys.unit)
        }
    }

    /// Adds dependencies on other services; those on targets and other units have no counterpart.
    private func addDependencies(
        _ kind: ImportedDependency.Kind,
        _ entry: SystemdEntry,
        _ service: inout ImportedService,
        _ state: inout ImportState
    ) {
        var hasService = false
        for word in entry.value.split(separator: " ").map(String.init) {
            guard let name = text.expand(word)?.resolved else {
                state.report(entry.place, .literalVariable, "`\(word)` cannot be kept")
                continue
            }
            if name.hasSuffix(".service") {
                hasService = true
                let target = SystemdImport.serviceName(name)
                service.dependencies.append(ImportedDependency(kind: kind, target: target, place: entry.place))
            } else if name.hasSuffix(".target") || name.hasSuffix(".slice") || kind == .after || kind == .conflicts {
                state.report(entry.place, .alreadySo, "not needed: heroproc runs when the machine is up")
            } else if name.hasSuffix(".socket") {
                state.report(entry.place, .socketActivation, "the program expects the socket of `\(name)`")
            } else {
                state.report(entry.place, .outsideReference, "`\(name)` is not written: it is not a service")
            }
        }
        guard hasService else { return }
        state.report(entry.place, entry.key, of: SystemdKeys.unit)
    }

    private func readInstallKey(_ entry: SystemdEntry, _ service: inout ImportedService, _ state: inout ImportState) {
        state.report(entry.place, entry.key, of: SystemdKeys.install)
    }

    // MARK: Commands

    private mutating func addCommands(_ service: inout ImportedService, _ state: inout ImportState) {
        for entry in unit.values("ExecStart") {
            guard let command = parse(entry, &state) else { continue }
            if command.needsShell {
                state.report(
                    entry.place,
                    .shellScript,
                    "written as `script`, because it uses variables of the environment"
                )
            } else if command.ignoresFailure {
                state.report(entry.place, .valueAdapted, "written as `script`: a failure is ignored")
            } else {
                state.countExact()
            }
            commands.append(command)
        }
        for (key, prefix) in [("ExecStartPre", "pre"), ("ExecStartPost", "post")] {
            for (index, entry) in unit.values(key).enumerated() {
                guard let command = parse(entry, &state) else { continue }
                var action = ImportedAction(name: "\(prefix)-\(index + 1)", isProcess: false)
                action.setCommand(command.command)
                state.report(entry.place, key, of: SystemdKeys.service)
                if prefix == "pre" { preparations.append(action) } else { followUps.append(action) }
            }
        }
        // Nothing can be stopped before it in a service without another program.
        guard !commands.isEmpty else { return }
        for (index, entry) in unit.values("ExecStopPost").enumerated() {
            guard let command = parse(entry, &state) else { continue }
            var action = ImportedAction(name: "stop-post-\(index + 1)", isProcess: false)
            action.setCommand(command.command)
            action.set("when", plain: "stopped")
            state.report(entry.place, "ExecStopPost", of: SystemdKeys.service)
            followUps.append(action)
        }
    }

    private func parse(_ entry: SystemdEntry, _ state: inout ImportState) -> SystemdCommand? {
        guard let command = SystemdCommand(entry.value, text) else {
            state.report(entry.place, .literalVariable, "`\(entry.value.prefix(200))` cannot be kept; write it by hand")
            return nil
        }
        for word in text.expand(entry.value)?.unsetVariables ?? [] { state.use(variable: word, at: entry.place) }
        if command.hasOtherRights {
            state.report(entry.place, .noCounterpart, "not written: the command has the rights of the service")
        }
        if command.hasOwnName {
            state.report(entry.place, .noCounterpart, "not written: the program sees its own path as its name")
        }
        return command
    }

    /// The actions of the program: one, or one for each command of a one-shot.
    private mutating func programActions(_ state: inout ImportState) -> [ImportedAction] {
        if commands.count == 1 || main.isProcess {
            main.setCommand(commands[0].command)
            return [main]
        }
        return commands.enumerated().map { index, command in
            var action = main
            action.name = "main-\(index + 1)"
            action.setCommand(command.command)
            return action
        }
    }

    // MARK: Defaults of systemd

    private mutating func addImplicitDefaults(_ place: SourcePlace, _ state: inout ImportState) {
        var stated: [String] = []
        if unit.value("Restart") == nil, main.isProcess {
            main.set("restart", plain: "never")
            stated.append("`restart: never`")
        } else if unit.value("Restart") == nil {
            main.set("restart", plain: "never")
        }
        if main.keys["stop.timeout"] == nil, main.isProcess {
            main.set("stop.timeout", plain: "90s")
            stated.append("`stop.timeout: 90s`")
        }
        if killMode == "control-group", main.isProcess {
            main.set("stop.to", plain: "tree")
            stated.append("`stop.to: tree`")
        }
        if ["notify", "notify-reload", "forking"].contains(type), !hasStartTimeout {
            main.set("start_timeout", plain: "90s")
            stated.append("`start_timeout: 90s`")
        }
        if restart != "no" { addRetry(place, &state) }
        guard !stated.isEmpty else { return }
        state.report(place, .explicitDefault, "\(stated.joined(separator: ", ")), which are systemd's defaults")
    }

    /// Restarts have a constant delay, and a limit that only short delays reach.
    private mutating func addRetry(_ place: SourcePlace, _ state: inout ImportState) {
        main.set("retry.delay", plain: DurationText.text(milliseconds: restartDelay))
        if main.keys["retry.factor"] == nil { main.set("retry.factor", plain: "1") }
        if restartDelay > 30_000, main.keys["retry.max_delay"] == nil {
            main.set("retry.max_delay", plain: DurationText.text(milliseconds: restartDelay))
        }
        main.set("retry.jitter", plain: "0")
        let isReachable = restartDelay < startLimitInterval / max(startLimitBurst, 1)
        if startLimitInterval > 0, isReachable, startLimitBurst > 0 {
            main.set("retry.max_attempts", plain: String(startLimitBurst))
            main.set("retry.within", plain: DurationText.text(milliseconds: startLimitInterval))
        } else if !main.isProcess {
            main.set("retry.max_attempts", plain: "0")
        }
        if !hasRestartDelay {
            state.report(place, .explicitDefault, "`retry` with the delay and the start limit of systemd")
        }
    }
}
