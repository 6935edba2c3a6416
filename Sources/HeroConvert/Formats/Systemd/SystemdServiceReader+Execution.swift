internal import HeroModel

extension SystemdServiceReader {
    /// Reads a key of `[Service]` about the environment, the user, limits and output.
    mutating func readExecutionKey(
        _ entry: SystemdEntry,
        _ service: inout ImportedService,
        _ state: inout ImportState
    ) {
        let place = entry.place
        let value = entry.value
        switch entry.key {
        case "User", "Group":
            guard let name = text.expand(value), !value.isEmpty else { return }
            service.keys[entry.key.lowercased()] = .text(state.using(name, at: place))
            if entry.key == "User" { reportRule(entry, &state) } else { state.countExact() }
        case "WorkingDirectory":
            let path = value.hasPrefix("-") ? String(value.dropFirst()) : value
            guard let expanded = text.expand(path) else { return invalid(entry, &state) }
            guard path != "~" else {
                return state.report(place, .valueMissing, "not written: write the home directory of the user as `cwd`")
            }
            service.keys["cwd"] = .text(state.using(expanded, at: place))
            if path == value { return state.countExact() }
            state.report(place, .valueAdapted, "`cwd`; here the directory must exist")
        case "UMask":
            main.set(
                "umask",
                ImportedText(value.count == 4 && value.hasPrefix("0") ? String(value.dropFirst()) : value)
            )
            state.countExact()
        case "Environment": readEnvironment(entry, &service, &state)
        case "EnvironmentFile": readEnvironmentFile(entry, &service, &state)
        case "PassEnvironment":
            for name in value.split(separator: " ").map(String.init) {
                state.setEnvironment(name, ImportedText(variable: name), in: &service.keys, at: place)
            }
        case "LimitNOFILE", "LimitNPROC": readLimit(entry, isSize: false, &state)
        case "LimitCORE", "LimitMEMLOCK", "LimitFSIZE", "LimitSTACK", "LimitAS": readLimit(entry, isSize: true, &state)
        case "MemoryMax", "MemoryLimit":
            guard let size = SystemdText.size(value) else { return invalid(entry, &state) }
            if size != "unlimited" { main.set("limits.memory", plain: size) }
            if entry.key == "MemoryMax" { state.countExact() } else { reportRule(entry, &state) }
        case "TasksMax":
            if value == "infinity" { return state.countExact() }
            guard let number = value.wholeNumber, (1...4_194_304).contains(number) else {
                return invalid(entry, &state)
            }
            main.set("limits.pids", plain: String(number))
            state.countExact()
        case "CPUQuota":
            guard value.hasSuffix("%"), let number = String(value.dropLast()).wholeNumber,
                (1...819_200).contains(number)
            else { return invalid(entry, &state) }
            let whole = number / 100
            let part = number % 100
            main.set("limits.cpu", plain: part == 0 ? "\(whole)" : "\(whole).\(part < 10 ? "0" : "")\(part)")
            reportRule(entry, &state)
        case "OOMScoreAdjust", "Nice":
            guard let number = Int(value) else { return invalid(entry, &state) }
            main.set(entry.key == "Nice" ? "nice" : "oom_score_adj", plain: String(number))
            state.countExact()
        case "IOSchedulingClass", "IOSchedulingPriority": readPriority(entry, &state)
        case "AmbientCapabilities":
            let names = value.split(separator: " ").map { $0.hasPrefix("CAP_") ? String($0.dropFirst(4)) : String($0) }
            guard !names.isEmpty, names.allSatisfy({ Capability.names.contains($0) }) else {
                sandboxKeys.append((entry.key, place))
                return
            }
            main.keys["capabilities"] = .list(names.map { .text($0) })
            state.countExact()
        case "RuntimeDirectory", "StateDirectory", "CacheDirectory", "LogsDirectory": readDirectories(entry, &state)
        case "RuntimeDirectoryMode" where unit.value("RuntimeDirectory") != nil,
            "StateDirectoryMode" where unit.value("StateDirectory") != nil,
            "CacheDirectoryMode" where unit.value("CacheDirectory") != nil,
            "LogsDirectoryMode" where unit.value("LogsDirectory") != nil:
            state.countExact()
        case "NoNewPrivileges":
            guard let flag = SystemdText.bool(value) else { return invalid(entry, &state) }
            main.set("no_new_privs", plain: flag ? "true" : "false")
            state.countExact()
        case "StandardOutput", "StandardError", "StandardInput": readStream(entry, &state)
        default: readOtherKey(entry, &state)
        }
    }

    private mutating func readOtherKey(_ entry: SystemdEntry, _ state: inout ImportState) {
        guard let rule = SystemdKeys.service[entry.key], rule.code == .sandbox, entry.key != "RootDirectory" else {
            return reportRule(entry, &state)
        }
        if SystemdText.bool(entry.value) == false { return state.countExact() }
        sandboxKeys.append((entry.key, entry.place))
    }

