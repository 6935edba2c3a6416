public import HeroModel

/// What there is to say about one service: the input of `why`.
public struct WhyReport: Hashable, Sendable {
    /// The service.
    public var name: QualifiedName
    /// Its manifest in the last revision, or in the files where it was never applied; nil when nobody declares it.
    public var declared: Declared<ServiceSpec>?
    /// Where it stands; nil when it was never applied.
    public var status: ServiceStatus?
    /// Where the others stand.
    public var others: [QualifiedName: ServiceStatus]
    /// The live reconciler; nil when there is none.
    public var reconciler: ReconcilerLockHolder?
    /// The last applied revision; nil before the first.
    public var revision: RevisionRecord?
    /// The last lines that its actions in trouble wrote, by action.
    public var lastOutput: [String: [String]] = [:]
    /// The moment of the report.
    public var now: WallTime

    /// Makes a report.
    public init(
        name: QualifiedName,
        declared: Declared<ServiceSpec>?,
        status: ServiceStatus?,
        others: [QualifiedName: ServiceStatus] = [:],
        reconciler: ReconcilerLockHolder?,
        revision: RevisionRecord?,
        now: WallTime
    ) {
        self.name = name
        self.declared = declared
        self.status = status
        self.others = others
        self.reconciler = reconciler
        self.revision = revision
        self.now = now
    }

    /// The actions whose last words may tell what is wrong: what failed, and what runs with trouble.
    public var actionsWithProblems: [String] {
        (status?.actions ?? []).filter { $0.problem != nil && $0.phase != .waiting }.map(\.name)
    }

    /// Sentences in the order in which they explain, each with what it is about in one word.
    public var findings: [(topic: String, text: String)] {
        [("wanted", wanted)] + blockingChain + requirements + actions + [("reconciler", reconcilerText)]
    }

    /// The one sentence that answers the question, without the name of the service.
    public var answer: String {
        guard let status else {
            let place = declared.map { " (\($0.location.fileAndLine))" } ?? ""
            return "was never applied\(place): `heroproc diff` shows what an apply would do"
        }
        return stateText(of: status)
    }

    /// Where a service stands; one that has only to wait for its turn is not blocked.
    private func stateText(of status: ServiceStatus) -> String {
        guard status.isWaitingForTurn(for: others) else { return status.stateText(now) }
        return "waits for \(status.blockedBy.map(\.description).joined(separator: ", ")), on the way up itself"
    }

    // MARK: Sentences

    private var wanted: String {
        if let revision, revision.isDown, let spec = declared?.spec, spec.status == .start,
            revision.isDownForAll || spec.serviceClass == .user
        {
            return "down: revision \(revision.number) is a `\(revision.summary)` by \(revision.actor); "
                + "the next `heroproc apply` brings it up again"
        }
        guard let declared else { return "down: no manifest declares it any more" }
        let place = " (\(declared.location(of: "status").fileAndLine))"
        return switch declared.spec.status {
        case .start: "up: its status is start\(place)"
        case .stop: "down: its status is stop\(place)"
        case .spec: "down: its status is spec, a definition that never runs\(place)"
        case .ignore: "nothing: its status is ignore, so nobody starts, stops or heals it\(place)"
        }
    }

    /// From the service to what really stands in its way.
    private var blockingChain: [(topic: String, text: String)] {
        var links: [String] = []
        var seen: Set<QualifiedName> = [name]
        var next = status?.state == .blocked ? status?.blockedBy.first : nil
        while let name = next, seen.insert(name).inserted {
            guard let other = others[name] else {
                links.append("\(name) is not declared")
                break
            }
            links.append("\(name) \(stateText(of: other))")
            next = other.state == .blocked ? other.blockedBy.first : nil
        }
        return links.map { ("because", $0) }
    }

    private var requirements: [(topic: String, text: String)] {
        let told = Set(status?.blockedBy.prefix(1) ?? [])
        return (declared?.spec.requires ?? []).filter { !told.contains($0) }.map { name in
            ("requires", "\(name) \(others[name].map(stateText) ?? "was never applied")")
        }
    }

    private var actions: [(topic: String, text: String)] {
        var result: [(topic: String, text: String)] = []
        for action in status?.actions ?? [] {
            result.append(("action", "\(action.name) \(action.stateText(now))"))
            if action.notifyState?.isReloading ?? false { result.append(("says", "\(action.name): it reloads")) }
            if let text = action.statusText { result.append(("says", "\(action.name): \(text)")) }
            for line in lastOutput[action.name] ?? [] { result.append(("wrote", "\(action.name): \(line)")) }
            guard let spec = declared?.spec.actions.first(where: { $0.name == action.name }) else { continue }
            if let containment = action.containment {
                result.append(("held", "\(action.name) is held together \(containment.text)"))
            }
            if action.phase == .running, !action.isReady {
                result.append(("probe", "\(action.name) is ready when \(spec.readinessText)"))
            }
            if action.isHealthy == false, let health = spec.health {
                result.append(("probe", "\(action.name) does not answer: \(health.check.conditionText)"))
            }
            if let next = action.nextRetryAt {
                let tries = spec.retry.maxAttempts > 0 ? " of \(spec.retry.maxAttempts)" : ""
                result.append(
                    (
                        "next try",
                        "\(action.name): \(next.relative(to: now)), at \(next.textToSecond) (try \(action.attempt &+ 1)\(tries))"
                    )
                )
            }
        }
        return result
    }

