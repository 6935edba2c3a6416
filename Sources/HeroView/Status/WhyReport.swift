public import HeroModel

/// Everything about the state of one service: the input of `why`.
public struct WhyReport: Hashable, Sendable {
    /// The service.
    public var name: QualifiedName
    /// Its manifest in the last revision, or in the files if it was never applied; nil if no manifest declares it.
    public var declared: Declared<ServiceSpec>?
    /// The state; nil if it was never applied.
    public var status: ServiceStatus?
    /// The states of the other services.
    public var others: [QualifiedName: ServiceStatus]
    /// The running reconciler; nil if there is none.
    public var reconciler: ReconcilerLockHolder?
    /// The last applied revision; nil before the first.
    public var revision: RevisionRecord?
    /// The last output lines of its actions with problems, by action.
    public var lastOutput: [String: [String]] = [:]
    /// The time of the report.
    public var now: WallTime

    /// Creates a report.
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

    /// The actions whose last output may explain the problem: failed ones, running ones with a problem, and those that
    /// try again after a failure.
    public var actionsWithProblems: [String] {
        (status?.actions ?? []).filter { ($0.hasProblem || $0.isRepeated) && $0.phase != .waiting }.map(\.name)
    }

    /// The sentences that explain the state, each with its topic, in the order of output.
    public var findings: [(topic: String, text: String)] {
        [("wanted", wanted)] + deferred + blockingChain + requirements + actions + [("reconciler", reconcilerText)]
    }

    /// The answer in one sentence, without the name of the service.
    public var answer: String {
        guard let status else {
            let location = declared.map { " (\($0.location.fileAndLine))" } ?? ""
            return "was never applied\(location): `heroproc diff` shows what an apply would do"
        }
        return stateText(of: status)
    }

    /// The state of a service; a service that waits for its turn is not called blocked.
    private func stateText(of status: ServiceStatus) -> String {
        guard status.isWaitingForTurn(for: others) else { return status.stateText(now) }
        return "waits for \(status.blockedBy.map(\.description).joined(separator: ", ")) to come up"
    }

    // MARK: Sentences

    private var wanted: String {
        if let revision, revision.isDown, let spec = declared?.spec, spec.status == .start,
            revision.isDownForAll || spec.serviceClass == .user
        {
            return "down: revision \(revision.number) is a `\(revision.summary)` by \(revision.actor); "
                + "the next `heroproc apply` starts it again"
        }
        guard let declared else { return "down: no manifest declares it any more" }
        let location = " (\(declared.location(of: "status").fileAndLine))"
        return switch declared.spec.status {
        case .start: "up: its status is start\(location)"
        case .stop: "down: its status is stop\(location)"
        case .spec: "down: its status is spec, a definition that never runs\(location)"
        case .ignore: "unmanaged: its status is ignore, so heroproc does not start, stop or heal it\(location)"
        }
    }

    private var deferred: [(topic: String, text: String)] {
        status?.deferred.map { [("deferred", $0.text(at: now))] } ?? []
    }

    /// The chain from the service to the actual cause of its block.
    private var blockingChain: [(topic: String, text: String)] {
        var texts: [String] = []
        var seen: Set<QualifiedName> = [name]
        var next = status?.state == .blocked ? status?.blockedBy.first : nil
        while let name = next, seen.insert(name).inserted {
            guard let other = others[name] else {
                texts.append("\(name) is not declared")
                break
            }
            texts.append("\(name) \(stateText(of: other))")
            next = other.state == .blocked ? other.blockedBy.first : nil
        }
        return texts.map { ("because", $0) }
    }

    private var requirements: [(topic: String, text: String)] {
        let mentioned = Set(status?.blockedBy.prefix(1) ?? [])
        return (declared?.spec.requirements ?? []).filter { !mentioned.contains($0.service) }.map { requirement in
            let state = others[requirement.service].map(stateText) ?? "was never applied"
            return ("requires", "\(requirement.canonical) \(state)")
        }
    }

    private var actions: [(topic: String, text: String)] {
        var result: [(topic: String, text: String)] = []
        for action in status?.actions ?? [] {
            result.append(("action", "\(action.name) \(action.stateText(now))"))
            if action.notifyState?.isReloading ?? false {
                result.append(("notify", "\(action.name) is reloading"))
            }
            if let text = action.statusText { result.append(("says", "\(action.name): \(text)")) }
            for line in lastOutput[action.name] ?? [] { result.append(("wrote", "\(action.name): \(line)")) }
            guard let spec = declared?.spec.actions.first(where: { $0.name == action.name }) else { continue }
            if let containment = action.containment {
                result.append(("containment", "\(action.name) is contained \(containment.text)"))
            }
            if isLateOneShot(action, spec) {
                result.append(("hint", spec.unendedOneShotHint))
            }
            if action.phase == .running, !action.isReady {
                result.append(("probe", "\(action.name) is ready when \(spec.readinessText)"))
            }
            if action.isHealthy == false, let health = spec.health {
                result.append(("probe", "\(action.name) is healthy when \(health.conditionText), and it is not"))
            }
            if let next = action.nextRetryAt {
                let tries = spec.retry.triesText
                result.append(
                    (
                        "next retry",
                        "\(action.name): \(next.relative(to: now)), at \(next.textToSecond) "
                            + "(attempt \(action.attempt &+ 1)\(tries))"
                    )
                )
            }
        }
        return result
    }

    /// Whether an action is a one-shot that has run so long that a process may be meant.
    private func isLateOneShot(_ action: ActionStatus, _ spec: ActionSpec) -> Bool {
        guard !spec.isProcess, action.phase == .running, let started = action.startedAt else { return false }
        return started.elapsed(until: now) >= ActionSpec.unendedOneShotDelay
    }

    private var reconcilerText: String {
        guard let reconciler else {
            return
                "none is running: nothing is started or healed until `heroproc apply` or `heroproc reconcile --watch`"
        }
        return "pid \(reconciler.pid) (\(reconciler.mode)) manages it"
    }
}

extension RetryPolicy {
    /// The limit of attempts, to follow the number of an attempt.
    fileprivate var triesText: String {
        guard maxAttempts > 0 else { return "" }
        return within.map { "; it gives up after \(maxAttempts) within \(Canonical.duration($0))" }
            ?? " of \(maxAttempts)"
    }
}
