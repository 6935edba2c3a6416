import HeroKernel
import HeroLifecycle
import HeroModel
import HeroPlan

/// Reports the progress and the result of an apply to everything that waits for it.
///
/// One revision is observed at a time: a new revision ends the wait for the one before.
final class ApplyReporter {
    private let clock: any HostClock
    private let journal: TurnJournal
    /// When a start of a one-shot is reported, if it has not ended by then.
    private var oneShotHints = DeadlineQueue<StartID>()
    /// The jobs whose services may still be starting when a report of what they wait for is due.
    private var waitReports = DeadlineQueue<JobID>()
    /// What waits for the current revision; nil when nothing waits.
    private(set) var observers: ApplyObservers?
    /// When the wait ends, whether or not everything has settled; nil without a limit.
    var deadline: Moment?
    /// How the last apply ended; nil before that.
    private(set) var result: ApplyResult?
    /// Receives every reply to an apply of this process.
    var onReply: (ControlReply) -> Void = { _ in }

    init(clock: any HostClock, journal: TurnJournal) {
        self.clock = clock
        self.journal = journal
    }

    /// Lets a client, or this process, wait for a revision.
    ///
    /// The observers of an earlier revision get their final reply. Failures of the given jobs before this moment do not
    /// count.
    func observe(_ request: RequestID?, revision: RevisionNumber, _ jobs: some Sequence<JobEntry>) {
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
        oneShotHints = DeadlineQueue()
        waitReports = DeadlineQueue()
        observers = ApplyObservers(request, revision: revision, stability: StabilityCheck(earlier: jobs))
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
        observers.stability.handleStateChange()
        send(.progress(service.name, state, detail: detail), to: observers, isLast: false)
    }

    /// Reports the end of a reload.
    func reportReload(of service: ServiceEntry) {
        guard let observers else { return }
        let detail = service.reloadFailure.map { "reload failed: \($0.text)" } ?? "reloaded"
        send(.progress(service.name, service.record.state, detail: detail), to: observers, isLast: false)
    }

    /// Adds what a plan of the observed apply changes.
    func addPlan(_ plan: Plan, _ services: [QualifiedName: ServiceEntry]) {
        guard let observers else { return }
        observers.addPlan(plan, services)
        // The one-shots of a service that starts may be running already.
        for name in observers.startedServices {
            for job in services[name]?.jobs ?? [] { addOneShotHint(for: job) }
        }
    }

    /// A job has changed because of an event.
    func handleChange(of job: JobEntry) {
        guard let observers else { return }
        observers.stability.handleChange(of: job)
        addOneShotHint(for: job)
        addWaitReport(for: job)
    }

    /// How long a service is starting before the progress says what it waits for: most services start in this time.
    private static let waitReportDelay = Duration.seconds(1)

    private func addWaitReport(for job: JobEntry) {
        guard let observers, job.service?.record.state == .starting, job.lifecycle.record.error != nil,
            observers.jobsWithWaitReport.insert(job.id).inserted
        else { return }
        waitReports.add(job.id, at: clock.now() + Self.waitReportDelay)
    }

    /// Reports what a job still waits for, unless that was reported before.
    private func reportWait(of job: JobEntry, to observers: ApplyObservers) {
        observers.jobsWithWaitReport.remove(job.id)
        guard let service = job.service, service.record.state == .starting, let reason = job.lifecycle.record.error,
            observers.reportedWaits[job.id] != reason
        else { return }
        observers.reportedWaits[job.id] = reason
        send(.progress(service.name, .starting, detail: reason), to: observers, isLast: false)
    }

    private func addOneShotHint(for job: JobEntry) {
        guard case .runningOnce = job.lifecycle.phase, job.service != nil else { return }
        let start = StartID(job: job.id, generation: job.lifecycle.record.generation)
        oneShotHints.add(start, at: clock.now() + ActionSpec.unendedOneShotDelay)
    }

    /// Reports the services that have been starting for a while, and the one-shots that have run for a while, because a
    /// program that runs for ever may be meant.
    func handleDueDeadlines(_ now: Moment, _ jobs: [JobID: JobEntry]) {
        while let id = waitReports.popDue(now) {
            if let observers, let job = jobs[id] { reportWait(of: job, to: observers) }
        }
        while let start = oneShotHints.popDue(now) {
            guard let observers, let job = jobs[start.job], job.lifecycle.record.generation == start.generation,
                case .runningOnce = job.lifecycle.phase, let service = job.service
            else { continue }
            send(
                .progress(service.name, service.record.state, detail: job.spec.unendedOneShotHint),
                to: observers,
                isLast: false
            )
        }
    }

    /// Decides whether the wait is over, and reports when all services are up and must stay up.
    func isOver(_ observers: ApplyObservers, _ check: ConvergenceCheck, isOverTime: Bool) -> Bool {
        let now = clock.now()
        guard !observers.stability.isUndisturbed(at: now) else { return false }
        let before = observers.stability.end
        let isOver = check.isOver(observers, isOverTime: isOverTime, now: now)
        if !isOver, let end = observers.stability.end, end != before, end > now {
            send(.settling(end - now), to: observers, isLast: false)
        }
        return isOver
    }

    /// When the wait must be checked even without an event; nil: only an event can end it.
    var nextDeadline: Moment? {
        guard let observers else { return nil }
        return [observers.stability.end ?? deadline, oneShotHints.next, waitReports.next].compactMap(\.self).min()
    }

    /// Reports the state of a run of a standalone action.
    func reportProgress(_ entry: StandaloneEntry, _ state: ServiceState) {
        guard let observers else { return }
        observers.stability.handleStateChange()
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