    private var reconcilerText: String {
        guard let reconciler else {
            return "none lives: nothing is started or healed until `heroproc apply` or `heroproc reconcile --watch`"
        }
        return "pid \(reconciler.pid) (\(reconciler.mode)) looks after it"
    }
}

extension ServiceStatus {
    /// Where it stands and what is in its way, as the end of a sentence that begins with its name.
    func stateText(_ now: WallTime) -> String {
        let age = since.map { " for \($0.elapsed(until: now).shortText)" }
        func stands(_ state: String) -> String { age.map { "has been \(state)\($0)" } ?? "is \(state)" }
        switch state {
        case .running: return stands("running")
        case .exited: return "has ended well, and counts as up"
        case .starting: return stands("starting") + problemText
        case .stopping: return stands("stopping") + problemText
        case .degraded: return stands("degraded") + ": a part of it is down\(problemText)"
        case .backingOff:
            let next = actions.compactMap(\.nextRetryAt).min().map { "; next try \($0.relative(to: now))" } ?? ""
            return "keeps failing\(problemText)\(next)"
        case .failed: return "gave up\(problemText); `heroproc apply` tries it again"
        case .blocked:
            let names = blockedBy.map(\.description).joined(separator: ", ")
            return stands("blocked") + ": it waits for \(names.isEmpty ? "what it requires" : names)"
        case .stopped:
            switch wanted {
            case .start: return "is down although it is wanted up; `heroproc apply` starts it"
            case .stop, .spec: return "is down, as it is wanted"
            case .ignore: return "is down, and its status is ignore"
            case nil: return "is down: no manifest declares it any more"
            }
        }
    }

    /// What went wrong with the first of its actions that has trouble.
    private var problemText: String {
        for action in actions {
            guard let text = action.problem else { continue }
            return ": \(action.name) \(text)"
        }
        return ""
    }
}

extension ActionStatus {
    /// What went wrong with it; nil when nothing did.
    fileprivate var problem: String? {
        if phase == .retrying || phase == .failed, let unexplainedOutcome { return unexplainedOutcome.endingText }
        if let error { return "\(phase == .waiting ? "waits" : "has trouble"): \(error)" }
        return nil
    }

    /// How it ended, where there is nothing else to say about it.
    private var unexplainedOutcome: Outcome? {
        guard let outcome, error == nil || error == outcome.description else { return nil }
        return outcome
    }

    /// Where it stands, as the end of a sentence that begins with its name.
    fileprivate func stateText(_ now: WallTime) -> String {
        guard let phase else { return "was never started" }
        let restarts = restartCount > 0 ? "; started again \(restartCount) times" : ""
        let last = outcome.map { "; before that it \($0.endingText)" } ?? ""
        switch phase {
        case .pending: return "waits for its turn"
        case .waiting: return "waits: \(error ?? "what it needs is not there yet")"
        case .running:
            let process = pid.map { "runs as pid \($0)" } ?? "is about to run"
            let ready = isReady ? ", and is ready" : ", and is not ready yet\(error.map { ": \($0)" } ?? "")"
            return process + ready + restarts + (restartCount > 0 ? last : "")
        case .retrying:
            return
                "is tried again: \(unexplainedOutcome.map { "it \($0.endingText)" } ?? error ?? "it ended")\(restarts)"
        case .succeeded: return "has ended well"
        case .failed: return "failed: \(error ?? outcome.map { "\($0)" } ?? "nobody knows why")\(restarts)"
        case .cancelled: return "was stopped"
        }
    }
}

extension Outcome {
    /// What became of a start, as the end of a sentence that begins with whose it was.
    fileprivate var endingText: String {
        switch self {
        case .exited, .signaled, .outOfMemory: "ended with \(self)"
        case .startFailed(let failure): "was not started: \(failure)"
        case .lost(let reason): "was lost: \(reason)"
        }
    }
}

extension ContainmentSupport.Method {
    /// What holds a tree together, as the end of a sentence.
    fileprivate var text: String {
        switch self {
        case .cgroup: "by a cgroup v2 of its own: whatever it starts is ended in one step"
        case .freezer: "by a v1 freezer of its own: whatever it starts stands still while it is ended"
        case .subreaper: "by its shim alone: whatever it starts is ended one by one"
        }
    }
}

extension ActionSpec {
    /// What its readiness hangs on, as the end of a sentence.
    fileprivate var readinessText: String {
        if let ready {
            guard ready.check != .notify else {
                return "\(ready.check.conditionText), within \(startTimeout.shortText)"
            }
            return "\(ready.check.conditionText), asked every \(ready.interval.shortText) for \(startTimeout.shortText)"
        }
        let bound = tcpPorts.map { "tcp \($0.endpoint)" } + sockets
        guard !bound.isEmpty else { return isProcess ? "it has executed" : "it has ended well" }
        return "its own processes listen on \(bound.joined(separator: ", ")), within \(startTimeout.shortText)"
    }
}

extension Probe.Check {
    /// What counts as a yes, as a clause.
    fileprivate var conditionText: String {
        switch self {
        case .tcp(let endpoint): "tcp \(endpoint) accepts a connection"
        case .http(let target): "\(target) answers with a status from 200 to 399"
        case .exec(let arguments): "`\(arguments.joined(separator: " "))` exits 0"
        case .unix(let path): "\(path) accepts a connection"
        case .log(let pattern): "a line of its output matches `\(pattern)`"
        case .notify: "it says READY=1 on its NOTIFY_SOCKET"
        case .watchdog(let limit): "it says WATCHDOG=1 on its NOTIFY_SOCKET at least every \(limit.shortText)"
        }
    }
}
