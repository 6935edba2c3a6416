extension ComposeService {
    /// Reads keys about stopping, limits and copies; all others have the fate of the table.
    mutating func readLimitKey(_ entry: ImportEntry, _ state: inout ImportState) {
        let place = place(entry)
        let resolved = entry.value.text.flatMap { EnvironmentText.parse($0)?.resolved }
        switch entry.key {
        case "stop_signal":
            guard let signal = resolved.flatMap(SignalName.init) else { return invalid(place, &state) }
            if signal.name != "TERM" { action.set("stop.signal", plain: signal.name) }
            state.countExact()
        case "stop_grace_period":
            guard let time = resolved.flatMap({ DurationText.milliseconds($0, units: DurationText.goUnits) }) else {
                return invalid(place, &state)
            }
            if time != 10_000 { action.set("stop.timeout", plain: DurationText.text(milliseconds: max(time, 1))) }
            state.countExact()
        case "mem_limit": setMemory(resolved, place, &state)
        case "cpus": setProcessors(resolved, place, &state)
        case "pids_limit": setProcesses(resolved, place, &state)
        case "oom_score_adj":
            guard let number = resolved.flatMap(Int.init) else { return invalid(place, &state) }
            action.set("oom_score_adj", plain: String(number))
            state.countExact()
        case "ulimits": for limit in entry.value.entries { readLimit(limit, &state) }
        case "deploy": for part in entry.value.entries { readDeploy(part, &state) }
        case "logging": readLogging(entry.value, place, &state)
        case "network_mode":
            if resolved == "host" { return state.report(place, "network_mode", of: ComposeKeys.service) }
            state.report(place, .container, "not written: all programs share the network of the machine")
        case "tty", "stdin_open", "read_only", "privileged":
            if entry.value.bool == false { return state.countExact() }
            state.report(place, entry.key, of: ComposeKeys.service)
        default: state.report(place, entry.key, of: ComposeKeys.service)
        }
    }

    private mutating func setMemory(_ text: String?, _ place: SourcePlace, _ state: inout ImportState) {
        guard let size = text.flatMap(Self.size) else { return invalid(place, &state) }
        action.set("limits.memory", plain: size)
        state.countExact()
    }

    private mutating func setProcessors(_ text: String?, _ place: SourcePlace, _ state: inout ImportState) {
        let isNumber = text.map { !$0.isEmpty && $0.allSatisfy { ($0.isASCII && $0.isNumber) || $0 == "." } } ?? false
        guard isNumber, let text, let number = Double(text), number >= 0.01, number <= 8192, text.first != ".",
            text.last != "."
        else { return invalid(place, &state) }
        action.set("limits.cpu", plain: text)
        state.countExact()
    }

    private mutating func setProcesses(_ text: String?, _ place: SourcePlace, _ state: inout ImportState) {
        if text == "-1" || text == "0" { return state.countExact() }
        guard let number = text?.wholeNumber, number <= 4_194_304 else { return invalid(place, &state) }
        action.set("limits.pids", plain: String(number))
        state.countExact()
    }

    private mutating func readLimit(_ entry: ImportEntry, _ state: inout ImportState) {
        let place = place(entry, "ulimits.")
        guard ["nofile", "nproc", "core", "memlock", "fsize", "stack", "as"].contains(entry.key) else {
            return state.report(place, .noCounterpart, "not written: heroproc has no such limit")
        }
        let key = "limits." + (entry.key == "as" ? "address_space" : entry.key)
        let isSize = !["nofile", "nproc"].contains(entry.key)
        func value(_ node: ImportNode?) -> String? {
            guard let text = node?.text else { return nil }
            if text == "-1" || text == "unlimited" { return "unlimited" }
            return text.wholeNumber.map { isSize ? "\($0)B" : String($0) }
        }
        if let both = value(entry.value) {
            action.set(key, plain: both)
        } else if let soft = value(entry.value["soft"]), let hard = value(entry.value["hard"]) {
            action.set(soft == hard ? key : key + ".soft", plain: soft)
            if soft != hard { action.set(key + ".hard", plain: hard) }
        } else {
            return invalid(place, &state)
        }
        state.countExact()
    }

    private mutating func readDeploy(_ entry: ImportEntry, _ state: inout ImportState) {
        let place = place(entry, "deploy.")
        switch entry.key {
        case "replicas":
            if entry.value.text == "1" { return state.countExact() }
            state.report(place, "replicas", of: ComposeKeys.deploy)
        case "resources":
            for limit in entry.value["limits"]?.entries ?? [] {
                let own = self.place(limit, "deploy.resources.limits.")
                let text = limit.value.text.flatMap { EnvironmentText.parse($0)?.resolved }
                switch limit.key {
                case "memory": setMemory(text, own, &state)
                case "cpus": setProcessors(text, own, &state)
                case "pids": setProcesses(text, own, &state)
                default: state.report(own, .container, "not written: a property of containers")
                }
            }
            if entry.value["reservations"] != nil {
                state.report(place, .container, "`reservations` are not written: nothing is reserved")
            }
        default: state.report(place, entry.key, of: ComposeKeys.deploy)
        }
    }

    private mutating func readLogging(_ node: ImportNode, _ place: SourcePlace, _ state: inout ImportState) {
        if let driver = node["driver"]?.text, !["json-file", "local", "none"].contains(driver) {
            state.report(place, .logLocation, "not written: the output is stored, not sent to `\(driver.prefix(60))`")
        } else {
            state.report(place, "logging", of: ComposeKeys.service)
        }
        for option in node["options"]?.entries ?? [] {
            let own = self.place(option, "logging.options.")
            switch option.key {
            case "max-size":
                guard let size = option.value.text.flatMap(Self.size) else { continue }
                action.set("log.max_size", plain: size)
                state.countExact()
            case "max-file":
                guard let number = option.value.text?.wholeNumber, number <= 99 else { continue }
                action.set("log.keep", plain: String(number))
                state.countExact()
            default: state.report(own, .noCounterpart, "not written: heroproc has no such setting")
            }
        }
    }

    /// Parses a size such as `512m` to a size of a manifest.
    static func size(_ text: String) -> String? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let number = digits.wholeNumber, number < 1 << 40 else { return nil }
        switch text.dropFirst(digits.count).lowercased() {
        case "", "b": return "\(number)B"
        case "k", "kb", "ki", "kib": return "\(number)KiB"
        case "m", "mb", "mi", "mib": return "\(number)MiB"
        case "g", "gb", "gi", "gib": return "\(number)GiB"
        default: return nil
        }
    }
}
