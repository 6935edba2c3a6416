extension ServiceSpec {
    /// Every key of `kind: Service`, in the order of the reference.
    public static let fields: [Field<ServiceSpec>] = [
        Field("name", "name", cost: .restart, "Its name, unique in its context.") { _ in .byDefault },
        Field("context", "name", default: "core", cost: .restart, "The tenancy unit it belongs to.") { _ in .byDefault
        },
        Field("description", "text", cost: .none, "What it is, for people.") {
            .unless($0.description.isEmpty, Canonical.quoted($0.description))
        },
        Field("class", "user | system", default: "user", cost: .inPlace, "`down` leaves system services alone.") {
            .unless($0.serviceClass == .user, $0.serviceClass.rawValue)
        },
        Field("status", "start | stop | ignore | spec", default: "start", cost: .inPlace, "What is wanted of it.") {
            .unless($0.status == .start, $0.status.rawValue)
        },
        Field("tags", "list of text", cost: .inPlace, "Copied onto its jobs.") { .list($0.tags) },
        Field("labels", "map of text", cost: .none, "For people and tools.") {
            .map($0.labels.mapValues(Canonical.word))
        },
        Field("requires", "list of references", cost: .inPlace, "Up before it; stopping one of them stops it.") {
            .list($0.requires.map(\.description))
        },
        Field("after", "list of references", cost: .inPlace, "Starts after them and stops before them.") {
            .list($0.after.map(\.description))
        },
        Field("wants", "list of references", cost: .inPlace, "Ordered after them where they are declared.") {
            .list($0.wants.map(\.description))
        },
        Field("required", "bool", default: "false", cost: .inPlace, "Part of the required core.") {
            .unless(!$0.required, "true")
        },
        Field("env", "map of scalars", cost: .restart, "Environment of all its actions; an action's own wins.") {
            .map($0.environment.mapValues(Canonical.word))
        },
        Field("cwd", "path", cost: .restart, "Working directory of its actions, where they say none.") {
            .unless($0.workingDirectory == nil, Canonical.word($0.workingDirectory ?? ""))
        },
        Field("actions", "list of names or actions", cost: .restart, "What it runs, at least one.") {
            .list($0.actions.map(\.name))
        },
        Field(
            "start_order",
            "serial | parallel",
            default: "serial",
            cost: .inPlace,
            "One after another, or all at once."
        ) {
            .unless($0.startOrder == .serial, $0.startOrder.rawValue)
        },
        Field("generation", "integer", default: "0", cost: .restart, "Raise it to ask for a restart.") {
            .unless($0.generation == 0, String($0.generation))
        },
    ]
}

