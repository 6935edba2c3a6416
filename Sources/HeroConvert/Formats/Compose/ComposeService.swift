/// Reads one service of docker compose.
struct ComposeService {
    let reader: ComposeImport
    let name: String
    var action = ImportedAction()
    private var entrypoint: [ImportedText]?
    private var command: [ImportedText]?

    init(reader: ComposeImport, name: String) {
        self.reader = reader
        self.name = name
    }

    /// Reads all keys into a service.
    mutating func read(_ node: ImportNode, _ service: inout ImportedService, _ state: inout ImportState) {
        action.isProcess = !reader.completed.contains(name)
        for entry in node.entries { read(entry, &service, &state) }
        setProgram(node, &service, &state)
        if node["restart"] == nil, action.isProcess {
            action.set("restart", plain: "never")
            state.report(service.place, .explicitDefault, "`restart: never`, the default of compose")
        }
        service.actions = [action]
    }

    /// The key of a place in this service.
    func place(_ entry: ImportEntry, _ prefix: String = "") -> SourcePlace {
        SourcePlace(file: entry.file, line: entry.line, key: "\(name).\(prefix)\(entry.key)")
    }

    func invalid(_ place: SourcePlace, _ state: inout ImportState) {
        state.report(place, .invalidValue, "not written: the value cannot be used here")
    }

    private mutating func read(_ entry: ImportEntry, _ service: inout ImportedService, _ state: inout ImportState) {
        let place = place(entry)
        let value = entry.value
        switch entry.key {
        case "command": command = words(value, place, &state)
        case "entrypoint": entrypoint = words(value, place, &state)
        case "environment": readEnvironment(value, place, &state)
        case "env_file": readEnvironmentFiles(value, place, &state)
        case "working_dir":
            guard let text = reader.text(value.text ?? "/", place, &state), let path = state.path(text, at: place)
            else {
                return
            }
            action.set("cwd", path)
            state.report(place, "working_dir", of: ComposeKeys.service)
        case "user": readUser(value, place, &state)
        case "restart": readRestart(value.text ?? "no", place, &state)
        case "depends_on": readDependencies(value, place, &service, &state)
        case "healthcheck": readHealthCheck(value, place, &state)
        case "ports": readPorts(value, place, &state)
        case "profiles": readProfiles(value, place, &service, &state)
        case "scale":
            if value.text == "1" { state.countExact() } else { state.report(place, "scale", of: ComposeKeys.service) }
        case "extends":
            if value["file"] == nil { state.report(place, "extends", of: ComposeKeys.service) }
        case let key where key.hasPrefix("x-"): state.report(place, .alreadySo, "compose ignores it, too")
        default: readLimitKey(entry, &state)
        }
    }

    // MARK: The program

    /// Returns the words of a command: a list, or a text that is split without a shell.
    private func words(_ node: ImportNode, _ place: SourcePlace, _ state: inout ImportState) -> [ImportedText]? {
        var result: [ImportedText] = []
        if node.isList {
            for item in node.items {
                guard let text = reader.text(item.text ?? "", place, &state) else { return nil }
                result.append(text)
            }
        } else if let string = node.text {
            guard let text = reader.text(string, place, &state) else { return nil }
            guard let split = text.words() else {
                invalid(place, &state)
                return nil
            }
            result = split
        }
        guard !result.isEmpty else { return nil }
        state.countExact()
        return result.map { reader.replacingHosts($0, isHost: false, place, &state) }
    }

    private mutating func setProgram(
        _ node: ImportNode,
        _ service: inout ImportedService,
        _ state: inout ImportState
    ) {
        var program = (entrypoint ?? []) + (command ?? [])
        let first = program.first?.pieces.first
        if case .literal(let text)? = first, text.hasPrefix("-") {
            // Many images add their program in front of options.
            program.insert(ImportedText(guess(node)), at: 0)
            state.report(service.place, .imageUnknown, "`exec` begins with a guess from the name of the image")
        }
        if let script = ShellScript(program) {
            action.setCommand(script.command)
            for word in program {
                for variable in word.unsetVariables {
                    state.setEnvironment(
                        variable,
                        ImportedText(variable: variable),
                        in: &action.keys,
                        at: service.place
                    )
                }
            }
            return state.report(service.place, .shellScript, "the command is written as `script`")
        }
        if !program.isEmpty {
            action.setCommand(.exec(program.map { state.using($0, at: service.place) }))
            return
        }
        // Without a command the image decides; its name is the best guess.
        action.setCommand(.exec([ImportedText(guess(node))]))
        state.report(
            service.place,
            .imageUnknown,
            "`exec` is a guess from the name of the image; read the command with `docker inspect`"
        )
    }

    /// Returns the name of the image without its path and version.
    private func guess(_ node: ImportNode) -> String {
        let path = (node["image"]?.text ?? name).split(separator: "/").last ?? ""
        let guess = path.prefix { $0 != ":" && $0 != "@" && $0 != "$" && $0 != "{" && $0 != "}" }
        return guess.isEmpty ? name : String(guess)
    }

