/// Imports Procfiles.
enum ProcfileImport {
    /// Reads the files.
    static func read(into state: inout ImportState) throws(ImportError) {
        var count = 0
        for index in state.request.files.indices {
            let file = state.request.files[index]
            let lines = try file.lines()
            for (number, line) in lines.enumerated() {
                let text = line.trimmed
                if text.isEmpty || text.hasPrefix("#") { continue }
                let place = SourcePlace(file: index, line: number + 1, key: "(line)")
                guard text.utf8.count <= ImportLimits.valueBytes else {
                    throw ImportError(file.path, line: number + 1, "the line is longer than 32 KiB")
                }
                guard let colon = text.firstIndex(of: ":"), isName(text[..<colon]) else {
                    state.report(place, .unknownKey, "not written: the line is not `NAME: COMMAND`, so runners skip it")
                    continue
                }
                let name = String(text[..<colon])
                let command = text[text.index(after: colon)...].trimmed
                guard !command.isEmpty else {
                    state.report(place, .unknownKey, "not written: the line has no command")
                    continue
                }
                let comments = SourceComments.above(number + 1, in: lines)
                try add(name, command, comments, place.with(key: name), port: 5000 + 100 * count, &state)
                count += 1
            }
        }
        finish(&state)
    }

    private static func isName(_ text: Substring) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy {
                (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || $0 == UInt8(ascii: "_")
                    || $0 == UInt8(ascii: "-")
            }
    }

    private static func add(
        _ name: String,
        _ text: String,
        _ comments: [String],
        _ place: SourcePlace,
        port: Int,
        _ state: inout ImportState
    ) throws(ImportError) {
        var service = ImportedService(sourceName: name, place: place, comments: comments)
        var action = ImportedAction()
        let command = ShellCommand(text)
        action.setCommand(command.command)
        state.report(place, command.difference == nil ? .exact : .shellScript, command.difference ?? "")
        for variable in command.environment {
            state.setEnvironment(variable.name, ImportedText(variable.value), in: &action.keys, at: place)
        }
        if usesPort(text), port <= 65_535 {
            var env = ManifestMap()
            if case .map(let present)? = action.keys["env"] { env = present }
            env.set(.plain(String(port)), of: "PORT")
            action.keys["env"] = .map(env)
            action.ports = [(ImportedText(String(port)), place)]
            state.report(place, .valueAdapted, "`env.PORT` and `tcp_ports` are \(port), the number that foreman gives")
        }
        if name == "release" {
            action.isProcess = false
            state.report(place, "release", of: ProcfileKeys.lines)
        } else {
            action.set("restart", plain: "never")
            action.set("stop.to", plain: "tree")
            service.keys["essential"] = .plain("true")
        }
        action.set("stop.timeout", plain: "5s")
        action.set("cwd", state.sourceDirectory)
        var file = ManifestMap()
        file["path"] = .text(state.request.sourceDirectory + "/.env")
        file["optional"] = .plain("true")
        action.keys["env_file"] = .map(file)
        service.actions = [action]
        try state.add(service)
    }

    private static func usesPort(_ text: String) -> Bool {
        text.contains("${PORT") || text.contains("$PORT")
    }

    /// Adds what holds for all lines.
    private static func finish(_ state: inout ImportState) {
        guard let first = state.services.first else { return }
        let place = first.place.with(key: "(all)")
        for index in state.services.indices where state.services[index].sourceName != "release" {
            for release in state.services where release.sourceName == "release" {
                let dependency = ImportedDependency(kind: .requires, target: "release", place: release.place)
                state.services[index].dependencies.append(dependency)
            }
        }
        for rule in ProcfileKeys.lines.rules where rule.key.hasPrefix("(all) ") {
            state.report(place, rule.code, rule.text)
        }
    }
}
