import HeroModel

extension ServiceStatus {
    /// The state and its reason, as the end of a sentence that begins with the name of the service.
    func stateText(_ now: WallTime) -> String {
        let age = since.map { " for \($0.elapsed(until: now).shortText)" }
        func describe(_ state: String) -> String { age.map { "has been \(state)\($0)" } ?? "is \(state)" }
        switch state {
        case .running:
            let failure = actions.lazy.compactMap(\.reloadFailure).first
            return describe("running") + (failure.map { "; its last reload failed: \($0)" } ?? "")
        case .exited: return "has completed, and counts as up"
        case .starting: return describe("starting") + problemText
        case .stopping: return describe("stopping") + problemText
        case .degraded:
            let isUnhealthy = actions.contains { $0.isReady && $0.isHealthy == false }
            return describe("degraded") + (isUnhealthy ? ": it is not healthy" : ": a part of it is down") + problemText
        case .backingOff:
            let next = actions.compactMap(\.nextRetryAt).min().map { "; next retry \($0.relative(to: now))" } ?? ""
            return "keeps failing\(problemText)\(next)"
        case .failed: return "has failed\(problemText)\(retryHint)"
        case .blocked:
            let names = blockedBy.map(\.description).joined(separator: ", ")
            if blockedBy.isEmpty, let onceText { return describe("blocked") + ": \(onceText)" }
            return describe("blocked") + ": it waits for \(names.isEmpty ? "its requirements" : names)"
        case .stopped:
            switch wanted {
            case .start where deferred != nil: return "is down: \(deferred?.text(at: now) ?? "")"
            case .start: return "is down although it should be up; `heroproc apply` starts it"
            case .stop, .spec: return "is down, as declared"
            case .ignore: return "is down, and its status is ignore"
            case nil: return "is down: no manifest declares it any more"
            }
        }
    }

    /// What starts a failed service again; empty when nothing does.
    private var retryHint: String {
        switch wanted {
        case .start: "; `heroproc apply` retries it"
        case .stop, .spec, .ignore, nil: ""
        }
    }

    /// The problem of its first action that has one.
    private var problemText: String {
        for action in actions {
            // The name of the only action adds nothing.
            guard let text = action.problemClause(actions.count == 1 ? nil : action.name) else { continue }
            return ": \(text)"
        }
        return ""
    }
}

extension ActionStatus {
    /// Whether the action has a problem.
    var hasProblem: Bool { problemClause(nil) != nil }

    /// Whether the program runs again after it has failed, and has not been stable since.
    var isRepeated: Bool { phase == .running && attempt > 1 && outcome != nil }

    /// The problem of the action as a clause, with its name or without; nil if there is none.
    func problemClause(_ name: String?) -> String? {
        if phase == .retrying || phase == .failed, let unexplainedOutcome {
            return "\(name ?? "it") \(unexplainedOutcome.endingText)"
        }
        guard let error else { return nil }
        if phase == .waiting { return "\(name ?? "it") waits: \(error)" }
        return name.map { "\($0) has a problem: \(error)" } ?? error
    }

    /// The last outcome, if there is no other explanation.
    private var unexplainedOutcome: Outcome? {
        guard let outcome, error == nil || error == outcome.description else { return nil }
        return outcome
    }

    /// The state, as the end of a sentence that begins with the name of the action.
    func stateText(_ now: WallTime) -> String {
        guard let phase else { return "was never started" }
        let restarts = restartCount > 0 ? "; restarted \(counted(restartCount, "time"))" : ""
        let last = outcome.map { "; before that it \($0.endingText)" } ?? ""
        switch phase {
        case .pending: return "waits for its turn"
        case .waiting: return "waits: \(error ?? "its preconditions are not met yet")"
        case .running:
            if pid == nil, let error { return "has no main process: \(error)" + restarts }
            let process = pid.map { "runs as pid \($0)" } ?? "is about to run"
            let ready = isReady ? ", and is ready" : ", and is not ready yet\(error.map { ": \($0)" } ?? "")"
            let reload = reloadFailure.map {
                "; its reload failed, so it runs with the files that it read before: \($0)"
            }
            return process + ready + restarts + (restartCount > 0 ? last : "") + (reload ?? "")
        case .retrying:
            return
                "is retried: \(unexplainedOutcome.map { "it \($0.endingText)" } ?? error ?? "it ended")\(restarts)"
        case .succeeded: return onceText ?? error.map { "was \($0)" } ?? "has completed"
        case .failed: return "failed: \(error ?? outcome.map { "\($0)" } ?? "unknown reason")\(restarts)"
        case .cancelled: return "was stopped"
        }
    }
}

extension Outcome {
    /// The outcome of a start, as the end of a sentence that begins with the name of the action.
    var endingText: String {
        switch self {
        case .exited, .signaled, .outOfMemory: "ended with \(self)"
        case .startFailed(let failure): "was not started: \(failure)"
        case .lost(let reason): "was lost: \(reason)"
        }
    }
}

extension ContainmentSupport.Method {
    /// The containment of a process tree, as the end of a sentence.
    var text: String {
        switch self {
        case .cgroup: "in its own cgroup v2: all of its processes are killed in one step"
        case .freezer: "in its own v1 freezer: all of its processes are frozen while they are killed"
        case .subreaper: "by its shim alone: its processes are killed one by one"
        }
    }
}

extension ActionSpec {
    private static let completionText = "it has completed; a program that keeps running needs `is_process: true`"

    /// The condition of its readiness, as the end of a sentence.
    var readinessText: String {
        if let ready {
            if ready.check == .notify { return "\(ready.check.conditionText), within \(startTimeout.shortText)" }
            if case .descriptor = ready.check {
                return "\(ready.check.conditionText), within \(startTimeout.shortText)"
            }
            if case .aliveFor = ready.check { return ready.check.conditionText }
            return
                "\(ready.check.conditionText), checked every \(ready.interval.shortText) for \(startTimeout.shortText)"
        }
        let bound = tcpPorts.map { "tcp \($0.endpoint)" } + sockets
        guard !bound.isEmpty else { return isProcess ? "its program is running" : Self.completionText }
        return "its own processes listen on \(bound.joined(separator: ", ")), within \(startTimeout.shortText)"
    }
}

extension Probe {
    /// The condition of success, as a clause.
    var conditionText: String {
        guard let memoryBelow else { return check.conditionText }
        let limit = "its processes use less than \(Canonical.size(memoryBelow)) of memory"
        return check == .memory ? limit : "\(check.conditionText) and \(limit)"
    }
}

extension Probe.Check {
    /// The condition of success, as a clause.
    var conditionText: String {
        switch self {
        case .tcp(let endpoint): "tcp \(endpoint) accepts a connection"
        case .http(let target): "\(target) responds with a status \(target.expectedText)"
        case .exec(let arguments): "`\(arguments.joined(separator: " "))` exits 0"
        case .unix(let path): "\(path) accepts a connection"
        case .log(let pattern): "a line of its output matches `\(pattern)`"
        case .notify: "it sends READY=1 to its NOTIFY_SOCKET"
        case .descriptor(let number): "it writes a newline to descriptor \(number)"
        case .aliveFor(let time): "it has run for \(time.shortText)"
        case .watchdog(let limit): "it sends WATCHDOG=1 to its NOTIFY_SOCKET at least every \(limit.shortText)"
        case .memory: "its processes use little memory"
        }
    }
}
