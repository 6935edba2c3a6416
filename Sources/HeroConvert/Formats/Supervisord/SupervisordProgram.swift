extension SupervisordImport {
    /// Adds the services of a program: one for each copy.
    mutating func addServices(of program: Program, _ state: inout ImportState) throws(ImportError) {
        let section = program.section
        let place = SourcePlace(file: program.file, line: section.line, key: "[\(section.name)]")
        let count = section.value("numprocs")?.wholeNumber ?? 1
        let start = section.value("numprocs_start")?.wholeNumber ?? 0
        guard (1...ImportLimits.services).contains(count), start <= 1_000_000 else {
            state.report(place, .invalidValue, "not written: `numprocs` is not a number from 1 to 1000")
            return
        }
        var names: [String] = []
        for number in start..<(start + count) {
            let values = [
                "program_name": program.name, "process_num": String(number), "group_name": program.name,
                "numprocs": String(count), "here": state.request.sourceDirectory,
            ]
            var name = program.name
            if let pattern = section.value("process_name"), pattern != "%(program_name)s",
                let expanded = SupervisordText.expand(pattern, values)?.resolved
            {
                name = expanded.hasPrefix(program.name) ? expanded : "\(program.name)-\(expanded)"
            } else if count > 1 {
                name += "-\(number)"
            }
            names.append(name)
            var service = ImportedService(sourceName: name, place: place, comments: program.comments)
            service.tags = groups[program.name] ?? []
            var reader = SupervisordProgramReader(program: program, values: values, isFirst: number == start)
            reader.read(&service, &state)
            if let priority = reader.priority {
                let shown = number == start ? priority.place : SourcePlace(file: 0, line: 0, key: "")
                priorities.append((state.services.count, priority.value, shown))
            } else if service.status == nil {
                priorities.append((state.services.count, 999, SourcePlace(file: 0, line: 0, key: "")))
            }
            try state.add(service)
        }
        copies[program.name] = names
    }
}

/// Reads the keys of one program.
struct SupervisordProgramReader {
    let program: SupervisordImport.Program
    let values: [String: String]
    /// Whether this is the first copy; only its keys are reported.
    let isFirst: Bool
    /// The priority that the program states.
    private(set) var priority: (value: Int, place: SourcePlace)?

    private var action = ImportedAction()
    private var isImplicitRestart = true
    private var startSeconds = 1
    private var retries = 3
    private var hasRetries = false

    init(program: SupervisordImport.Program, values: [String: String], isFirst: Bool) {
        self.program = program
        self.values = values
        self.isFirst = isFirst
    }

    /// Reads all keys into a service.
    mutating func read(_ service: inout ImportedService, _ state: inout ImportState) {
        let mark = state.reportMark
        for entry in program.section.entries { read(entry, &service, &state) }
        addImplicitDefaults(service.place, &state)
        if !isFirst { state.discardReport(since: mark) }
        service.actions = [action]
    }

    private mutating func read(_ entry: INIEntry, _ service: inout ImportedService, _ state: inout ImportState) {
        let place = SourcePlace(
            file: program.file,
            line: entry.line,
            key: "[\(program.section.name)] \(entry.key)"
        )
        guard let text = SupervisordText.expand(entry.value, values) else {
            state.report(
                place,
                .literalVariable,
                "`\(entry.value.prefix(100))` has an expansion that cannot be kept; write the value"
            )
            if entry.key == "command" { setCommand(ImportedText(entry.value), place, &state) }
            return
        }
        let literal = text.resolved
        switch entry.key {
        case "command": setCommand(text, place, &state)
        case "process_name", "numprocs_start": state.report(place, entry.key, of: SupervisordKeys.program)
        case "numprocs":
            if entry.value == "1" {
                state.countExact()
            } else {
                state.report(place, "numprocs", of: SupervisordKeys.program)
            }
        case "priority":
            guard let number = literal.flatMap(Int.init) else { return invalid(place, entry.value, &state) }
            priority = (number, place)
        case "autostart":
            guard let flag = literal.flatMap(SupervisordText.bool) else { return invalid(place, entry.value, &state) }
            if flag { return state.countExact() }
            service.status = "stop"
            state.report(place, "autostart", of: SupervisordKeys.program)
        case "autorestart": setRestart(literal ?? "", place, &state)
        case "startsecs":
            guard let number = literal?.wholeNumber, number <= 100_000 else {
                return invalid(place, entry.value, &state)
            }
            startSeconds = number
            if number > 0 { action.set("ready.alive_for", plain: "\(number)s") }
            if number >= 30 { action.set("start_timeout", plain: "\(number + 10)s") }
            state.report(place, "startsecs", of: SupervisordKeys.program)
        case "startretries":
            guard let number = literal?.wholeNumber, number < 1_000_000 else {
                return invalid(place, entry.value, &state)
            }
            retries = number
            hasRetries = true
            state.report(place, "startretries", of: SupervisordKeys.program)
        case "exitcodes":
            let codes = (literal ?? "").split(separator: ",").map { $0.trimmed.wholeNumber }
            let valid = codes.compactMap(\.self).filter { $0 <= 255 }
            guard valid.count == codes.count, !valid.isEmpty else { return invalid(place, entry.value, &state) }
            if valid == [0] { return state.countExact() }
            action.keys["success_exit_codes"] = .list(valid.map { .plain(String($0)) })
            state.report(place, "exitcodes", of: SupervisordKeys.program)
        default: readExecutionKey(entry, text, place, &service, &state)
        }
    }