    // MARK: Environment and user

    private mutating func readEnvironment(_ node: ImportNode, _ place: SourcePlace, _ state: inout ImportState) {
        var pairs: [(name: String, value: String?, place: SourcePlace)] = []
        for entry in node.entries {
            let own = SourcePlace(file: entry.file, line: entry.line, key: "\(place.key).\(entry.key)")
            pairs.append((entry.key, entry.value.text ?? (entry.value.isNull ? nil : ""), own))
        }
        for item in node.isMap ? [] : node.items {
            let parts = (item.text ?? "").split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let own = SourcePlace(file: item.file, line: item.line, key: "\(place.key).\(parts.first ?? "")")
            pairs.append((String(parts.first ?? ""), parts.count > 1 ? String(parts[1]) : nil, own))
        }
        for pair in pairs {
            guard let value = pair.value else {
                // The value of the caller's environment.
                state.setEnvironment(pair.name, ImportedText(variable: pair.name), in: &action.keys, at: pair.place)
                continue
            }
            guard let text = reader.text(value, pair.place, &state) else { continue }
            let upper = pair.name.uppercased()
            let isHost = ["HOST", "SERVER", "ADDR", "ADDRESS", "HOSTNAME"].contains { upper.hasSuffix($0) }
            let local = reader.replacingHosts(text, isHost: isHost, pair.place, &state)
            state.setEnvironment(pair.name, local, in: &action.keys, at: pair.place)
        }
    }

    private mutating func readEnvironmentFiles(_ node: ImportNode, _ place: SourcePlace, _ state: inout ImportState) {
        var files: [ManifestValue] = []
        for item in node.isMap ? [node] : node.items {
            guard let name = item.text ?? item["path"]?.text, let text = reader.text(name, place, &state),
                let path = state.path(text, at: place)
            else {
                invalid(place, &state)
                continue
            }
            if item["required"]?.bool == false {
                var file = ManifestMap()
                file["path"] = .text(path)
                file["optional"] = .plain("true")
                files.append(.map(file))
            } else {
                files.append(.text(path))
            }
            state.countExact()
        }
        guard !files.isEmpty else { return }
        action.keys["env_file"] = files.count == 1 ? files[0] : .list(files)
    }

    private mutating func readUser(_ node: ImportNode, _ place: SourcePlace, _ state: inout ImportState) {
        guard let text = reader.text(node.text ?? "", place, &state) else { return }
        var parts = [ImportedText()]
        for piece in text.pieces {
            switch piece {
            case .literal(let literal):
                for (index, part) in literal.split(separator: ":", omittingEmptySubsequences: false).enumerated() {
                    if index > 0 { parts.append(ImportedText()) }
                    parts[parts.count - 1].append(part)
                }
            case .variable(let name, let fallback): parts[parts.count - 1].append(variable: name, fallback: fallback)
            }
        }
        for (key, part) in zip(["user", "group"], parts) {
            guard part.resolved?.isEmpty == false else {
                state.report(place, .valueMissing, "`\(key)` is not written: it has no value in the source")
                continue
            }
            action.set(key, part)
        }
        state.report(place, "user", of: ComposeKeys.service)
    }

    private mutating func readRestart(_ policy: String, _ place: SourcePlace, _ state: inout ImportState) {
        let parts = policy.split(separator: ":", maxSplits: 1).map(String.init)
        switch parts.first ?? "no" {
        case "always", "unless-stopped":
            guard action.isProcess else {
                return state.report(
                    place,
                    .restartAfterExit,
                    "not written: another service waits for the end of this one"
                )
            }
            state.countExact()
        case "on-failure":
            if action.isProcess { action.set("restart", plain: "on_failure") }
            guard parts.count == 2 else { return state.countExact() }
            guard let number = parts[1].wholeNumber, number < 1_000_000 else { return invalid(place, &state) }
            action.set("retry.max_attempts", plain: String(number + 1))
            state.report(place, .retryLimit, "`retry.max_attempts` counts starts, one more than restarts")
        case "no", "false":
            action.set("restart", plain: "never")
            state.countExact()
        default: invalid(place, &state)
        }
    }

    private func readProfiles(
        _ node: ImportNode,
        _ place: SourcePlace,
        _ service: inout ImportedService,
        _ state: inout ImportState
    ) {
        guard let first = node.items.compactMap(\.text).first else { return invalid(place, &state) }
        let variable = "PROFILE_" + NameMapper.valid(first).uppercased().replacing("-", with: "_")
        service.status = "${\(variable):-stop}"
        service.tags += node.items.compactMap(\.text).map(NameMapper.valid)
        state.report(place, .manualStart, "`status: ${\(variable):-stop}`; run it with `--var \(variable)=start`")
    }
}
