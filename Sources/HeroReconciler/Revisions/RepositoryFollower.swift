import HeroKernel
import HeroModel
import HeroPlan

/// Follows a git repository: starts fetches, decides about the newest commit, and applies it like a changed directory.
///
/// git itself runs in a helper process. Clients of `heroproc sync` wait for a fetch that begins after their request.
final class RepositoryFollower {
    typealias Host = ControlChannel & HostClock & RepositorySource

    private let repository: FollowedRepository
    private let kernel: any Host
    private let state: RuntimeState
    private let journal: TurnJournal
    private let plans: PlanController
    private let revisions: RevisionController
    private let reporter: ApplyReporter
    private var status: RepositoryStatus
    private var isFetching = false
    /// When the next fetch begins; nil while one is in progress.
    private(set) var nextFetchAt: Moment?
    /// The clients that wait for the fetch in progress.
    private var clients: [SyncRequest] = []
    /// The clients that have arrived after it began.
    private var laterClients: [SyncRequest] = []

    init?(
        _ repository: FollowedRepository?,
        kernel: any Host,
        state: RuntimeState,
        journal: TurnJournal,
        plans: PlanController,
        revisions: RevisionController,
        reporter: ApplyReporter
    ) {
        guard let repository else { return nil }
        self.repository = repository
        self.kernel = kernel
        self.state = state
        self.journal = journal
        self.plans = plans
        self.revisions = revisions
        self.reporter = reporter
        status = RepositoryStatus(source: repository.source)
    }

    // MARK: Fetching

    /// Begins with the last revision, and fetches at once.
    func start() {
        publish()
        startFetch()
    }

    /// Fetches now, or again after the fetch in progress.
    func sync(_ request: SyncRequest) {
        laterClients.append(request)
        if !isFetching { startFetch() }
    }

    func handleDueDeadlines(_ now: Moment) {
        if let due = nextFetchAt, due <= now { startFetch() }
    }

    private func startFetch() {
        isFetching = true
        nextFetchAt = nil
        clients = laterClients
        laterClients = []
        let arguments = repository.helperArguments(appliedCommit)
        kernel.fetchRepository(arguments, timeout: FollowedRepository.timeout)
    }

    /// The applied commit of this repository, whatever its directory was; also while a `down` is in force.
    private var appliedCommit: String? {
        guard let revision = state.revision, let git = revision.git,
            git.repository.utf8.elementsEqual(repository.source.repository.utf8)
        else { return nil }
        return revision.gitCommit
    }

    // MARK: Reports

    /// A fetch has ended.
    func handle(_ reply: RepositoryReply) {
        guard isFetching else { return }
        isFetching = false
        nextFetchAt = kernel.now() + repository.interval
        let waiting = clients
        clients = []
        decide(about: report(reply), waiting)
        publish()
        if !laterClients.isEmpty { startFetch() }
    }

    private func report(_ reply: RepositoryReply) -> RepositoryReport {
        switch reply {
        case .noReport(let reason): RepositoryReport(problem: .unreachable(reason))
        case .report(let bytes):
            ControlCoding.repositoryReport(bytes)
                ?? RepositoryReport(problem: .unreachable("the helper process is another version of heroproc"))
        }
    }

    private func decide(about report: RepositoryReport, _ waiting: [SyncRequest]) {
        guard !state.lifecycle.isLeaving else { return refuse(waiting, "the reconciler is exiting") }
        let isPaused = state.lifecycle == .paused && !waiting.contains { $0.resumes }
        let decision = RepositoryDecision(report, isPaused: isPaused, allowsRewind: repository.allowsRewind)
        if case .reportError(let reason) = decision { return reportError(reason, waiting) }
        setSeenCommit(report)
        switch decision {
        case .reportError: break
        case .refuse(let reason):
            status.refused = .init(commit: report.commit ?? "", reason: reason)
            let text = revisions.refuseCommit(report.commit ?? "", reason)
            refuse(waiting, text)
        case .wait:
            revisions.clearRejection(after: nil)
            refuse(waiting, "a `down` is in force; `heroproc sync --resume` ends it and applies the commit")
        case .keep, .apply: apply(report, waiting)
        }
    }

    private func setSeenCommit(_ report: RepositoryReport) {
        status.error = nil
        status.fetchedAt = kernel.wallTime()
        status.seenCommit = report.commit
        status.checkout = report.checkout
        status.refused = nil
        switch report.relation {
        case .same: status.behind = 0
        case .ahead(let count): status.behind = count
        case .first, .behind, .diverged: status.behind = nil
        }
    }

    private func apply(_ report: RepositoryReport, _ waiting: [SyncRequest]) {
        guard let commit = report.commit, let checkout = report.checkout else { return }
        var source = repository.source
        (source.author, source.subject, source.signer) = (report.author, report.subject, report.signer)
        let origin = ManifestOrigin(
            directory: source.path == "." ? checkout : "\(checkout)/\(source.path)",
            git: source,
            commit: commit,
            checkout: checkout
        )
        let before = state.revision?.number
        if let rejection = revisions.syncCommit(origin, waiting.first?.options ?? PlanOptions()) {
            status.refused = .init(commit: commit, reason: rejection.text)
            for client in waiting {
                let reply = ControlReply.refused(rejection.text, diagnostics: rejection.diagnostics)
                journal.effects.append(.reply(client.client, reply, isLast: true))
            }
            return
        }
        if state.revision?.gitCommit == commit { status.behind = 0 }
        for client in waiting {
            reporter.observe(client.client, revision: state.revisionNumber, state.jobs.values)
            let reply = ControlReply.accepted(revision: state.revisionNumber)
            journal.effects.append(.reply(client.client, reply, isLast: false))
        }
        // A fetch that changes nothing is no reason to plan.
        guard !waiting.isEmpty || state.revision?.number != before else { return }
        plans.allowProofs()
        plans.run(retriesFailed: true, rerunsFailed: !waiting.isEmpty)
    }

    // MARK: Results

    private func reportError(_ reason: String, _ waiting: [SyncRequest]) {
        let text = "cannot fetch \(repository.source.repository): \(reason)"
        if status.error != reason { journal.recordEvent(.warning, "", text, source: "git") }
        status.error = reason
        let result = ApplyResult(revision: state.revisionNumber, isConverged: false, services: [], errors: [text])
        for client in waiting { journal.effects.append(.reply(client.client, .done(result), isLast: true)) }
    }

    private func refuse(_ waiting: [SyncRequest], _ text: String) {
        for client in waiting { journal.refuse(client.client, text) }
    }

    private func publish() { kernel.publishRepositoryStatus(ControlCoding.bytes(status)) }
}

/// A client of `heroproc sync`.
struct SyncRequest {
    /// The client.
    var client: RequestID
    /// What the plan may do.
    var options: PlanOptions
    /// Whether it ends the pause of a `down`.
    var resumes: Bool
}