    private mutating func readExecutionKey(
        _ entry: INIEntry,
        _ text: ImportedText,
        _ place: SourcePlace,
        _ service: inout ImportedService,
        _ state: inout ImportState
    ) {
        let literal = text.resolved
        switch entry.key {
        case "stopsignal":
            guard let signal = literal.flatMap(SignalName.init) else { return invalid(place, entry.value, &state) }
            if signal.name != "TERM" { action.set("stop.signal", plain: signal.name) }
            state.countExact()
        case "stopwaitsecs":
            guard let number = literal?.wholeNumber, number <= 10_000_000 else {
                return invalid(place, entry.value, &state)
            }
            if number != 10 { action.set("stop.timeout", plain: "\(max(number, 1))s") }
            state.countExact()
        case "stopasgroup":
            guard literal.flatMap(SupervisordText.bool) == true else { return state.countExact() }
            action.set("stop.to", plain: "tree")
            state.report(place, "stopasgroup", of: SupervisordKeys.program)
        case "user":
            action.set("user", state.using(text, at: place))
            state.report(place, "user", of: SupervisordKeys.program)
        case "directory":
            guard let path = state.path(text, at: place) else { return }
            action.set("cwd", path)
            state.countExact()
        case "umask":
            action.set("umask", text)
            state.countExact()
        case "environment":
            guard let pairs = SupervisordText.environment(entry.value) else {
                return invalid(place, entry.value, &state)
            }
            for pair in pairs {
                guard let value = SupervisordText.expand(pair.value, values) else {
                    state.report(place, .literalVariable, "`\(pair.name)` has an expansion that cannot be kept")
                    continue
                }
                state.setEnvironment(
                    pair.name,
                    value,
                    in: &action.keys,
                    at: place.with(key: place.key + " \(pair.name)")
                )
            }
        case "stdout_logfile_maxbytes": setLog("max_size", literal.flatMap(SupervisordText.size), place, &state)
        case "stdout_logfile_backups":
            let number = literal?.wholeNumber.flatMap { $0 <= 99 ? String($0) : nil }
            setLog("keep", number, place, &state)
        case "stdout_logfile", "stderr_logfile":
            if ["AUTO", "NONE", "/dev/stdout", "/dev/stderr", "/dev/fd/1", "/dev/fd/2", "/proc/1/fd/1", "/proc/1/fd/2"]
                .contains(literal)
            {
                state.report(place, .alreadySo, "not needed: the output is in the log of the job: `heroproc logs`")
            } else if entry.key == "stdout_logfile", let path = state.path(text, at: place) {
                action.set("log.link", path)
                state.report(place, .sameMeaning, "`log.link`: a link to the log of the job")
            } else {
                state.report(place, entry.key, of: SupervisordKeys.program)
            }
        case "dependent_startup_wait_for": addDependencies(literal ?? "", place, &service, &state)
        case "socket" where program.section.name.hasPrefix("fcgi-program"),
            "socket_owner" where program.section.name.hasPrefix("fcgi-program"),
            "socket_mode" where program.section.name.hasPrefix("fcgi-program"),
            "socket_backlog" where program.section.name.hasPrefix("fcgi-program"):
            state.report(place, entry.key, of: SupervisordKeys.fastCGI)
        default: state.report(place, entry.key, of: SupervisordKeys.program)
        }
    }

