import HeroSchedule

extension Probe {
    /// The values that differ from the defaults, by key.
    func canonical(differingFrom standardInterval: Duration) -> [String: String] {
        let standard = Probe(check, interval: standardInterval)
        let checkEntry: (key: String, text: String) =
            switch check {
            case .tcp(let endpoint): ("tcp", endpoint.description)
            case .http(let target): ("http", target.canonical)
            case .exec(let arguments): ("exec", Canonical.list(arguments))
            case .unix(let path): ("unix", Canonical.quotedIfNeeded(path))
            case .log(let pattern): ("log", Canonical.quoted(pattern))
            case .notify: ("notify", "true")
            case .descriptor(let number): ("fd", String(number))
            case .aliveFor(let time): ("alive_for", Canonical.duration(time))
            case .watchdog(let limit): ("watchdog", Canonical.duration(limit))
            case .memory: ("memory_below", Canonical.size(memoryBelow ?? 0))
            }
        return presentEntries(
            ("memory_below", memoryBelow.map(Canonical.size)),
            (checkEntry.key, checkEntry.text),
            ("interval", interval == standard.interval ? nil : Canonical.duration(interval)),
            ("timeout", timeout == standard.timeout ? nil : Canonical.duration(timeout)),
            ("failures", failures == standard.failures ? nil : String(failures)),
            ("successes", successes == standard.successes ? nil : String(successes)),
            ("start_period", startPeriod == standard.startPeriod ? nil : Canonical.duration(startPeriod)),
            ("then", reaction == .restart ? nil : reaction.rawValue)
        )
    }
}

extension Schedule {
    /// The values that differ from the defaults, by key.
    var canonical: [String: String] {
        let timingEntry: (key: String, text: String) =
            switch timing {
            case .cron(let expression): ("cron", Canonical.quoted(expression.text))
            case .every(let interval): ("every", Canonical.duration(interval))
            }
        return presentEntries(
            (timingEntry.key, timingEntry.text),
            ("timezone", timeZone == "UTC" ? nil : timeZone),
            ("overlap", overlap == .skip ? nil : overlap.rawValue),
            ("catch_up", catchesUp ? "true" : nil),
            ("jitter", jitter == .zero ? nil : Canonical.duration(jitter))
        )
    }
}

extension ResourceLimits {
    /// The limits that are set, by key.
    var canonical: [String: String] {
        var result = presentEntries(
            ("memory", memoryBytes.map(Canonical.size)),
            ("pids", treeProcesses.map(String.init)),
            ("cpu", processors.map(Canonical.number))
        )
        for kind in Self.processKinds { result[kind.key] = kind.text(in: self) }
        return result
    }
}

extension StopPolicy {
    /// The values that differ from the defaults, by key.
    var canonical: [String: String] {
        let standard = StopPolicy()
        return presentEntries(
            ("signal", signal == standard.signal ? nil : signal.description),
            ("timeout", timeout == standard.timeout ? nil : Canonical.duration(timeout)),
            ("to", target == standard.target ? nil : target.rawValue),
            ("exec", command.isEmpty ? nil : Canonical.list(command))
        )
    }
}

extension LogPolicy {
    /// The values that differ from the defaults, by key.
    var canonical: [String: String] {
        let standard = LogPolicy()
        return presentEntries(
            ("max_size", maxSize == standard.maxSize ? nil : Canonical.size(maxSize)),
            ("keep", keep == standard.keep ? nil : String(keep)),
            ("when_slow", whenSlow == standard.whenSlow ? nil : whenSlow.rawValue),
            ("link", link.map(Canonical.quotedIfNeeded))
        )
    }
}

extension RetryPolicy {
    /// The values that differ from another policy, by key.
    func canonical(differingFrom standard: RetryPolicy) -> [String: String] {
        presentEntries(
            ("max_attempts", maxAttempts == standard.maxAttempts ? nil : String(maxAttempts)),
            ("delay", delay == standard.delay ? nil : Canonical.duration(delay)),
            ("factor", factor == standard.factor ? nil : Canonical.number(factor)),
            ("max_delay", maxDelay == standard.maxDelay ? nil : Canonical.duration(maxDelay)),
            ("jitter", jitter == standard.jitter ? nil : Canonical.number(jitter)),
            ("stable_after", stableAfter == standard.stableAfter ? nil : Canonical.duration(stableAfter)),
            ("within", within.map(Canonical.duration))
        )
    }
}

/// The entries that have a text.
func presentEntries(_ entries: (key: String, text: String?)...) -> [String: String] {
    var result: [String: String] = [:]
    for entry in entries {
        if let text = entry.text { result[entry.key] = text }
    }
    return result
}
