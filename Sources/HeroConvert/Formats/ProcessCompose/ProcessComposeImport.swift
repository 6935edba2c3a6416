/// Imports files of process-compose.
struct ProcessComposeImport {
    /// The shell of scripts; nil for `sh`.
    var interpreter: String? = "bash"
    /// Whether `$NAME` is text.
    var keepsDollars = false
    /// The processes that another process waits for to end.
    var completed: Set<String> = []
    /// The names of the copies of each process.
    var copies: [String: [String]] = [:]

    /// Reads the files; a later one overrides keys of an earlier one.
    static func read(into state: inout ImportState) throws(ImportError) {
        var reader = ProcessComposeImport()
        guard let root = try ImportYAMLReader.readMerged(state.request.files) else { return }
        reader.readTopLevel(root, &state)
        let processes = root["processes"]?.entries ?? []
        for process in processes {
            for dependency in process.value["depends_on"]?.entries ?? []
            where dependency.value["condition"]?.text?.hasPrefix("process_completed") == true {
                reader.completed.insert(dependency.key)
            }
        }
        for process in processes { try reader.addProcess(process, &state) }
        reader.expandReferences(&state)
    }

    private mutating func readTopLevel(_ root: ImportNode, _ state: inout ImportState) {
        keepsDollars = root["disable_env_expansion"]?.bool == true
        for entry in root.entries {
            let place = SourcePlace(file: entry.file, line: entry.line, key: entry.key)
            switch entry.key {
            case "processes": continue
            case "environment":
                var defaults = state.defaults
                readEnvironment(entry.value, place, &defaults, &state)
                state.defaults = defaults
            case "shell":
                let command = entry.value["shell_command"]?.text ?? "bash"
                interpreter = command.split(separator: "/").last == "sh" ? nil : command
                state.report(place, "shell", of: ProcessComposeKeys.top)
            case let key where key.hasPrefix("x-"):
                state.report(place, .alreadySo, "blocks for anchors are written where they are used")
            default: state.report(place, entry.key, of: ProcessComposeKeys.top)
            }
        }
    }

    /// Reads `[A=b]` or `{A: b}`.
    func readEnvironment(
        _ node: ImportNode,
        _ place: SourcePlace,
        _ keys: inout ManifestMap,
        _ state: inout ImportState
    ) {
        var pairs: [(name: String, value: String, line: Int)] = []
        for entry in node.entries { pairs.append((entry.key, entry.value.text ?? "", entry.line)) }
        for item in node.isMap ? [] : node.items {
            let parts = (item.text ?? "").split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = parts.first, !name.isEmpty else { continue }
            pairs.append((String(name), parts.count > 1 ? String(parts[1]) : "", item.line))
        }
        for pair in pairs {
            let own = SourcePlace(file: place.file, line: pair.line, key: place.key + " " + pair.name)
            guard let value = text(pair.value, own, &state) else { continue }
            state.setEnvironment(pair.name, value, in: &keys, at: own)
        }
    }

    /// Returns a text with its variables; nil, after a report, if one cannot be kept.
    func text(_ text: String, _ place: SourcePlace, _ state: inout ImportState) -> ImportedText? {
        if text.contains("{{") {
            state.report(place, .literalVariable, "`\(text.prefix(100))` is a template that cannot be kept")
            return nil
        }
        if keepsDollars { return ImportedText(text) }
        guard let parsed = EnvironmentText.parse(text) else {
            state.report(place, .literalVariable, "`\(text.prefix(100))` has a variable that cannot be kept")
            return nil
        }
        return parsed
    }

    private mutating func addProcess(_ entry: ImportEntry, _ state: inout ImportState) throws(ImportError) {
        let place = SourcePlace(file: entry.file, line: entry.line, key: entry.key)
        guard entry.value.isMap else {
            state.report(place, .invalidValue, "not written: the process is not a map of keys")
            return
        }
        let count = entry.value["replicas"]?.text?.wholeNumber ?? 1
        guard (1...100).contains(count) else {
            state.report(place, .invalidValue, "not written: `replicas` is not a number from 1 to 100")
            return
        }
        let lines = try state.request.files[entry.file].lines()
        var names: [String] = []
        for number in 0..<count {
            let mark = state.reportMark
            let name = count == 1 ? entry.key : "\(entry.key)-\(number)"
            names.append(name)
            var service = ImportedService(sourceName: name, place: place)
            service.comments = SourceComments.above(entry.line, in: lines)
            var process = ProcessComposeProcess(reader: self, name: entry.key)
            process.read(entry.value, &service, &state)
            if count > 1 {
                var action = service.actions[0]
                var env = ManifestMap()
                if case .map(let present)? = action.keys["env"] { env = present }
                env.set(.text(String(number)), of: "PC_REPLICA_NUM")
                action.keys["env"] = .map(env)
                service.actions[0] = action
            }
            if number > 0 { state.discardReport(since: mark) }
            try state.add(service)
        }
        copies[entry.key] = names
    }

    /// Replaces references to a process by references to all its copies.
    private func expandReferences(_ state: inout ImportState) {
        for index in state.services.indices {
            state.services[index].dependencies = state.services[index].dependencies.flatMap { dependency in
                (copies[dependency.target] ?? [dependency.target]).map { name in
                    var copy = dependency
                    copy.target = name
                    return copy
                }
            }
        }
    }
}