    private func invalid(_ place: SourcePlace, _ value: String, _ state: inout ImportState) {
        state.report(place, .invalidValue, "not written: `\(value.prefix(100))` cannot be used")
    }

    private mutating func setLog(_ key: String, _ value: String?, _ place: SourcePlace, _ state: inout ImportState) {
        guard let value else {
            return state.report(place, .valueAdapted, "not written: heroproc's `log.\(key)` counts")
        }
        action.set("log.\(key)", plain: value)
        state.countExact()
    }

    private mutating func setRestart(_ value: String, _ place: SourcePlace, _ state: inout ImportState) {
        isImplicitRestart = false
        switch value.lowercased() {
        case "unexpected":
            action.set("restart", plain: "on_failure")
            state.report(place, "autorestart", of: SupervisordKeys.program)
        default:
            guard let flag = SupervisordText.bool(value) else { return invalid(place, value, &state) }
            if flag { return state.report(place, .exact, "`restart: always` is the default") }
            action.set("restart", plain: "never")
            state.report(place, .sameMeaning, "`restart: never`")
        }
    }

    /// Splits a command without a shell; `bash -c` is written as a script, and a PID proxy as `pid_file`.
    private mutating func setCommand(_ text: ImportedText, _ place: SourcePlace, _ state: inout ImportState) {
        guard let words = text.words(), !words.isEmpty else {
            return state.report(place, .invalidValue, "not written: the command has a quote that is not closed")
        }
        var arguments = words
        let name = arguments.first?.literal?.split(separator: "/").last.map(String.init) ?? ""
        if name == "pidproxy", arguments.count >= 3, let path = state.path(arguments[1], at: place) {
            action.set("pid_file", path)
            arguments.removeFirst(2)
            state.report(place, .sameMeaning, "`pid_file` in place of the PID proxy")
        }
        if let script = ShellScript(arguments) {
            action.setCommand(script.command)
            for name in text.variables {
                state.setEnvironment(name, ImportedText(variable: name), in: &action.keys, at: place)
            }
            return state.report(place, .shellScript, "written as `script`, because the command is a shell with `-c`")
        }
        action.setCommand(.exec(arguments.map { state.using($0, at: place) }))
        state.report(
            place,
            text.variables.isEmpty ? .exact : .variableKept,
            "`exec` keeps the variables \(text.variables.joined(separator: ", "))"
        )
    }

    private func addDependencies(
        _ text: String,
        _ place: SourcePlace,
        _ service: inout ImportedService,
        _ state: inout ImportState
    ) {
        for word in text.split(whereSeparator: { $0 == " " || $0 == "," || $0 == "\n" }) {
            let name = word.split(separator: ":").first.map(String.init) ?? ""
            service.dependencies.append(ImportedDependency(kind: .requires, target: name, place: place))
        }
        state.report(place, "dependent_startup_wait_for", of: SupervisordKeys.program)
    }

    /// States the defaults of supervisord that differ from heroproc's.
    private mutating func addImplicitDefaults(_ place: SourcePlace, _ state: inout ImportState) {
        if isImplicitRestart {
            action.set("restart", plain: "on_failure")
            state.report(place, .explicitDefault, "`restart: on_failure`, because `autorestart` is `unexpected`")
        }
        let restart = action.keys["restart"]
        if restart == .plain("never"), startSeconds == 0, action.keys["ready"] == nil {
            action.isProcess = false
            state.report(
                place,
                .valueAdapted,
                "`is_process: false`, because it may end at once and is not restarted"
            )
            return
        }
        action.set("retry.max_attempts", plain: String(retries + 1))
        action.set("retry.delay", plain: "1s")
        action.set("retry.stable_after", plain: "\(max(startSeconds, 1))s")
        if !hasRetries {
            state.report(
                place,
                .explicitDefault,
                "`retry: {max_attempts: 4, delay: 1s, stable_after: 1s}`, because supervisord retries three times"
            )
        }
    }
}
