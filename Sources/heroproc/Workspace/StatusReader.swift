import HeroLinux
import HeroManifest
import HeroModel
import HeroStore
import HeroView

/// Makes the report of `status`: the records, verified against the kernel at the time of reading (OB-2).
struct StatusReader {
    let workspace: Workspace

    /// Reports the selected services; all services without a selection.
    func report(_ selectors: [SelectorArgument] = []) throws -> StatusReport {
        let holder = ReconcilerLock.holder(workspace.paths)
        let reader = try workspace.openReader()
        let revision = try reader?.revision()
        let summaries = try reader?.serviceSummaries() ?? []
        let standalone = try reader?.standaloneSummaries() ?? []
        let declared = try declaredManifests(reader, revision)
        let names = try Selectable(summaries.map(\.name) + standalone.map(\.name), declared).select(selectors)
        let current = try reader?.currentJobs() ?? []
        let jobs = Dictionary(grouping: current, by: \.qualifiedService)
        let shown = names.isEmpty ? summaries : summaries.filter { names.contains($0.name) }
        var report = StatusReport(
            revision: revision,
            reconciler: holder,
            services: shown.map { summary in
                serviceStatus(
                    summary,
                    declared?.services[summary.name]?.spec,
                    revision,
                    jobs[summary.name] ?? [],
                    holder != nil
                )
            },
            standalone: standalone.filter { names.isEmpty || names.contains($0.name) }.map { summary in
                standaloneStatus(summary, declared?.actions[summary.name]?.spec, current, holder != nil)
            },
            now: workspace.now
        )
        try addUnknownOnce(to: &report.services, declared, reader)
        report.storeOutage = holder == nil ? nil : storeOutage
        report.refusedChange = ReconcilerStatusFile.refusedChange(workspace.paths)
        report.repository = publishedRepository(revision)
        report.databaseLog = DatabaseLog.inspect(database: workspace.paths.database)
        return report
    }

    /// Adds to blocked services the actions with `once` of which it is unknown whether they have run.
    private func addUnknownOnce(
        to services: inout [ServiceStatus],
        _ declared: DesiredState?,
        _ reader: StateReader?
    ) throws {
        let blocked = services.indices.filter { services[$0].state == .blocked && services[$0].blockedBy.isEmpty }
        guard !blocked.isEmpty else { return }
        let once = try workspace.onceHistory(reader)
        for index in blocked {
            guard let spec = declared?.services[services[index].name]?.spec else { continue }
            services[index].unknownOnce = spec.onceActions.filter { once.state(of: $0, in: spec) == .unknown }
                .map(\.name)
        }
    }

    /// The published status of the followed repository, if that is where the last revision or the reconciler is from.
    private func publishedRepository(_ revision: RevisionRecord?) -> RepositoryStatus? {
        if let status = workspace.followedRepository { return status }
        guard let applied = revision?.git, let status = workspace.publishedRepository,
            applied.isSameDirectory(as: status.source)
        else { return nil }
        return status
    }

    /// The problem of the database while a reconciler is running; nil if there is none.
    private var storeOutage: String? {
        if let reported = ReconcilerStatusFile.storeOutage(workspace.paths) { return reported }
        let database = workspace.paths.database
        guard StateStore.isLost(path: database) else { return nil }
        return "\(database) is missing; the reconciler rebuilds it with the next change"
    }

    /// The state of each recorded service.
    func serviceStates() throws -> [QualifiedName: ServiceState] {
        Dictionary(try report().services.map { ($0.name, $0.state) }, uniquingKeysWith: { first, _ in first })
    }

    /// The manifests of the last revision; nil before the first one.
    func appliedManifests() throws -> DesiredState? {
        let reader = try workspace.openReader()
        return try declaredManifests(reader, reader?.revision())
    }

    /// The manifests of the last revision, decoded from the files that are recorded with it.
    ///
    /// The records of services contain the specs of their starts, which may differ.
    private func declaredManifests(_ reader: StateReader?, _ revision: RevisionRecord?) throws -> DesiredState? {
        guard let reader, let revision else { return nil }
        return try workspace.recordedManifests(revision, reader)
    }

