import HeroKernel
import HeroManifest
import HeroModel
import HeroPlan
import HeroReconciler
import HeroSim
import HeroStore

/// Checks what has happened against the invariants.
///
/// It relies on the trace of the machine, and reads the database only to compare it.
struct OutcomeChecker {
    private(set) var violations: [String] = []
    private var checkedActions = 0
    private var current: Scenario?
    /// The scenarios before it, oldest first: an apply may be lost when its reconciler is killed.
    private var previousScenarios: [Scenario] = []
    private var launchedJobs: Set<JobID> = []
    private var revisions: [RevisionNumber: DesiredState] = [:]
    private var failedServices: Set<String> = []
    /// The job that was started for each due time of a schedule.
    var runsOfDueTimes: [String: JobID] = [:]
    /// The jobs in the database at the last check.
    var seenJobs: [JobID: JobRecord] = [:]
    /// The newest run that each service ever had.
    var lastRuns: [QualifiedName: RunID] = [:]
    /// Services that have ever declared `stop.remove_jobs`.
    var servicesRemovingJobs: Set<String> = []

    mutating func fail(_ text: String) {
        if violations.count < 20 { violations.append(text) }
    }

    mutating func scenarioApplied(_ scenario: Scenario) {
        if let current { previousScenarios = previousScenarios.suffix(2) + [current] }
        for action in scenario.standalone where !action.isDeclared {
            // When it is declared again, it has a new schedule.
            runsOfDueTimes = runsOfDueTimes.filter { !$0.key.hasPrefix("core/\(action.name) ") }
        }
        servicesRemovingJobs.formUnion(scenario.services.filter(\.removesJobs).map(\.name))
        current = scenario
    }

    // MARK: During the run

    /// No service starts before those that it requires, and none stops before its dependents (I7).
    ///
    /// During a store outage, a stored job may nevertheless be restarted (decision 27).
    mutating func checkActions(_ machine: SimMachine, _ store: StateStore, isDegraded: Bool) throws {
        let actions = machine.trace.actions
        while checkedActions < actions.count {
            let (action, moment) = actions[checkedActions]
            checkedActions += 1
            switch action {
            case .launched(let start, let label):
                try checkStartRecord(start, label, store, isDegraded)
                if !isDegraded { try checkLaunch(start, label, machine, store) }
                try checkStartOrder(start, label, at: moment, machine, store)
            case .signaled(let start, let label, _): try checkStopOrder(start, label, machine, store)
            }
        }
    }

    /// A job that must stop starts nothing, and every start is stored before it is made.
    private mutating func checkStartRecord(
        _ start: StartID,
        _ label: String,
        _ store: StateStore,
        _ isDegraded: Bool
    ) throws {
        guard let job = try store.reader.job(start.job) else {
            return fail("\(label) was started for job \(start.job), which was never stored")
        }
        if isDegraded { return }
        if job.isStopping || job.phase != .running {
            fail(
                "\(label) \(start) was started when it was stored as \(job.phase)\(job.isStopping ? ", stopping" : "")"
            )
        }
        if job.generation < start.generation { fail("\(label) \(start) was started before that was stored") }
    }

    private mutating func checkStartOrder(
        _ start: StartID,
        _ label: String,
        at moment: Moment,
        _ machine: SimMachine,
        _ store: StateStore
    ) throws {
        // The waves order only the first start of the first action of a service.
        guard launchedJobs.insert(start.job).inserted, let job = try store.reader.job(start.job) else { return }
        guard let name = job.service else { return try checkDueTime(start, label, job, store) }
        guard label.hasSuffix(".a0") else { return }
        // When another job of the run has started already, the service is partly up and continues.
        let siblings = try store.reader.jobs(JobFilter(run: job.run)).filter { $0.id != job.id }
        guard siblings.allSatisfy({ !launchedJobs.contains($0.id) }) else { return }
        // The revision of the job counts: a later one may have come in the same turn.
        let desired = try desired(at: job.revision, store)
        guard let spec = desired.services[QualifiedName(name, context: job.context)]?.spec else { return }
        for requirement in spec.requirements {
            for action in desired.services[requirement.service]?.spec.actions ?? [] {
                let wanted = "\(requirement.service).\(action.name)"
                // After a stop it runs when its turn has come; and only one-shots can have ended.
                guard action.occasion == .start, requirement.until != .ended || !action.isProcess else { continue }
                let wasUp = machine.trace.executions.contains { execution in
                    guard execution.label == wanted else { return false }
                    if requirement.until == .ended { return execution.outcome != nil }
                    if requirement.until == .started {
                        let isRecent = execution.ended.map { moment - $0 <= .milliseconds(5) } ?? true
                        return isRecent || execution.outcome == .exited(0)
                    }
                    // A program with a notify message is ready from that message on.
                    if action.ready?.check == .notify, execution.notifiedReadyAt == nil { return false }
                    guard !action.isProcess else {
                        return execution.ended.map { moment - $0 <= .milliseconds(5) } ?? true
                    }
                    return execution.outcome == .exited(0)
                }
                if !wasUp { fail("\(label) was started while \(wanted), which it requires, was not up") }
            }
        }
    }

