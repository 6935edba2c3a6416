import HeroKernel
import HeroLifecycle
import HeroModel
import HeroPlan

/// Who waits for a revision to be carried out: connections, or this very process.
final class ApplySession {
    /// Where to answer; empty when nobody is there any more, or when it is this process.
    private(set) var clients: [RequestID]
    /// Whether it is this process that waits.
    let isLocal: Bool
    /// The revision that is carried out.
    let revision: RevisionNumber
    /// Which services each one that stops takes along.
    private(set) var dependents: [QualifiedName: Set<QualifiedName>] = [:]
    /// The services that the plans of this apply were about.
    private(set) var affectedServices: Set<QualifiedName> = []
    /// Standalone actions whose run ended badly, in words.
    var failures: [String] = []

    init(_ request: RequestID?, revision: RevisionNumber) {
        clients = request.map { [$0] } ?? []
        isLocal = request == nil
        self.revision = revision
    }

    /// Somebody else applied the same, and waits for the same.
    func addClient(_ request: RequestID) { clients.append(request) }

    /// Somebody waits no longer.
    func removeClient(_ request: RequestID) { clients.removeAll { $0 == request } }

    /// Takes in what a plan of this apply touches.
    func addPlan(_ plan: Plan) {
        for change in plan.changes where !change.isStandalone {
            switch change.action {
            case .keep: continue
            case .start, .stop, .restart, .update, .blocked: affectedServices.insert(change.service)
            }
            if change.stopWave != nil, let cause = change.cause {
                dependents[cause, default: []].insert(change.service)
            }
        }
    }

    /// Everything that was stopped because this one was, near or far.
    func stoppedDependents(of name: QualifiedName) -> [QualifiedName] {
        var found: Set<QualifiedName> = []
        var open = [name]
        while let next = open.popLast() {
            for dependent in dependents[next] ?? [] where found.insert(dependent).inserted { open.append(dependent) }
        }
        found.remove(name)
        return found.sorted()
    }
}

extension Reconciler {
    /// Tells who waits that a service moved.
    func reportProgress(_ service: ServiceEntry) {
        guard let follower else { return }
        let state = service.record.state
        let trouble = service.jobs.lazy.compactMap { $0.lifecycle.record.error }.first
        let waits = service.record.blockedBy.map(\.description).joined(separator: ", ")
        let detail =
            switch state {
            case .blocked: "waits for \(waits)"
            case .failed, .degraded, .backingOff: trouble ?? ""
            case .stopped, .starting, .running, .stopping, .exited: ""
            }
        sendReply(follower, .progress(service.name, state, detail: detail), isLast: false)
    }

    /// Answers who waits, wherever that is.
    func sendReply(_ follower: ApplySession, _ reply: ControlReply, isLast: Bool) {
        if follower.isLocal { onProgress(reply) }
        for request in follower.clients { pendingEffects.append(.reply(request, reply, isLast: isLast)) }
    }

    /// Ends the pass when nothing moves any more, or when its time is over.
    func finishPass(isOverTime: Bool) {
        guard let follower else { return }
        guard isOverTime || isSettled else { return }
        let result = applyResult(of: follower, isOverTime: isOverTime)
        self.follower = nil
        passDeadline = nil
        self.result = result
        sendReply(follower, .done(result), isLast: true)
        if configuration.exitsWhenDown, revision?.isDown ?? false, result.isConverged { isExiting = true }
    }

    /// Whether every order is carried out and no service is on its way somewhere.
    private var isSettled: Bool {
        guard openOperations.allSatisfy({ services[$0]?.isStuck ?? false }), !needsPlan else { return false }
        guard standalone.values.allSatisfy({ !$0.isSettling }) else { return false }
        return services.values.allSatisfy { service in
            guard !service.isStuck else { return true }
            return switch service.record.state {
            case .starting, .stopping, .backingOff: false
            case .stopped, .blocked, .running, .degraded, .exited, .failed: true
            }
        }
    }

    private func applyResult(of follower: ApplySession, isOverTime: Bool) -> ApplyResult {
        var errors: [String] = []
        for (name, service) in services.sorted(by: { $0.key < $1.key }) {
            guard let problem = problem(of: service) else { continue }
            errors.append("\(name) \(problem)")
        }
        errors += follower.failures
        // Nothing was touched, and nothing is as declared.
        if let brokenLaw { errors.append(brokenLaw) }
        for (name, entry) in standalone.sorted(by: { $0.key < $1.key }) where entry.isSettling {
            errors.append("\(name) \(entry.job?.lifecycle.record.isStopping ?? false ? "is not down" : "still runs")")
        }
        if let trouble, revision?.isDown ?? false {
            errors.append("it is not recorded, so the next reconciler would bring it up again: \(trouble.error)")
        }
        if isOverTime { errors.append("not everything settled in time; the reconciler goes on if one runs") }
        let isMine = { (name: QualifiedName) in
            self.desired.services[name] != nil || follower.affectedServices.contains(name)
        }
        let reported = services.values.filter { isMine($0.name) }.sorted { $0.name < $1.name }
        return ApplyResult(
            revision: follower.revision,
            isConverged: errors.isEmpty,
            services: reported.map { service in
                ApplyResult.Service(
                    name: service.name,
                    state: service.record.state,
                    blockedBy: service.record.blockedBy,
                    cancelled: service.cancelledJobs,
                    stoppedDependents: follower.stoppedDependents(of: service.name)
                )
            },
            errors: errors
        )
    }

    /// What is not as it is wanted, in words; being blocked is no such thing (contract section 5).
    private func problem(of service: ServiceEntry) -> String? {
        let trouble = service.jobs.lazy.compactMap { $0.lifecycle.record.error }.first.map { ": \($0)" } ?? ""
        guard shouldRun(service.name) else {
            guard service.isActive, desired.services[service.name]?.spec.status != .ignore else { return nil }
            return isLeftRunning(service.name) ? nil : "is not down\(trouble)"
        }
        return switch service.record.state {
        case .running, .exited, .blocked: nil
        case .failed: "failed\(trouble)"
        case .degraded: "is degraded\(trouble)"
        case .backingOff: "keeps failing\(trouble)"
        case .starting: "is still starting\(trouble)"
        case .stopping: "is still stopping\(trouble)"
        case .stopped: "is not up\(trouble)"
        }
    }

    /// Whether it is left up although nothing wants it: a `down` that leaves system services, an apply that does not prune.
    private func isLeftRunning(_ name: QualifiedName) -> Bool {
        guard desired.services[name] != nil else { return !openStops.contains(name) }
        return revision?.isDown ?? false
    }

    /// Whether the manifests, and no `down`, want it up.
    func shouldRun(_ name: QualifiedName) -> Bool {
        guard let spec = desired.services[name]?.spec, spec.status == .start else { return false }
        guard let revision, revision.isDown else { return true }
        return !revision.isDownForAll && spec.serviceClass == .system
    }
}
