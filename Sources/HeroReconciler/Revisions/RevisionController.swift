import CHeroFailpoints
import HeroKernel
import HeroManifest
import HeroModel
import HeroPlan
import HeroStore

/// Records new revisions: of a client, of `down`, and of the services directory.
final class RevisionController {
    typealias Host = ControlChannel & HostClock & HostInspection & ManifestSource

    let kernel: any Host
    let configuration: ReconcilerConfiguration
    let state: RuntimeState
    let journal: TurnJournal
    let plans: PlanController
    let reporter: ApplyReporter
    private let storeHealth: StoreHealth
    private let waves: WaveExecutor
    /// Services that have disappeared from the directory, and may come back.
    var removalGrace = RemovalGracePeriod()
    /// Services that keep their present spec because they could not start again, with the reason.
    var waitingServices: [QualifiedName: String] = [:]
    /// When the waiting services are checked again; nil if there are none.
    var waitingCheckAt: Moment?
    /// The applied or refused commit; nil before the first and without a repository.
    var commitOrigin: ManifestOrigin?
    /// Why the last attempt was rejected; nil if it was not.
    var rejection: Rejection?
    /// The rejection that was reported last, until manifests are accepted.
    var reportedRejection: Rejection?
    /// Whether the directory may have changed during a store outage.
    private var needsSync = false

    init(
        kernel: any Host,
        configuration: ReconcilerConfiguration,
        state: RuntimeState,
        journal: TurnJournal,
        storeHealth: StoreHealth,
        plans: PlanController,
        waves: WaveExecutor,
        reporter: ApplyReporter
    ) {
        self.kernel = kernel
        self.configuration = configuration
        self.state = state
        self.journal = journal
        self.storeHealth = storeHealth
        self.plans = plans
        self.waves = waves
        self.reporter = reporter
    }

    // MARK: Start

    /// Reads the services directory where the mode requires it, and makes the first plan.
    func start() {
        switch configuration.mode {
        case .keep:
            state.needsPlan = true
            if configuration.exitsWhenDown, continuesDown {
                reporter.observe(nil, revision: state.revisionNumber, state.jobs.values)
            }
        case .sync:
            if let directory = configuration.directory { kernel.watchDirectory(directory) }
            guard !continuesDown else {
                state.lifecycle.pause()
                return plans.run(retriesFailed: false)
            }
            plans.refreshContents()
            // The first commit comes later; until then the last revision keeps running.
            guard configuration.repository == nil else {
                return plans.run(retriesFailed: true, retriesNow: false)
            }
            let before = state.revision?.number
            syncDirectory(isFirst: true)
            plans.run(retriesFailed: true, retriesNow: state.revision?.number != before)
        case .once:
            reporter.deadline = kernel.now() + configuration.timeout
            guard syncDirectory(isFirst: true) else { return }
            plans.refreshContents()
            reporter.observe(nil, revision: state.revisionNumber, state.jobs.values)
            plans.run(retriesFailed: true, rerunsFailed: true)
        }
    }

    /// Whether the reconciler replaces one that crashed while a `down` was in force: its start must not start the
    /// services.
    private var continuesDown: Bool { configuration.isRestartAfterCrash && state.isDown }

    // MARK: New revisions

