/// Reads one process of process-compose.
struct ProcessComposeProcess {
    let reader: ProcessComposeImport
    let name: String
    private var action = ImportedAction()
    private var usesDotEnv = true

    init(reader: ProcessComposeImport, name: String) {
        self.reader = reader
        self.name = name
    }

    /// Reads all keys into a service.
    mutating func read(_ node: ImportNode, _ service: inout ImportedService, _ state: inout ImportState) {
        action.isProcess = !reader.completed.contains(name)
        usesDotEnv = node["is_dotenv_disabled"]?.bool != true
        for entry in node.entries { read(entry, &service, &state) }
        if action.keys["exec"] == nil, action.keys["script"] == nil {
            state.report(service.place, .valueMissing, "the process has no command; write `exec` by hand")
            action.keys["exec"] = .list([.text("false")])
            service.status = "spec"
        }
        if action.keys["cwd"] == nil { action.set("cwd", state.sourceDirectory) }
        if usesDotEnv {
            var file = ManifestMap()
            file["path"] = .text(state.request.sourceDirectory + "/.env")
            file["optional"] = .plain("true")
            var files: [ManifestValue] = [.map(file)]
            if case .list(let present)? = action.keys["env_file"] { files += present }
            action.keys["env_file"] = .list(files)
        }
        if node["availability"]?["restart"] == nil {
            action.set("restart", plain: "never")
            state.report(
                service.place,
                .explicitDefault,
                "`restart: never`, `cwd` and `env_file` with `.env`, as process-compose starts processes"
            )
        }
        if action.isProcess, action.keys["restart"] == nil, action.keys["retry.max_attempts"] == nil {
            // An end that is followed by a restart ends nothing else in process-compose either.
            service.keys["essential"] = nil
        }
        service.actions = [action]
        if action.keys["schedule"] != nil {
            service.isStandalone = true
            service.actions[0].isProcess = false
            for key in ["ready", "health"] { service.actions[0].keys[key] = nil }
        }
    }

    private mutating func read(_ entry: ImportEntry, _ service: inout ImportedService, _ state: inout ImportState) {
        let place = SourcePlace(file: entry.file, line: entry.line, key: "\(name).\(entry.key)")
        let value = entry.value
        switch entry.key {
        case "command": setCommand(value.text ?? "", place, &state)
        case "entrypoint":
            let words = value.items.compactMap(\.text)
            guard !words.isEmpty else { return invalid(place, &state) }
            action.setCommand(.exec(words.map { ImportedText($0) }))
            state.countExact()
        case "description":
            service.description = value.text
            state.countExact()
        case "working_dir":
            guard let text = value.text, let parsed = reader.text(text, place, &state),
                let path = state.path(parsed, at: place)
            else { return }
            action.set("cwd", path)
            state.countExact()
        case "environment": reader.readEnvironment(value, place, &action.keys, &state)
        case "env_file":
            let paths = value.items.compactMap(\.text).compactMap { state.path(ImportedText($0), at: place) }
            action.keys["env_file"] = .list(paths.map { .text($0) })
            state.report(place, "env_file", of: ProcessComposeKeys.process)
        case "depends_on": addDependencies(value, place, &service, &state)
        case "availability": readAvailability(value, &service, &state)
        case "readiness_probe", "liveness_probe":
            var probe = ProcessComposeProbe(reader: reader, isReadiness: entry.key == "readiness_probe", place: place)
            probe.read(value, into: &action, &state)
        case "ready_log_line":
            guard let text = value.text, action.isProcess, !text.isEmpty else { return invalid(place, &state) }
            action.keys["ready.log"] = .text(ImportedText(Self.escapedPattern(text)))
            state.report(place, "ready_log_line", of: ProcessComposeKeys.process)
        case "shutdown": readShutdown(value, &state)
        case "namespace":
            service.tags = value.text.map { [NameMapper.valid($0)] } ?? []
            state.report(place, "namespace", of: ProcessComposeKeys.process)
        case "disabled":
            guard value.bool == true else { return state.countExact() }
            service.status = "stop"
            state.report(place, "disabled", of: ProcessComposeKeys.process)
        case "replicas":
            if value.text == "1" { return state.countExact() }
            state.report(place, "replicas", of: ProcessComposeKeys.process)
        case "is_tty", "is_foreground", "is_interactive", "is_elevated", "is_daemon":
            if value.bool == false { return state.countExact() }
            state.report(place, entry.key, of: ProcessComposeKeys.process)
        case "success_exit_codes":
            let codes = value.items.compactMap { $0.text?.wholeNumber }.filter { $0 <= 255 }
            guard !codes.isEmpty, codes.count == value.items.count else { return invalid(place, &state) }
            action.keys["success_exit_codes"] = .list(codes.map { .plain(String($0)) })
            state.countExact()
        case "schedule": readSchedule(value, place, &state)
        default: state.report(place, entry.key, of: ProcessComposeKeys.process)
        }
    }

    private func invalid(_ place: SourcePlace, _ state: inout ImportState) {
        state.report(place, .invalidValue, "not written: the value cannot be used here")
    }

    private mutating func setCommand(_ text: String, _ place: SourcePlace, _ state: inout ImportState) {
        if text.contains("{{") {
            state.report(place, .literalVariable, "the command has a template that cannot be kept")
        }
        // process-compose doubles a dollar to keep it for the shell.
        let command = ShellCommand(text.replacing("$$", with: "$"), interpreter: reader.interpreter)
        action.setCommand(command.command)
        for variable in command.environment {
            state.setEnvironment(variable.name, ImportedText(variable.value), in: &action.keys, at: place)
        }
        state.report(place, command.difference == nil ? .exact : .shellScript, command.difference ?? "")
    }

