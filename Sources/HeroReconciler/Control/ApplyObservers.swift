import HeroKernel
import HeroModel
import HeroPlan

/// What waits for a revision to be carried out: clients on the control socket, or this process.
final class ApplyObservers {
    /// The connections that wait; empty when all of them have left, or when only this process waits.
    private(set) var clients: [RequestID]
    /// Whether this process waits itself.
    let isLocal: Bool
    /// The revision that is carried out.
    let revision: RevisionNumber
    /// For each service that stops, the dependents that stop because of it.
    private(set) var dependents: [QualifiedName: Set<QualifiedName>] = [:]
    /// The services that the plans of this apply change.
    private(set) var affectedServices: Set<QualifiedName> = []
    /// The services that this apply starts or restarts: they must stay up.
    private(set) var startedServices: Set<QualifiedName> = []
    /// The starting jobs for which a report of what they wait for is due soon.
    var jobsWithWaitReport: Set<JobID> = []
    /// What starting jobs wait for, as it was last reported.
    var reportedWaits: [JobID: String] = [:]
    /// Whether they stay up.
    var stability: StabilityCheck
    /// Standalone actions whose run has failed, as messages.
    private(set) var failures: [String] = []
    /// The same actions, by name.
    private(set) var failedActions: [ApplyResult.FailedAction] = []

    /// Observes a revision for a client; without a request for this process.
    init(_ request: RequestID?, revision: RevisionNumber, stability: StabilityCheck) {
        clients = request.map { [$0] } ?? []
        isLocal = request == nil
        self.revision = revision
        self.stability = stability
    }

    /// Another client has applied the same, and waits for the same result.
    func addClient(_ request: RequestID) { clients.append(request) }

    /// A client has left.
    func removeClient(_ request: RequestID) { clients.removeAll { $0 == request } }

    /// Adds a standalone action whose run has failed.
    func addFailure(of entry: StandaloneEntry, _ error: String?) {
        failures.append("\(entry.name) failed" + (error.map { ": \($0)" } ?? ""))
        failedActions.append(ApplyResult.FailedAction(owner: entry.name, action: nil))
    }

    /// Adds what a plan of this apply changes.
    ///
    /// A service that keeps failing is tried again at once, so it is started too.
    func addPlan(_ plan: Plan, _ services: [QualifiedName: ServiceEntry]) {
        stability.handleStateChange()
        for change in plan.changes where !change.isStandalone {
            if services[change.service]?.isComingUp ?? false { startedServices.insert(change.service) }
            switch change.actionNow {
            case .keep: continue
            case .start, .restart:
                startedServices.insert(change.service)
                affectedServices.insert(change.service)
            case .stop, .update, .reload, .blocked: affectedServices.insert(change.service)
            }
            if change.stopWave != nil, let cause = change.cause {
                dependents[cause, default: []].insert(change.service)
            }
        }
    }

    /// All services that were stopped because this one was, directly or not.
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
