import HeroKernel
import HeroLifecycle
import HeroModel
import HeroPlan

/// Reports the progress and the result of an apply to everything that waits for it.
///
/// One revision is observed at a time: a new revision ends the wait for the one before.
final class ApplyReporter {
    private let journal: TurnJournal
    /// What waits for the current revision; nil when nothing waits.
    private(set) var observers: ApplyObservers?
    /// When the wait ends, whether or not everything has settled; nil without a limit.
    var deadline: Moment?
    /// How the last apply ended; nil before that.
    private(set) var result: ApplyResult?
    /// Receives every reply to an apply of this process.
    var onReply: (ControlReply) -> Void = { _ in }

    init(journal: TurnJournal) {
        self.journal = journal
    }

    /// Lets a client, or this process, wait for a revision.
    ///
    /// The observers of an earlier revision get their final reply.
    func observe(_ request: RequestID?, revision: RevisionNumber) {
        if let observers {
            if let request, observers.revision == revision { return observers.addClient(request) }
            let result = ApplyResult(
                revision: observers.revision,
                isConverged: false,
                services: [],
                errors: ["another revision was applied before this one was carried out"]
            )
            send(.done(result), to: observers, isLast: true)
        }
        observers = ApplyObservers(request, revision: revision)
    }

    /// Reports the state of a service.
    func reportProgress(_ service: ServiceEntry) {
        guard let observers else { return }
        let state = service.record.state
        let error = service.jobs.lazy.compactMap { $0.lifecycle.record.error }.first
        let missing = service.record.blockedBy.map(\.description).joined(separator: ", ")
        let detail =
            switch state {
            case .blocked: "waits for \(missing)"
            case .failed, .degraded, .backingOff: error ?? ""
            case .stopped, .starting, .running, .stopping, .exited: ""
            }
        send(.progress(service.name, state, detail: detail), to: observers, isLast: false)
    }

    /// Reports the state of a run of a standalone action.
    func reportProgress(_ entry: StandaloneEntry, _ state: ServiceState) {
        guard let observers else { return }
        let detail = state == .failed ? entry.job?.lifecycle.record.error ?? "" : ""
        send(.progress(entry.name, state, detail: detail), to: observers, isLast: false)
    }

    /// Ends the wait with a result.
    func finish(_ observers: ApplyObservers, _ result: ApplyResult) {
        self.observers = nil
        deadline = nil
        self.result = result
        send(.done(result), to: observers, isLast: true)
    }

    /// The manifests of a reconciler that makes one pass are refused: the apply ends before it is observed.
    func refuse(_ text: String, _ diagnostics: [Diagnostic], _ result: ApplyResult) {
        self.result = result
        onReply(.refused(text, diagnostics: diagnostics))
    }

    private func send(_ reply: ControlReply, to observers: ApplyObservers, isLast: Bool) {
        if observers.isLocal { onReply(reply) }
        for request in observers.clients { journal.effects.append(.reply(request, reply, isLast: isLast)) }
    }
}