    private func addDependencies(
        _ value: ImportNode,
        _ place: SourcePlace,
        _ service: inout ImportedService,
        _ state: inout ImportState
    ) {
        for dependency in value.entries {
            let own = SourcePlace(file: dependency.file, line: dependency.line, key: "\(place.key) \(dependency.key)")
            var requirement = ImportedDependency(kind: .requires, target: dependency.key, place: own, isGateOnly: true)
            switch dependency.value["condition"]?.text {
            case "process_started": requirement.until = "started"
            case "process_completed": requirement.until = "ended"
            default: break
            }
            service.dependencies.append(requirement)
            state.reportGate(own, ProcessComposeKeys.process, "depends_on")
        }
    }

    private mutating func readAvailability(
        _ value: ImportNode,
        _ service: inout ImportedService,
        _ state: inout ImportState
    ) {
        for entry in value.entries {
            let place = SourcePlace(file: entry.file, line: entry.line, key: "\(name).availability.\(entry.key)")
            switch (entry.key, entry.value.text ?? "") {
            case ("restart", let policy): readRestart(policy, place, &service, &state)
            case ("backoff_seconds", let text):
                guard let seconds = text.wholeNumber, seconds <= 1_000_000 else { return invalid(place, &state) }
                action.set("retry.delay", plain: "\(max(seconds, 1))s")
                action.set("retry.factor", plain: "1")
                if seconds > 30 { action.set("retry.max_delay", plain: "\(seconds)s") }
                state.countExact()
            case ("max_restarts", let text):
                guard let number = text.wholeNumber, number < 1_000_000 else { return invalid(place, &state) }
                if number > 0 { action.set("retry.max_attempts", plain: String(number + 1)) }
                state.report(place, "max_restarts", of: ProcessComposeKeys.availability)
            case ("exit_on_end", "true"):
                service.keys["essential"] = .plain("true")
                state.countExact()
            case ("exit_on_end", "false"), ("exit_on_skipped", "false"): state.countExact()
            default: state.report(place, entry.key, of: ProcessComposeKeys.availability)
            }
        }
    }

    private mutating func readRestart(
        _ policy: String,
        _ place: SourcePlace,
        _ service: inout ImportedService,
        _ state: inout ImportState
    ) {
        switch policy {
        case "always", "unless-stopped":
            if action.isProcess { return state.countExact() }
            state.report(place, .restartAfterExit, "not written: another process waits for the end of this one")
        case "on_failure", "on-failure":
            if action.isProcess { action.set("restart", plain: "on_failure") }
            state.countExact()
        case "exit_on_failure":
            action.set("restart", plain: "never")
            state.report(place, .endTogether, "`restart: never`; its failure ends no other service")
        case "no", "":
            action.set("restart", plain: "never")
            state.countExact()
        default: invalid(place, &state)
        }
    }

    private mutating func readShutdown(_ value: ImportNode, _ state: inout ImportState) {
        for entry in value.entries {
            let place = SourcePlace(file: entry.file, line: entry.line, key: "\(name).shutdown.\(entry.key)")
            switch entry.key {
            case "signal":
                guard let signal = entry.value.text.flatMap(SignalName.init) else {
                    invalid(place, &state)
                    continue
                }
                if signal.name != "TERM" { action.set("stop.signal", plain: signal.name) }
                state.countExact()
            case "timeout_seconds":
                guard let seconds = entry.value.text?.wholeNumber, seconds <= 1_000_000 else {
                    invalid(place, &state)
                    continue
                }
                if seconds != 10 { action.set("stop.timeout", plain: "\(max(seconds, 1))s") }
                state.countExact()
            case "command":
                action.keys["stop.exec"] = ProbeCommand.value(entry.value.text ?? "", shell: reader.interpreter ?? "sh")
                state.countExact()
            case "parent_only" where entry.value.bool == false: state.countExact()
            default: state.report(place, entry.key, of: ProcessComposeKeys.shutdown)
            }
        }
    }

    private mutating func readSchedule(_ value: ImportNode, _ place: SourcePlace, _ state: inout ImportState) {
        var schedule = ManifestMap()
        for entry in value.entries {
            guard let text = entry.value.text else { continue }
            switch entry.key {
            case "cron": schedule["cron"] = .text(text)
            case "interval":
                guard let time = DurationText.milliseconds(text, units: DurationText.goUnits) else { continue }
                schedule["every"] = .plain(DurationText.text(milliseconds: max(time, 1000)))
            case "timezone": schedule["timezone"] = .text(text)
            default:
                state.report(place, .noCounterpart, "not written: `\(entry.key)` of the schedule")
            }
        }
        guard schedule["cron"] != nil || schedule["every"] != nil else { return invalid(place, &state) }
        action.keys["schedule"] = .map(schedule)
        state.report(place, "schedule", of: ProcessComposeKeys.process)
    }

    /// Escapes the characters that have a meaning in patterns.
    static func escapedPattern(_ text: String) -> String {
        var result = ""
        for character in text {
            if "\\.+*?()[]{}^$|".contains(character) { result.append("\\") }
            result.append(character)
        }
        return result
    }
}