    private func readEnvironment(
        _ entry: SystemdEntry,
        _ service: inout ImportedService,
        _ state: inout ImportState
    ) {
        if entry.value.isEmpty {
            service.keys["env"] = nil
            return state.countExact()
        }
        guard let words = SystemdText.words(entry.value) else { return invalid(entry, &state) }
        for word in words {
            guard let equal = word.firstIndex(of: "=") else {
                state.report(entry.place, .invalidValue, "not written: `\(word.prefix(100))` is not an assignment")
                return
            }
            let name = String(word[..<equal])
            let place = entry.place.with(key: entry.place.key + " \(name)")
            guard let value = text.expand(String(word[word.index(after: equal)...])) else {
                state.report(place, .literalVariable, "`\(name)` has a specifier that cannot be kept")
                continue
            }
            state.setEnvironment(name, value, in: &service.keys, at: place)
        }
    }

    private func readEnvironmentFile(
        _ entry: SystemdEntry,
        _ service: inout ImportedService,
        _ state: inout ImportState
    ) {
        if entry.value.isEmpty {
            service.keys["env_file"] = nil
            return state.countExact()
        }
        let isOptional = entry.value.hasPrefix("-")
        let value = isOptional ? String(entry.value.dropFirst()) : entry.value
        guard let path = text.expand(value), !value.contains("*") else { return invalid(entry, &state) }
        var items: [ManifestValue] = []
        if case .list(let present)? = service.keys["env_file"] { items = present }
        if isOptional {
            var file = ManifestMap()
            file["path"] = .text(state.using(path, at: entry.place))
            file["optional"] = .plain("true")
            items.append(.map(file))
        } else {
            items.append(.text(state.using(path, at: entry.place)))
        }
        service.keys["env_file"] = .list(items)
        reportRule(entry, &state)
    }

    private mutating func readLimit(_ entry: SystemdEntry, isSize: Bool, _ state: inout ImportState) {
        let names = [
            "LimitNOFILE": "nofile", "LimitNPROC": "nproc", "LimitCORE": "core", "LimitMEMLOCK": "memlock",
            "LimitFSIZE": "fsize", "LimitSTACK": "stack", "LimitAS": "address_space",
        ]
        let parts = entry.value.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        let values = parts.compactMap { part -> String? in
            if isSize { return SystemdText.size(part) }
            return part == "infinity" ? "unlimited" : part.wholeNumber.map(String.init)
        }
        guard let name = names[entry.key], values.count == parts.count, (1...2).contains(parts.count) else {
            return invalid(entry, &state)
        }
        if values.count == 2 {
            main.set("limits.\(name).soft", plain: values[0])
            main.set("limits.\(name).hard", plain: values[1])
        } else {
            main.set("limits.\(name)", plain: values[0])
        }
        state.countExact()
    }

    private mutating func readPriority(_ entry: SystemdEntry, _ state: inout ImportState) {
        if entry.key == "IOSchedulingPriority" {
            guard let number = entry.value.wholeNumber, number <= 7 else { return invalid(entry, &state) }
            if main.keys["io_priority"] != .plain("idle") { main.set("io_priority", plain: "best_effort:\(number)") }
            return reportRule(entry, &state)
        }
        switch entry.value {
        case "idle", "3":
            main.set("io_priority", plain: "idle")
            state.countExact()
        case "best-effort", "2":
            if main.keys["io_priority"] == nil { main.set("io_priority", plain: "best_effort:4") }
            state.countExact()
        case "none", "0": state.countExact()
        default: state.report(entry.place, .noCounterpart, "not written: only `idle` and `best_effort` are possible")
        }
    }

    /// Directories that systemd makes before the start.
    private mutating func readDirectories(_ entry: SystemdEntry, _ state: inout ImportState) {
        let roots = ["RuntimeDirectory": "/run", "StateDirectory": "/var/lib", "CacheDirectory": "/var/cache"]
        guard let expanded = text.expand(entry.value)?.resolved else {
            return reportRule(entry, &state)
        }
        var items: [ManifestValue] = []
        if case .list(let present)? = main.keys["folders"] { items = present }
        for name in expanded.split(separator: " ") {
            var folder = ManifestMap()
            folder["path"] = .text((roots[entry.key] ?? "/var/log") + "/" + name)
            if let mode = unit.value(entry.key + "Mode") { folder["mode"] = .text(mode) }
            items.append(.map(folder))
        }
        main.keys["folders"] = .list(items)
        state.report(entry.place, .sameMeaning, "`folders`; they are not removed after the stop")
    }

    private func readStream(_ entry: SystemdEntry, _ state: inout ImportState) {
        let isInput = entry.key == "StandardInput"
        switch entry.value.split(separator: ":").first ?? "" {
        case "socket", "fd":
            state.report(entry.place, .socketActivation, "the program expects a socket from its supervisor")
        case "file", "append", "truncate", "syslog", "kmsg", "syslog+console", "kmsg+console":
            if isInput { return state.report(entry.place, .noCounterpart, "not written: the input is /dev/null") }
            state.report(entry.place, .logLocation, "not written: read the output with `heroproc logs`")
        case "tty", "tty-force", "tty-fail", "data":
            state.report(entry.place, .noCounterpart, "not written: a program has no terminal")
        case "null" where !isInput:
            state.report(entry.place, .outputCombined, "the output is stored in the log of the job, not discarded")
        default: reportRule(entry, &state)
        }
    }
}