    mutating func desired(at revision: RevisionNumber, _ store: StateStore) throws -> DesiredState {
        if let known = revisions[revision] { return known }
        let files = try store.reader.files(of: revision)
        let read = Manifests.read(files, options: ManifestOptions(requiresCore: false)).desired ?? DesiredState()
        revisions[revision] = read
        return read
    }

    private mutating func checkStopOrder(
        _ start: StartID,
        _ label: String,
        _ machine: SimMachine,
        _ store: StateStore
    ) throws {
        guard let job = try store.reader.job(start.job), job.isStopping, let service = job.service else { return }
        let name = QualifiedName(service, context: job.context)
        for summary in try store.reader.serviceSummaries() where summary.requires.contains(name) {
            let isIgnored = (previousScenarios + [current].compactMap { $0 }).contains { scenario in
                scenario.services.contains { $0.name == summary.name.name && $0.status == .ignore }
            }
            guard !isIgnored else { continue }
            if let alive = machine.trace.running.first(where: { $0.hasPrefix("\(summary.name).") }) {
                fail("\(label) was stopped while \(alive), which requires it, was up")
            }
        }
    }

    // MARK: The settled state

    /// When nothing changes and no faults are injected, everything is as declared, and the database is correct.
    mutating func checkSettledState(_ scenario: Scenario, _ machine: SimMachine, _ store: StateStore) throws {
        let trace = machine.trace
        let summaries = try store.reader.serviceSummaries()
        failedServices = Set(summaries.filter { $0.state == .failed || $0.state == .degraded }.map(\.name.name))
        for name in failedServices where !hasFailedExecution(name, trace) {
            fail("\(name) has failed, and no program of it has failed")
        }
        try checkEmptyPlan(scenario, store)
        checkRunningPrograms(scenario, trace)
        for label in machine.hangingPrograms { fail("\(label) hangs, and is not restarted") }
        for job in try store.reader.jobs(JobFilter()) { checkCounts(job, trace) }
        try checkOutcomes(trace, store)
        try checkHistory(store)
        try checkReplacedJobs(store)
        try checkRunsOnce(scenario, machine, store)
        try checkOnceHistory(scenario, machine, store)
        try checkEssentialServices(scenario, machine, store)
        try checkUnexpectedEvents(store)
    }

    /// No job has received an event that cannot occur in its phase.
    private mutating func checkUnexpectedEvents(_ store: StateStore) throws {
        for event in try store.reader.events(EventFilter()) where event.text.hasPrefix("unexpected ") {
            fail("\(event.subject): \(event.text)")
        }
    }

    private func hasFailedExecution(_ service: String, _ trace: SimTrace) -> Bool {
        trace.executions.contains { execution in
            guard execution.label.hasPrefix("core/\(service)."), let outcome = execution.outcome else { return false }
            return outcome != .exited(0) || execution.lostShim
        }
    }

