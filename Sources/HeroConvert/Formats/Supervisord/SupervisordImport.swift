/// Imports files of supervisord.
struct SupervisordImport {
    /// A section of a program with its file.
    struct Program {
        var file: Int
        var section: INISection
        var name: String
        var comments: [String]
    }

    /// The tags of each program by its name.
    var groups: [String: [String]] = [:]
    /// The programs by the name of their services.
    var priorities: [(service: Int, priority: Int, place: SourcePlace)] = []
    /// The names of the copies of each program.
    var copies: [String: [String]] = [:]

    /// Reads the files.
    static func read(into state: inout ImportState) throws(ImportError) {
        var reader = SupervisordImport()
        var programs: [Program] = []
        for index in state.request.files.indices {
            let file = state.request.files[index]
            let lines = try file.lines()
            for section in try INIReader.read(file) {
                let comments = SourceComments.above(section.line, in: lines)
                if let program = reader.readSection(section, index, comments, &state) { programs.append(program) }
            }
        }
        for program in programs { try reader.addServices(of: program, &state) }
        reader.addOrder(&state)
        reader.expandReferences(&state)
    }

    /// Reads one section; returns it if it is a program.
    private mutating func readSection(
        _ section: INISection,
        _ file: Int,
        _ comments: [String],
        _ state: inout ImportState
    ) -> Program? {
        let parts = section.name.split(separator: ":", maxSplits: 1).map(String.init)
        let place = SourcePlace(file: file, line: section.line, key: "[\(section.name)]")
        switch parts.first {
        case "program", "fcgi-program":
            guard parts.count == 2, !parts[1].isEmpty else { break }
            return Program(file: file, section: section, name: parts[1], comments: comments)
        case "group":
            for entry in section.entries {
                let entryPlace = SourcePlace(file: file, line: entry.line, key: "[\(section.name)] \(entry.key)")
                state.report(entryPlace, entry.key, of: SupervisordKeys.group)
                guard entry.key == "programs", parts.count == 2 else { continue }
                for name in entry.value.split(whereSeparator: { $0 == "," || $0 == " " || $0 == "\n" }) {
                    groups[String(name), default: []].append(NameMapper.valid(parts[1]))
                }
            }
            return nil
        case "supervisord":
            readSupervisord(section, file, &state)
            return nil
        case "eventlistener":
            readListener(section, place, &state)
            return nil
        case "include":
            for entry in section.entries {
                let entryPlace = SourcePlace(file: file, line: entry.line, key: "[include] \(entry.key)")
                let files = entry.value.replacing("\n", with: " ")
                state.report(entryPlace, .notRead, "`\(files)` is not read; give these files in the same command")
            }
            return nil
        default: break
        }
        let name = parts.first == "rpcinterface" ? "[rpcinterface:x]" : "[\(section.name)]"
        state.report(place, name, of: SupervisordKeys.other)
        return nil
    }

    private func readSupervisord(_ section: INISection, _ file: Int, _ state: inout ImportState) {
        for entry in section.entries {
            let place = SourcePlace(file: file, line: entry.line, key: "[supervisord] \(entry.key)")
            switch entry.key {
            case "environment":
                guard let pairs = SupervisordText.environment(entry.value) else {
                    state.report(place, .invalidValue, "not written: the value is not a list of KEY=\"value\"")
                    continue
                }
                for pair in pairs {
                    let text = SupervisordText.expand(pair.value, [:]) ?? ImportedText(pair.value)
                    var defaults = state.defaults
                    state.setEnvironment(pair.name, text, in: &defaults, at: place)
                    state.defaults = defaults
                }
            case "minfds":
                guard let number = entry.value.wholeNumber, (1...1_073_741_816).contains(number) else {
                    state.report(place, .invalidValue, "not written: `\(entry.value)` is not a number of files")
                    continue
                }
                state.defaults["limits.nofile"] = .plain(String(number))
                state.report(place, entry.key, of: SupervisordKeys.supervisord)
            case "umask":
                state.defaults["umask"] = .text(entry.value)
                state.report(place, entry.key, of: SupervisordKeys.supervisord)
            case "directory":
                let text = SupervisordText.expand(entry.value, [:]) ?? ImportedText(entry.value)
                guard let path = state.path(text, at: place) else { continue }
                state.defaults["cwd"] = .text(path)
                state.report(place, entry.key, of: SupervisordKeys.supervisord)
            default: state.report(place, entry.key, of: SupervisordKeys.supervisord)
            }
        }
    }

    /// Recognises the two usual listeners by their commands.
    private func readListener(_ section: INISection, _ place: SourcePlace, _ state: inout ImportState) {
        let command = section.value("command") ?? ""
        let events = section.value("events") ?? ""
        if command.contains("ordered-startup") || command.contains("dependent") {
            state.report(place, .alreadySo, "not needed: `requires` gives the order of the start")
        } else if events.contains("PROCESS_STATE_FATAL") || events.contains("PROCESS_STATE_EXITED") {
            state.report(
                place,
                .endTogether,
                "not written: the end of a program ends nothing else here; watch it with `heroproc status`"
            )
        } else {
            state.report(place, .eventListener, "not written: use `heroproc events -o json` in place of a listener")
        }
    }

    /// Writes priorities as `after`: each level starts after the level below.
    private func addOrder(_ state: inout ImportState) {
        let levels = Set(priorities.map(\.priority)).sorted()
        guard levels.count > 1 else {
            for entry in priorities where entry.place.line > 0 {
                state.report(entry.place, .alreadySo, "not needed: all programs have the same priority")
            }
            return
        }
        for entry in priorities {
            if entry.place.line > 0 { state.report(entry.place, "priority", of: SupervisordKeys.program) }
            guard let level = levels.firstIndex(of: entry.priority), level > 0 else { continue }
            for other in priorities where other.priority == levels[level - 1] {
                guard state.services[other.service].status == nil else { continue }
                state.services[entry.service].dependencies.append(
                    ImportedDependency(
                        kind: .after,
                        target: state.services[other.service].sourceName,
                        place: state.services[entry.service].place
                    )
                )
            }
        }
    }

    /// Replaces references to a program by references to all its copies.
    private func expandReferences(_ state: inout ImportState) {
        for index in state.services.indices {
            state.services[index].dependencies = state.services[index].dependencies.flatMap { dependency in
                guard let names = copies[dependency.target], names != [dependency.target] else { return [dependency] }
                return names.map { name in
                    var copy = dependency
                    copy.target = name
                    return copy
                }
            }
        }
    }
}
