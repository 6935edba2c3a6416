extension ComposeService {
    /// Reads `depends_on`: a list of names, or a map with conditions.
    func readDependencies(
        _ node: ImportNode,
        _ place: SourcePlace,
        _ service: inout ImportedService,
        _ state: inout ImportState
    ) {
        for item in node.isMap ? [] : node.items {
            guard let target = item.text else { continue }
            let own = SourcePlace(file: item.file, line: item.line, key: "\(place.key) \(target)")
            var requirement = ImportedDependency(kind: .requires, target: target, place: own, isGateOnly: true)
            requirement.until = "started"
            service.dependencies.append(requirement)
            state.reportGate(own, ComposeKeys.service, "depends_on")
        }
        for entry in node.entries {
            let own = SourcePlace(file: entry.file, line: entry.line, key: "\(place.key) \(entry.key)")
            if entry.value["required"]?.bool == false {
                service.dependencies.append(ImportedDependency(kind: .wants, target: entry.key, place: own))
                state.report(own, .softDependency, "`wants`, because it is not required")
                continue
            }
            let cascades = entry.value["restart"]?.bool == true
            var requirement = ImportedDependency(kind: .requires, target: entry.key, place: own, isGateOnly: !cascades)
            if entry.value["condition"]?.text ?? "service_started" == "service_started" {
                requirement.until = "started"
            }
            service.dependencies.append(requirement)
            if cascades {
                state.report(own, .requiresCascade, "`requires`; a restart of the other service restarts this one")
            } else {
                state.reportGate(own, ComposeKeys.service, "depends_on")
            }
        }
    }

    /// Reads `healthcheck`: it gates dependents and restarts nothing, so it is `ready`.
    mutating func readHealthCheck(_ node: ImportNode, _ place: SourcePlace, _ state: inout ImportState) {
        var (interval, retries, startPeriod) = (30_000, 3, 0)
        var probe = ManifestMap()
        var timeout = 30_000
        var isDisabled = node["disable"]?.bool == true
        for entry in node.entries {
            let own = self.place(entry, "healthcheck.")
            switch entry.key {
            case "test":
                guard let value = test(entry.value, own, &state) else {
                    isDisabled = true
                    continue
                }
                probe["exec"] = value
                state.countExact()
            case "disable": state.countExact()
            case "interval", "timeout", "start_period":
                guard let time = milliseconds(entry.value, own, &state) else { continue }
                if entry.key == "interval" { interval = max(time, 1) }
                if entry.key == "timeout" { timeout = max(time, 1) }
                if entry.key == "start_period" { startPeriod = time }
                if entry.key == "timeout" { state.countExact() } else { report(own, entry.key, &state) }
            case "retries":
                guard let number = reader.text(entry.value.text ?? "", own, &state)?.resolved?.wholeNumber else {
                    state.report(own, .valueMissing, "not written: the number has no value in the source")
                    continue
                }
                retries = min(max(number, 1), 100_000)
                report(own, entry.key, &state)
            default: report(own, entry.key, &state)
            }
        }
        guard !isDisabled, !probe.isEmpty, action.isProcess else {
            return state.report(place, .alreadySo, "not written: no check is needed here")
        }
        if timeout != 1000 { probe["timeout"] = .plain(DurationText.text(milliseconds: timeout)) }
        action.keys["ready"] = .map(probe)
        let (product, overflow) = interval.multipliedReportingOverflow(by: retries)
        let total =
            overflow ? DurationText.maxMilliseconds : min(product, DurationText.maxMilliseconds / 2) + startPeriod
        if total != 30_000 { action.set("start_timeout", plain: DurationText.text(milliseconds: total)) }
        report(place, "healthcheck", of: ComposeKeys.service, &state)
    }

    private func report(_ place: SourcePlace, _ key: String, _ state: inout ImportState) {
        report(place, key, of: ComposeKeys.health, &state)
    }

    private func report(_ place: SourcePlace, _ key: String, of table: KeyTable, _ state: inout ImportState) {
        state.report(place, key, of: table)
    }

    private func milliseconds(_ node: ImportNode, _ place: SourcePlace, _ state: inout ImportState) -> Int? {
        guard let text = reader.text(node.text ?? "", place, &state)?.resolved,
            let time = DurationText.milliseconds(text, units: DurationText.goUnits)
        else {
            state.report(place, .valueMissing, "not written: the time has no value in the source")
            return nil
        }
        return time
    }

    /// Returns the command of a check; nil if there is none.
    private func test(_ node: ImportNode, _ place: SourcePlace, _ state: inout ImportState) -> ManifestValue? {
        if let text = node.text {
            return shellTest(text, place, &state)
        }
        let words = node.items.map { $0.text ?? "" }
        switch words.first {
        case "CMD-SHELL": return shellTest(words.dropFirst().joined(separator: " "), place, &state)
        case "CMD":
            let texts = words.dropFirst().compactMap { reader.text($0, place, &state) }
            guard texts.count == words.count - 1, !texts.isEmpty else { return nil }
            let local = texts.map { reader.replacingHosts($0, isHost: false, place, &state) }
            return .list(local.map { .text(state.using($0, at: place)) })
        default: return nil
        }
    }

    private func shellTest(_ text: String, _ place: SourcePlace, _ state: inout ImportState) -> ManifestValue? {
        guard let written = reader.text(text, place, &state), !text.trimmed.isEmpty else { return nil }
        let parsed = reader.replacingHosts(written, isHost: false, place, &state)
        if let literal = parsed.literal { return ProbeCommand.value(literal) }
        return .list([.text("sh"), .text("-c"), .text(state.using(parsed, at: place))])
    }

    /// Reads `ports`: the program binds the port of the container.
    mutating func readPorts(_ node: ImportNode, _ place: SourcePlace, _ state: inout ImportState) {
        for item in node.items {
            let own = SourcePlace(file: item.file, line: item.line, key: place.key)
            let text = item.text ?? item["target"]?.text ?? ""
            guard let parsed = reader.text(text, own, &state), let resolved = parsed.resolved else {
                state.report(own, .valueMissing, "not written: the port has no value in the source")
                continue
            }
            if resolved.hasSuffix("/udp") || item["protocol"]?.text == "udp" {
                state.report(own, .noCounterpart, "not written: only TCP ports are declared")
                continue
            }
            let plain = resolved.hasSuffix("/tcp") ? String(resolved.dropLast(4)) : resolved
            let parts = plain.split(separator: ":").map(String.init)
            guard let port = parts.last?.wholeNumber, (1...65_535).contains(port) else {
                state.report(own, .noCounterpart, "not written: `\(resolved.prefix(60))` is not one port")
                continue
            }
            action.ports.append((ImportedText(String(port)), own))
            let published = parts.count > 1 ? parts[parts.count - 2] : item["published"]?.text
            guard let published, published != String(port) else {
                state.countExact()
                continue
            }
            state.report(
                own,
                .valueAdapted,
                "`tcp_ports: [\(port)]`; the published port \(published) does not exist here"
            )
        }
    }
}