    private func serviceStatus(
        _ summary: ServiceSummary,
        _ spec: ServiceSpec?,
        _ revision: RevisionRecord?,
        _ jobs: [JobRecord],
        _ hasReconciler: Bool
    ) -> ServiceStatus {
        let own = jobs.filter { $0.run == summary.run }.sorted { $0.id < $1.id }
        let checked = own.map { $0.verified(workspace.paths, hasReconciler: hasReconciler) }
        var state = summary.state
        // A process is gone, but the reconciler has not recorded it yet, or no reconciler is running.
        if checked.contains(where: { $0.isGone }), state == .running || !hasReconciler {
            // A reconciler that was asked twice to exit ends before the programs that it has killed.
            let isStopped = state == .stopping && checked.allSatisfy { $0.isStopped || $0.job.phase.isFinished }
            state = isStopped ? .stopped : state == .stopping ? .stopping : .degraded
        }
        var actions = checked.map { actionStatus($0.job) }
        // A probe that only reports makes the service degraded; its jobs continue as before.
        let reported = Set((spec?.actions ?? []).filter { $0.health?.reaction == .report }.map(\.name))
        if state == .running, actions.contains(where: { $0.isHealthy == false && reported.contains($0.name) }) {
            state = .degraded
        }
        let actionNames = spec?.actions.map(\.name) ?? []
        for name in actionNames where !actions.contains(where: { $0.name == name }) {
            actions.append(ActionStatus(name: name))
        }
        let positions = Dictionary(actionNames.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        actions.sort { positions[$0.name, default: .max] < positions[$1.name, default: .max] }
        var status = ServiceStatus(
            name: summary.name,
            serviceClass: spec?.serviceClass ?? summary.serviceClass,
            wanted: wantedStatus(spec, revision),
            state: state,
            since: summary.since,
            run: summary.run,
            blockedBy: summary.blockedBy,
            actions: actions
        )
        status.deferred = summary.deferred
        status.isStoppedByDown = spec?.status == .start && status.wanted == .stop
        return status
    }

    /// The current notify state of the program.
    ///
    /// It is not in the database and needs no running reconciler.
    private func notifyState(of job: JobRecord) -> NotifyState? {
        guard job.phase == .running, job.process != nil else { return nil }
        return NotifyStateReader.read(job.id, generation: job.generation, workspace.paths)
    }

    private func standaloneStatus(
        _ summary: StandaloneSummary,
        _ spec: ActionSpec?,
        _ jobs: [JobRecord],
        _ hasReconciler: Bool
    ) -> StandaloneStatus {
        let job = jobs.first { $0.id == summary.job }?.verified(workspace.paths, hasReconciler: hasReconciler).job
        var status = StandaloneStatus(
            name: summary.name,
            action: job.map { actionStatus($0) } ?? ActionStatus(name: summary.name.name),
            nextRunAt: summary.nextRunAt
        )
        status.isPaused = spec?.schedule != nil && !summary.isScheduleActive
        return status
    }

    /// The status of an action from its job and from the run directory.
    private func actionStatus(_ job: JobRecord) -> ActionStatus {
        var status = ActionStatus(job)
        if status.pid != nil, let process = job.process {
            status.containment = JobContainment.read(job.id, running: process, workspace.paths)
        }
        status.notifyState = notifyState(of: job)
        return status
    }

    /// The desired status of a service, with a `down` taken into account.
    private func wantedStatus(_ spec: ServiceSpec?, _ revision: RevisionRecord?) -> DesiredStatus? {
        guard let spec else { return nil }
        guard spec.status == .start, let revision, revision.isDown else { return spec.status }
        return revision.isDownForAll || spec.serviceClass == .user ? .stop : .start
    }
}

/// A job as the kernel reports it.
struct VerifiedJob {
    var job: JobRecord
    /// Whether its main process is gone and no reconciler has recorded that.
    var isGone = false
    /// Whether it was being stopped, and nothing of it runs any more.
    var isStopped = false
}

extension JobRecord {
    /// The service of the job; nil for a standalone action.
    fileprivate var qualifiedService: QualifiedName? { service.map { QualifiedName($0, context: context) } }

    /// The record, verified against the kernel: a process that is gone is not shown as running.
    ///
    /// Without a reconciler nothing is in progress: a job without a process in its row or in the record of its start does
    /// not run, and a stop does not continue.
    func verified(_ paths: RuntimePaths, hasReconciler: Bool) -> VerifiedJob {
        let unchanged = VerifiedJob(job: self)
        guard phase == .running, !(isStopping && hasReconciler) else { return unchanged }
        guard let process else { return hasReconciler ? unchanged : gone("no process of it is recorded", paths) }
        guard !ProcessTable.isAlive(process) else { return unchanged }
        return gone("process \(process.pid) is gone", paths)
    }

    private func gone(_ fact: String, _ paths: RuntimePaths) -> VerifiedJob {
        var job = self
        var isStopped = isStopping
        job.process = nil
        job.isReady = false
        job.isHealthy = nil
        switch RecordedEndReader.read(id, generation: generation, paths) {
        case .mainEnded(let report):
            isStopped = false
            job.outcome = report.outcome
            // The reconciler adds a hint to the same text.
            if job.error?.hasPrefix(report.description) != true { job.error = report.description }
        case .successorAwaited:
            job.error = job.error ?? "waits for its PID file"
            return VerifiedJob(job: job)
        case .running(let process):
            job = self
            job.process = process
            return VerifiedJob(job: job)
        case .ended(let outcome):
            job.outcome = outcome
            job.error = "ended with \(outcome), and no reconciler has handled it yet"
        case nil:
            // A shim that exists may still have processes to end.
            if RecordedEndReader.hasShim(id, generation: generation, paths) { isStopped = false }
            job.error = "\(fact), and its shim has not recorded how it ended"
        }
        return VerifiedJob(job: job, isGone: true, isStopped: isStopped)
    }
}
