/// Imports service files of zinit.
enum ZinitImport {
    /// Reads the files: each one is a service with the name of the file.
    static func read(into state: inout ImportState) throws(ImportError) {
        for index in state.request.files.indices {
            let file = state.request.files[index]
            let documents = try ImportYAMLReader.read(file, index: index)
            guard let root = documents.first else {
                let place = SourcePlace(file: index, line: 1, key: "(file)")
                state.report(place, .valueMissing, "not written: the file is empty")
                continue
            }
            guard root.isMap else {
                throw ImportError(file.path, line: root.line, "the file is not a map of keys and values")
            }
            let name = file.name.split(separator: ".").first.map(String.init) ?? "service"
            let lines = try file.lines()
            var service = ImportedService(
                sourceName: name,
                place: SourcePlace(file: index, line: root.line, key: name),
                comments: SourceComments.above(root.line, in: lines)
            )
            readService(root, &service, &state)
            try state.add(service)
        }
    }

    private static func readService(_ root: ImportNode, _ service: inout ImportedService, _ state: inout ImportState) {
        var action = ImportedAction()
        action.isProcess = root["oneshot"]?.bool != true
        for entry in root.entries {
            let place = SourcePlace(file: entry.file, line: entry.line, key: entry.key)
            readKey(entry, place, &action, &service, &state)
        }
        if action.keys["exec"] == nil, action.keys["script"] == nil {
            state.report(service.place, .valueMissing, "the service has no `exec`; write it by hand")
            action.keys["exec"] = .list([.text("false")])
            service.status = "spec"
        }
        if !action.isProcess { action.set("restart", plain: "never") }
        service.actions = [action]
    }

    private static func readKey(
        _ entry: ImportEntry,
        _ place: SourcePlace,
        _ action: inout ImportedAction,
        _ service: inout ImportedService,
        _ state: inout ImportState
    ) {
        let value = entry.value
        switch entry.key {
        case "exec":
            guard let words = CommandWords.split(value.text ?? "")?.map({ ImportedText($0) }), !words.isEmpty else {
                return invalid(place, &state)
            }
            if let script = ShellScript(words) {
                action.setCommand(script.command)
                return state.report(
                    place,
                    .shellScript,
                    "written as `script`, because the command is a shell with `-c`"
                )
            }
            action.setCommand(.exec(words))
            state.countExact()
        case "test":
            guard let text = value.text, action.isProcess else { return invalid(place, &state) }
            action.keys["ready.exec"] = ProbeCommand.value(text)
            action.set("start_timeout", plain: "1d")
            state.report(place, "test", of: ZinitKeys.service)
        case "oneshot":
            if value.bool == true { state.report(place, "oneshot", of: ZinitKeys.service) } else { state.countExact() }
        case "after":
            for item in value.items {
                guard let name = item.text else { continue }
                let target = name.hasSuffix(".yaml") ? String(name.dropLast(5)) : name
                service.dependencies.append(
                    ImportedDependency(kind: .requires, target: target, place: place, isGateOnly: true)
                )
            }
            guard !value.items.isEmpty else { return }
            state.reportGate(place, ZinitKeys.service, "after")
        case "env":
            for variable in value.entries {
                let own = SourcePlace(file: variable.file, line: variable.line, key: "env \(variable.key)")
                state.setEnvironment(variable.key, ImportedText(variable.value.text ?? ""), in: &action.keys, at: own)
            }
        case "dir":
            guard let text = value.text, let path = state.path(ImportedText(text), at: place) else {
                return invalid(place, &state)
            }
            action.set("cwd", path)
            state.countExact()
        case "shutdown_timeout":
            guard let seconds = value.text?.wholeNumber, seconds <= 1_000_000 else { return invalid(place, &state) }
            if seconds != 10 { action.set("stop.timeout", plain: "\(seconds)s") }
            state.countExact()
        case "signal":
            for signal in value.entries {
                guard signal.key == "stop", let name = signal.value.text.flatMap(SignalName.init) else {
                    invalid(place, &state)
                    continue
                }
                if name.name != "TERM" { action.set("stop.signal", plain: name.name) }
                state.countExact()
            }
        default: state.report(place, entry.key, of: ZinitKeys.service)
        }
    }

    private static func invalid(_ place: SourcePlace, _ state: inout ImportState) {
        state.report(place, .invalidValue, "not written: the value cannot be used here")
    }
}

/// Commands of probes.
enum ProbeCommand {
    /// Returns the value of `exec` of a probe for a command that may need a shell.
    static func value(_ text: String, shell: String = "sh") -> ManifestValue {
        let command = ShellCommand(text)
        if case .exec(let words) = command.command, command.environment.isEmpty {
            return .list(words.map { .text($0) })
        }
        return .list([.text(shell), .text("-c"), .text(ImportedText(text.trimmed))])
    }
}

extension ImportState {
    /// Reports a dependency that gates only the start in the source.
    mutating func reportGate(_ place: SourcePlace, _ table: KeyTable, _ key: String) {
        report(place, key, of: table)
    }
}