extension ActionSpec {
    /// Every key of `kind: Action`, in the order of the reference.
    ///
    /// `context` is only for actions of their own document.
    public static let fields: [Field<ActionSpec>] = [
        Field("name", "name", cost: .restart, "Its name, unique in its service, or its context.") { _ in .byDefault },
        Field("context", "name", default: "core", cost: .restart, "The tenancy unit it belongs to.") { _ in .byDefault
        },
        Field("description", "text", cost: .none, "What it does, for people.") {
            .unless($0.description.isEmpty, Canonical.quoted($0.description))
        },
        Field("tags", "list of text", cost: .inPlace, "Copied onto its jobs.") { .list($0.tags) },
        Field("exec", "list of text", cost: .restart, "The program and its arguments; or else `script`.") {
            guard case .exec(let arguments) = $0.program else { return .byDefault }
            return .list(arguments)
        },
        Field("script", "text", cost: .restart, "A text to run; or else `exec`.") {
            guard case .script(let text, interpreter: _) = $0.program else { return .byDefault }
            return .text(Canonical.quoted(text))
        },
        Field("interpreter", "path or name", default: "its #! line, else sh", cost: .restart, "What runs the script.") {
            guard case .script(_, interpreter: let name?) = $0.program else { return .byDefault }
            return .text(Canonical.word(name))
        },
        Field("is_process", "bool", default: "false", cost: .restart, "True: kept alive for ever. False: a one-shot.") {
            .unless(!$0.isProcess, "true")
        },
        Field("cwd", "path", default: "the service's, else /", cost: .restart, "Working directory.") {
            .unless($0.workingDirectory == nil, Canonical.word($0.workingDirectory ?? ""))
        },
        Field("env", "map of scalars", cost: .restart, "Environment; stronger than the service's.") {
            .map($0.environment.mapValues(Canonical.word))
        },
        Field("sockets", "list of paths", cost: .restart, "The Unix sockets it binds.") { .list($0.sockets) },
        Field("tcp_ports", "list of ports or addresses", cost: .restart, "The TCP ports it binds.") {
            .list($0.tcpPorts.map(\.description))
        },
        Field("ready", "probe", default: "its tree listens on all it declares", cost: .inPlace, "When it counts as up.")
        {
            guard let probe = $0.ready else { return .byDefault }
            return .map(probe.canonical)
        },
        Field("start_timeout", "duration", default: "30s", cost: .inPlace, "Time it has to become ready.") {
            .unless($0.startTimeout == .seconds(30), Canonical.duration($0.startTimeout))
        },
        Field("timeout", "duration", default: "none", cost: .inPlace, "How long a one-shot may run.") {
            guard let timeout = $0.timeout else { return .byDefault }
            return .text(Canonical.duration(timeout))
        },
        Field("stop", "{signal, timeout}", default: "{signal: TERM, timeout: 10s}", cost: .inPlace, "How it is ended.")
        {
            let standard = StopPolicy()
            return .map(
                pairs(
                    ("signal", $0.stop.signal == standard.signal ? nil : $0.stop.signal.description),
                    ("timeout", $0.stop.timeout == standard.timeout ? nil : Canonical.duration($0.stop.timeout))
                )
            )
        },
        Field(
            "restart",
            "always | on_failure | never",
            default: "always for a process, on_failure for a one-shot",
            cost: .inPlace,
            "When it is started again."
        ) {
            .unless($0.restart == ($0.isProcess ? .always : .onFailure), $0.restart.rawValue)
        },
        Field(
            "retry",
            "{max_attempts, delay, factor, max_delay, jitter, stable_after}",
            default: "{delay: 500ms, factor: 2, max_delay: 30s, jitter: 0.1, stable_after: 10s}",
            cost: .inPlace,
            "How often and after which delays; max_attempts 0 (a process) never gives up, 1 (a one-shot) never retries."
        ) {
            .map($0.retry.canonical(besides: RetryPolicy(maxAttempts: $0.isProcess ? 0 : 1)))
        },
        Field(
            "log",
            "{max_size, keep}",
            default: "{max_size: 10MiB, keep: 5}",
            cost: .inPlace,
            "How much output is kept."
        ) {
            let standard = LogPolicy()
            return .map(
                pairs(
                    ("max_size", $0.log.maxSize == standard.maxSize ? nil : Canonical.size($0.log.maxSize)),
                    ("keep", $0.log.keep == standard.keep ? nil : String($0.log.keep))
                )
            )
        },
        Field("generation", "integer", default: "0", cost: .restart, "Raise it to ask for a restart.") {
            .unless($0.generation == 0, String($0.generation))
        },
    ]
}

extension Probe {
    /// What a probe says besides the defaults of readiness, by key.
    fileprivate var canonical: [String: String] {
        let standard = Probe(question)
        let asked: (key: String, text: String) =
            switch question {
            case .tcp(let endpoint): ("tcp", endpoint.description)
            case .http(let target): ("http", Canonical.word(target.description))
            case .exec(let arguments): ("exec", Canonical.list(arguments))
            case .unix(let path): ("unix", Canonical.word(path))
            }
        return pairs(
            (asked.key, asked.text),
            ("interval", interval == standard.interval ? nil : Canonical.duration(interval)),
            ("timeout", timeout == standard.timeout ? nil : Canonical.duration(timeout)),
            ("failures", failures == standard.failures ? nil : String(failures)),
            ("successes", successes == standard.successes ? nil : String(successes)),
            ("start_period", startPeriod == standard.startPeriod ? nil : Canonical.duration(startPeriod))
        )
    }
}

extension RetryPolicy {
    /// What a policy says besides another one, by key.
    fileprivate func canonical(besides standard: RetryPolicy) -> [String: String] {
        pairs(
            ("max_attempts", maxAttempts == standard.maxAttempts ? nil : String(maxAttempts)),
            ("delay", delay == standard.delay ? nil : Canonical.duration(delay)),
            ("factor", factor == standard.factor ? nil : Canonical.number(factor)),
            ("max_delay", maxDelay == standard.maxDelay ? nil : Canonical.duration(maxDelay)),
            ("jitter", jitter == standard.jitter ? nil : Canonical.number(jitter)),
            ("stable_after", stableAfter == standard.stableAfter ? nil : Canonical.duration(stableAfter))
        )
    }
}

private func pairs(_ entries: (key: String, text: String?)...) -> [String: String] {
    var result: [String: String] = [:]
    for entry in entries {
        if let text = entry.text { result[entry.key] = text }
    }
    return result
}
