/// Imports files of docker compose.
struct ComposeImport {
    /// The names of services, which are host names in compose.
    var hosts: Set<String> = []
    /// The services that another service waits for to end.
    var completed: Set<String> = []
    /// The services by name, with `extends` resolved.
    var services: [ImportEntry] = []
    /// The names of the copies of each service.
    var copies: [String: [String]] = [:]

    /// Reads the files; a later one overrides keys of an earlier one.
    static func read(into state: inout ImportState) throws(ImportError) {
        var reader = ComposeImport()
        guard let root = try ImportYAMLReader.readMerged(state.request.files) else { return }
        for entry in root.entries where entry.key != "services" {
            let place = SourcePlace(file: entry.file, line: entry.line, key: entry.key)
            if entry.key.hasPrefix("x-") {
                state.report(place, .alreadySo, "a shared block is written where it is used")
            } else {
                state.report(place, entry.key, of: ComposeKeys.top)
            }
        }
        reader.resolve(root["services"]?.entries ?? [], &state)
        for service in reader.services { try reader.addService(service, &state) }
        reader.expandReferences(&state)
    }

    /// Resolves `extends`, and collects what services say about each other.
    private mutating func resolve(_ entries: [ImportEntry], _ state: inout ImportState) {
        for entry in entries {
            var value = entry.value
            var seen: Set<String> = [entry.key]
            var parent = value["extends"]
            while let reference = parent {
                let name = reference.text ?? reference["service"]?.text ?? ""
                let place = SourcePlace(file: reference.file, line: reference.line, key: "\(entry.key).extends")
                guard reference["file"] == nil, seen.insert(name).inserted,
                    let base = entries.first(where: { $0.key == name })?.value
                else {
                    state.report(
                        place,
                        .notRead,
                        "the service `\(name)` is not read; give its file in the same command"
                    )
                    break
                }
                parent = base["extends"]
                value = base.merged(with: value, depth: 2)
            }
            services.append(ImportEntry(key: entry.key, line: entry.line, value: value, file: entry.file))
            hosts.insert(entry.key)
            for key in ["hostname", "container_name"] {
                if let name = value[key]?.text, !name.contains("$") { hosts.insert(name) }
            }
            for dependency in value["depends_on"]?.entries ?? []
            where dependency.value["condition"]?.text == "service_completed_successfully" {
                completed.insert(dependency.key)
            }
        }
    }

    private mutating func addService(_ entry: ImportEntry, _ state: inout ImportState) throws(ImportError) {
        let place = SourcePlace(file: entry.file, line: entry.line, key: entry.key)
        guard entry.value.isMap else {
            state.report(place, .invalidValue, "not written: the service is not a map of keys")
            return
        }
        let number = (entry.value["deploy"]?["replicas"] ?? entry.value["scale"])?.text?.wholeNumber ?? 1
        let count = min(max(number, 1), 100)
        let lines = try state.request.files[entry.file].lines()
        var names: [String] = []
        for index in 0..<count {
            let mark = state.reportMark
            let name = count == 1 ? entry.key : "\(entry.key)-\(index + 1)"
            names.append(name)
            var service = ImportedService(sourceName: name, place: place)
            service.comments = SourceComments.above(entry.line, in: lines)
            var reader = ComposeService(reader: self, name: entry.key)
            reader.read(entry.value, &service, &state)
            if index > 0 { state.discardReport(since: mark) }
            try state.add(service)
        }
        copies[entry.key] = names
    }

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

    // MARK: Texts

    /// Returns a text with its variables; nil, after a report, if one cannot be kept.
    func text(_ text: String, _ place: SourcePlace, _ state: inout ImportState) -> ImportedText? {
        guard let parsed = EnvironmentText.parse(text) else {
            state.report(
                place,
                .literalVariable,
                "`\(text.prefix(100))` has a variable that cannot be kept; write its value by hand"
            )
            return nil
        }
        return parsed
    }

    /// Returns a text in which the names of services as hosts are replaced by 127.0.0.1.
    func replacingHosts(
        _ text: ImportedText,
        isHost: Bool,
        _ place: SourcePlace,
        _ state: inout ImportState
    ) -> ImportedText {
        var found: [String] = []
        let result = text.mapLiterals { literal in
            let (changed, names) = HostNames.replaced(in: literal, hosts, isHost: isHost)
            found += names
            return changed
        }
        guard !found.isEmpty else { return text }
        let names = Set(found).sorted().joined(separator: ", ")
        state.report(place, .hostName, "the host `\(names)` is 127.0.0.1 here; check the port")
        return result
    }
}

/// Finds the names of services that a text uses as hosts.
enum HostNames {
    /// Replaces the names by 127.0.0.1.
    static func replaced(
        in text: String,
        _ hosts: Set<String>,
        isHost: Bool
    ) -> (text: String, names: [String]) {
        if isHost, hosts.contains(text) { return ("127.0.0.1", [text]) }
        guard text.utf8.contains(UInt8(ascii: ":")) || text.utf8.contains(UInt8(ascii: "/")) else { return (text, []) }
        var result = ""
        var names: [String] = []
        var word = ""
        var before: Character?
        func isNamePart(_ character: Character) -> Bool {
            character.isASCII && (character.isLetter || character.isNumber || "_.-".contains(character))
        }
        func finish(_ next: Character?, _ following: Character?) {
            let startsAddress = before == "/" && result.hasSuffix("//") || before == "@"
            let hasPort = next == ":" && following?.isNumber == true
            let isStart = before == nil || before == "," || before == "=" || before == " " || startsAddress
            if hosts.contains(word), isStart, startsAddress || hasPort {
                names.append(word)
                result += "127.0.0.1"
            } else {
                result += word
            }
            word = ""
        }
        let characters = Array(text)
        for (index, character) in characters.enumerated() {
            if isNamePart(character) {
                if word.isEmpty { before = index > 0 ? characters[index - 1] : nil }
                word.append(character)
                continue
            }
            if !word.isEmpty { finish(character, index + 1 < characters.count ? characters[index + 1] : nil) }
            result.append(character)
        }
        if !word.isEmpty { finish(nil, nil) }
        return (result, names)
    }
}
