/// Reads a probe of process-compose.
struct ProcessComposeProbe {
    let reader: ProcessComposeImport
    let isReadiness: Bool
    let place: SourcePlace

    private var question: (key: String, value: ManifestValue)?
    private var delay = 0
    private var period = 10
    private var threshold = 3

    init(reader: ProcessComposeImport, isReadiness: Bool, place: SourcePlace) {
        self.reader = reader
        self.isReadiness = isReadiness
        self.place = place
    }

    /// Reads a probe into an action.
    mutating func read(_ node: ImportNode, into action: inout ImportedAction, _ state: inout ImportState) {
        var keys = ManifestMap()
        for entry in node.entries {
            let own = SourcePlace(file: entry.file, line: entry.line, key: "\(place.key).\(entry.key)")
            switch entry.key {
            case "exec":
                let command = (entry.value["command"]?.text ?? "").replacing("$$", with: "$")
                guard !command.trimmed.isEmpty else {
                    state.report(own, .invalidValue, "not written: the probe has no command")
                    continue
                }
                question = ("exec", ProbeCommand.value(command, shell: reader.interpreter ?? "sh"))
                state.countExact()
            case "http_get": readAddress(entry.value, own, &keys, &state)
            default: readTime(entry, own, &keys, &state)
            }
        }
        guard let question, action.isProcess else {
            return state.report(place, .invalidValue, "not written: a probe needs a question and a process")
        }
        let prefix = isReadiness ? "ready" : "health"
        var map = ManifestMap()
        map[question.key] = question.value
        if !isReadiness {
            if period != 10 { map["interval"] = .plain("\(period)s") }
            if delay > 0 { map["start_period"] = .plain("\(delay)s") }
            if threshold != 3 { map["failures"] = .plain(String(threshold)) }
        }
        for entry in keys.entries { map.set(entry.value, of: entry.key) }
        action.keys[prefix] = .map(map)
        guard isReadiness else { return }
        let total = min(delay + period * threshold, 100_000_000)
        if total != 30 { action.set("start_timeout", plain: DurationText.text(milliseconds: total * 1000)) }
        state.report(
            place,
            .checkTimes,
            "`ready` is asked every 250ms for \(total)s; a later failure changes nothing, there it restarts"
        )
    }

    private mutating func readAddress(
        _ node: ImportNode,
        _ own: SourcePlace,
        _ keys: inout ManifestMap,
        _ state: inout ImportState
    ) {
        let host = node["host"]?.text ?? "127.0.0.1"
        let scheme = node["scheme"]?.text?.lowercased() ?? "http"
        let port = node["port"]?.text ?? (scheme == "https" ? "443" : "80")
        var path = node["path"]?.text ?? "/"
        if !path.hasPrefix("/") { path = "/" + path }
        let address = "\(scheme)://\(host):\(port)\(path)"
        guard let url = reader.text(address, own, &state) else { return }
        let used = state.using(url, at: own)
        if scheme == "https" {
            question = ("exec", .list([.text("curl"), .text("-kfs"), .text(used)]))
            return state.report(own, .valueAdapted, "a command with curl, because probes speak no HTTPS")
        }
        question = ("http", .text(used))
        if node["headers"] != nil || node["status_code"] != nil {
            return state.report(own, .noCounterpart, "not written: add `headers` and `expect` to `http` by hand")
        }
        state.countExact()
    }

    private mutating func readTime(
        _ entry: ImportEntry,
        _ own: SourcePlace,
        _ keys: inout ManifestMap,
        _ state: inout ImportState
    ) {
        guard ProcessComposeKeys.probe[entry.key] != nil else {
            return state.report(own, entry.key, of: ProcessComposeKeys.probe)
        }
        guard let number = entry.value.text?.wholeNumber, number <= 1_000_000 else {
            return state.report(own, .invalidValue, "not written: the value is not a whole number")
        }
        switch entry.key {
        case "initial_delay_seconds": delay = number
        case "period_seconds": period = max(number, 1)
        case "failure_threshold": threshold = max(number, 1)
        case "timeout_seconds": if number > 1 { keys["timeout"] = .plain("\(number)s") }
        case "success_threshold": if number > 1 { keys["successes"] = .plain(String(number)) }
        default: break
        }
        state.countExact()
    }
}