    /// An empty plan is the proof of an apply.
    private mutating func checkEmptyPlan(_ scenario: Scenario, _ store: StateStore) throws {
        guard let desired = Manifests.read(scenario.files, options: ManifestOptions(requiresCore: false)).desired else {
            fail("the manifests of the scenario are invalid")
            return
        }
        let observed = try Observation.read(store.reader, isAlive: { _ in true })
        let options = PlanOptions()
        let plan = Planner.plan(desired, observed, options)
        if Planner.plan(desired, observed, options) != plan { fail("two plans of the same state are different") }
        let changes = plan.changes.filter { $0.action != .keep && $0.action != .blocked }
        // Only failed services, and those that require them, may be left to start.
        var waiting = failedServices
        for service in scenario.services where service.requires.contains(where: waiting.contains) {
            waiting.insert(service.name)
        }
        let gaveUp = changes.allSatisfy { waiting.contains($0.service.name) }
        if !changes.isEmpty, !gaveUp {
            fail("the plan is not empty: \(changes.map { "\($0.action) \($0.service)" })")
        }
    }

    /// Every wanted process whose requirements are up runs exactly once, and no other process runs.
    private mutating func checkRunningPrograms(_ scenario: Scenario, _ trace: SimTrace) {
        var isUp: [String: Bool] = [:]
        for service in scenario.services {
            let requirements = service.requires.filter { name in
                scenario.services.contains { $0.name == name && $0.isDeclared }
            }
            let isWanted =
                service.isDeclared && service.status == .start && requirements.allSatisfy { isUp[$0] ?? false }
            isUp[service.name] = isWanted && !failedServices.contains(service.name)
            // It used its attempts while faults were injected, and has given up as declared.
            guard !failedServices.contains(service.name) else { continue }
            for (index, kind) in service.kinds.enumerated() {
                let label = "core/\(service.name).a\(index)"
                let count = trace.running.reduce(0) { $0 + ($1 == label ? 1 : 0) }
                let wanted = isWanted && kind != "job" ? 1 : 0
                // It may run although a requirement must be down: it had status `ignore`, or got the requirement later.
                if wanted == 0, count == 1, service.isDeclared, service.status == .start { continue }
                if count != wanted { fail("\(label) runs \(count) times in the settled state, wanted \(wanted)") }
                if isWanted, kind == "job",
                    !trace.executions.contains(where: { $0.label == label && $0.outcome == .exited(0) })
                {
                    fail("\(label) never exited successfully")
                }
            }
        }
    }

    /// `restart_count` counts the programs that have actually executed again (RS-2).
    private mutating func checkCounts(_ job: JobRecord, _ trace: SimTrace) {
        let executed = trace.executions(of: job.id)
        let unseen = trace.executions.reduce(0) { $0 + ($1.start.job == job.id && $1.beforeReboot ? 1 : 0) }
        if job.executions > executed || job.executions < executed - unseen {
            fail("job \(job.id) counts \(job.executions) executions, there were \(executed)")
        }
        if job.restartCount != max(0, job.executions - 1) {
            fail("job \(job.id) has a restart_count of \(job.restartCount)")
        }
    }

    /// An exit status is exact, or recorded as lost when a shim was killed, and never invented (I2).
    private mutating func checkOutcomes(_ trace: SimTrace, _ store: StateStore) throws {
        var stored: [StartID: Outcome] = [:]
        for job in try store.reader.jobs(JobFilter()) {
            for start in try store.reader.starts(of: job.id) {
                if let outcome = start.outcome { stored[StartID(job: job.id, generation: start.generation)] = outcome }
            }
        }
        let kept = Set(try store.reader.jobs(JobFilter()).map(\.id))
        for execution in trace.executions where execution.ended != nil && kept.contains(execution.start.job) {
            let newer = trace.executions.filter {
                $0.start.job == execution.start.job && $0.start.generation > execution.start.generation
            }
            guard newer.count < 15 else { continue }
            guard let outcome = stored[execution.start] else {
                guard !execution.beforeReboot else { continue }
                fail("the end of \(execution.label) \(execution.start) was never stored")
                continue
            }
            guard let truth = execution.outcome else { continue }
            if outcome != truth, !execution.lostShim {
                fail("\(execution.label) ended with \(truth), stored is \(outcome)")
            }
            if case .lost = outcome { continue }
            if outcome != truth { fail("\(execution.label): an unobserved end was stored as \(outcome)") }
        }
    }
}