    /// Makes a checked set of manifests the desired state.
    ///
    /// The revision is recorded before anything else changes.
    /// - Returns: the error; then nothing has changed.
    func accept(_ request: RevisionRequest) -> StoreError? {
        if request.isSame(as: state.revision, files: state.files) {
            adopt(request)
            return nil
        }
        var record = RevisionRecord(
            number: state.revisionNumber + 1,
            time: kernel.wallTime(),
            directory: request.directory,
            gitCommit: request.gitCommit,
            git: request.git,
            actor: request.actor,
            summary: request.summary + plans.deferralSummary(of: request.desired),
            prunes: request.prunes,
            only: request.only,
            variables: request.variables
        )
        record.goesBackTo = request.rollbackOf
        let documents = request.documents.map(StoredDocument.init)
        if let error = storeHealth.commitRevision(.revision(record, files: request.files, documents: documents)) {
            return error
        }
        adopt(request)
        state.files = request.files
        state.revision = record
        journal.recordEvent(
            .info,
            "",
            "revision \(record.number) applied from \(request.originText) by \(request.actor)"
        )
        for declared in request.desired.services.values.sorted(by: { $0.spec.name < $1.spec.name })
        where state.services[declared.spec.name] == nil {
            waves.addService(declared)
        }
        // A service that is not declared any more and is not active needs no stop.
        for service in state.servicesByName
        where state.desired.services[service.name] == nil && !service.isActive && !service.isHeld(at: kernel.wallTime())
        {
            waves.removeService(service)
        }
        return nil
    }

    private func adopt(_ request: RevisionRequest) {
        state.declared = request.desired
        recordLostOnceHistory(state.declared.services.values.map(\.spec))
        state.essentialEnd = nil
        state.lifecycle.resume()
        removalGrace.cancel()
        setWaitingServices(request.waiting)
        resetCounts()
        plans.refreshContents()
        plans.judgeHolds(for: request)
    }

    /// The history of actions with `once` was lost, and these manifests are the first since then.
    private func recordLostOnceHistory(_ services: [ServiceSpec]) {
        guard state.once.isLost else { return }
        state.recordUnknownOnce(services, at: kernel.wallTime(), in: journal)
        state.once.isLost = false
        journal.rows.append(.onceHistoryLost(false))
    }

    private func resetCounts() {
        for service in state.services.values { service.cancelledJobs = 0 }
    }

    /// Stops services: a revision of its own with the same manifests.
    ///
    /// With `end`, the end of an essential service is the reason; any other request replaces that reason.
    func takeDown(all: Bool, actor: String? = nil, because end: EssentialEnd? = nil) {
        state.essentialEnd = end
        let record = RevisionRecord(
            number: state.revisionNumber + 1,
            time: kernel.wallTime(),
            directory: state.revision?.directory ?? "",
            gitCommit: state.revision?.gitCommit,
            git: state.revision?.git,
            actor: actor ?? configuration.actor,
            summary: (all ? "down --all" : "down") + (end.map { ": \($0.text)" } ?? ""),
            isDown: true,
            isDownForAll: all,
            // The same manifests must have the same meaning when they are read again.
            variables: state.revision?.variables ?? [:]
        )
        resetCounts()
        // A paused reconciler does not read the directory.
        setWaitingServices([:])
        state.revision = record
        state.lifecycle.pause()
        journal.rows.append(.revision(record, files: state.files, documents: []))
        journal.recordEvent(.info, "", "revision \(record.number): \(record.summary), by \(record.actor)")
        plans.run(retriesFailed: false)
    }

    /// A `down` of this process itself, when no other reconciler is running.
    func startDown(all: Bool) {
        reporter.deadline = kernel.now() + configuration.timeout
        reporter.observe(nil, revision: state.revisionNumber + 1, state.jobs.values)
        takeDown(all: all)
    }

    /// Records the warnings of manifests that were applied.
    func recordWarnings(_ diagnostics: [Diagnostic]) {
        for diagnostic in diagnostics where diagnostic.severity == .warning {
            let isCore = diagnostic.code == DiagnosticCode.requiredNotStarted.rawValue
            journal.recordEvent(
                .warning,
                "",
                (diagnostic.location.map { "\($0): " } ?? "") + diagnostic.message,
                source: isCore ? "hero_proc.auto_start_db" : "reconciler"
            )
        }
    }

    // MARK: Store outages

    /// An outage has ended: the directory may have changed meanwhile.
    func requestSync() { needsSync = true }

    /// Reads the directory when that was requested.
    func syncIfNeeded() {
        guard needsSync, storeHealth.outage == nil else { return }
        needsSync = false
        handleFileChange()
    }
}
