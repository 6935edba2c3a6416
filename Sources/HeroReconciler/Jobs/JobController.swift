import CHeroFailpoints
import HeroKernel
import HeroLifecycle
import HeroModel
import HeroStore

/// Creates jobs, delivers events to them, and records how they change.
final class JobController {
    typealias Host = HostClock & ProcessControl & HostInspection & JobDirectory

    private let kernel: any Host
    let state: RuntimeState
    let journal: TurnJournal
    let storeHealth: StoreHealth
    private let requests: LaunchRequestBuilder
    /// When jobs must receive `deadlineReached`.
    private var deadlines = DeadlineQueue<JobID>()
    /// The clock of the machine.
    var clock: any HostClock { kernel }
    /// Called after a job has changed because of an event, so that its owner decides on what follows.
    var onChange: (JobEntry) -> Void = { _ in }

    init(kernel: any Host, state: RuntimeState, journal: TurnJournal, storeHealth: StoreHealth) {
        self.kernel = kernel
        self.state = state
        self.journal = journal
        self.storeHealth = storeHealth
        requests = LaunchRequestBuilder(baseEnvironment: kernel.baseEnvironment)
    }

    /// Creates a job.
    ///
    /// No other function creates jobs: here the job gets its revision, its run and its tags (contract section 6).
    /// With `end` it counts as succeeded and does not run.
    func makeJob(
        _ action: ActionSpec,
        for owner: JobEntry.Owner,
        run: RunID? = nil,
        end: SkippedRun? = nil
    ) -> JobEntry {
        let (name, revision, tags) =
            switch owner {
            case .service(let service): (service.name, service.record.revision, service.record.spec.tags)
            case .standalone(let entry): (entry.name, entry.record.revision, [])
            }
        var record = JobRecord(
            id: state.takeJobID(),
            context: name.context,
            service: nil,
            action: action.name,
            run: run,
            revision: revision,
            tags: Array(Set(tags + action.tags)).sorted(),
            createdAt: kernel.wallTime()
        )
        if case .service = owner { record.service = name.name }
        let lifecycle = end.map { JobLifecycle(record, endedAt: $0.time, because: $0.reason) } ?? JobLifecycle(record)
        let entry = JobEntry(lifecycle, of: owner)
        if case .standalone = owner { entry.pinnedSpec = action }
        state.jobs[record.id] = entry
        storeHealth.addUnstored(record.id)
        journal.rows.append(.job(lifecycle.record))
        return entry
    }

    // MARK: Events

    /// Delivers an event to the job of a start; ignores a start of an unknown job.
    func deliver(_ start: StartID, _ event: JobEvent) {
        guard let entry = state.jobs[start.job] else { return }
        deliver(entry, event)
    }

    /// Delivers an event to a job, records the change, and notifies its owner.
    func deliver(_ entry: JobEntry, _ event: JobEvent) {
        if deliverDirectly(entry, event) { onChange(entry) }
    }

    /// Delivers an event on behalf of the owner, which therefore is not notified.
    ///
    /// - Returns: whether the job has changed or has requested an effect.
    @discardableResult
    func deliverDirectly(_ entry: JobEntry, _ event: JobEvent) -> Bool {
        let before = entry.lifecycle
        if case .stopRequested = event, !before.isIdle, before.record.isStopping == false {
            entry.service?.cancelledJobs += 1
        }
        let effects = entry.lifecycle.handle(event, context(of: entry))
        guard entry.lifecycle != before || !effects.isEmpty else { return false }
        recordChanges(entry, effects, before: before.record)
        return true
    }

    /// Handles what has happened to a start.
    ///
    /// The number of a start is unknown (0) if its record cannot be read. It is the last start of its job.
    func handle(_ event: StartEvent, of start: StartID) {
        var start = start
        if start.generation == 0, let last = state.jobs[start.job]?.lifecycle.record.generation {
            start.generation = last
        }
        switch event {
        case .ended(let report): recordEnd(start, report)
        case .shimLost:
            // The kernel captures the rest of the output, which no shim stores any more.
            if let entry = state.jobs[start.job], entry.lifecycle.record.generation == start.generation {
                captureOutput(of: entry)
            }
        case .probeFinished: hero_failpoint(FP_PR_1)
        case .started, .mainProcessReplaced, .successorAwaited, .mainEnded, .notified: break
        }
        deliver(start, .start(generation: start.generation, event))
    }

    /// Records the exact end of a start.
    private func recordEnd(_ start: StartID, _ report: EndReport) {
        guard let entry = state.jobs[start.job] else {
            // The job is gone from memory, so nothing else removes its files.
            kernel.removeRuntimeFiles(start.job)
            return
        }
        journal.rows.append(
            .start(
                StartRecord(
                    job: start.job,
                    generation: start.generation,
                    startedAt: report.executed?.time,
                    endedAt: report.time,
                    outcome: report.outcome
                )
            )
        )
        if report.droppedBytes > 0 {
            journal.recordEvent(
                .warning,
                entry.subject,
                "\(report.droppedBytes) bytes of its output could not be written to its log"
            )
        }
    }

    /// The machine was suspended: every job gets more time.
    func handleMachineResume() {
        for id in state.jobs.keys.sorted() {
            if let entry = state.jobs[id] { deliver(entry, .machineSlept) }
        }
    }

    // MARK: Deadlines

    /// The earliest deadline of a job; nil when no job has one.
    var nextDeadline: Moment? { deadlines.next }

    /// Delivers `deadlineReached` to every job whose deadline is reached.
    func handleDueDeadlines(_ now: Moment) {
        while let id = deadlines.popDue(now) {
            guard let entry = state.jobs[id], let deadline = entry.lifecycle.deadline, deadline <= now else { continue }
            guard !storeHealth.postpone(id) else { continue }
            if case .backingOff = entry.lifecycle.phase { hero_failpoint(FP_RS_2) }
            deliver(entry, .deadlineReached)
        }
    }

    /// The starts of these jobs were postponed by a store outage that is over: they get their full start timeout from
    /// now on.
    func resumePostponed(_ postponed: Set<JobID>) {
        for (id, entry) in state.jobs where postponed.contains(id) {
            deadlines.add(id, at: kernel.now() + entry.spec.startTimeout)
        }
    }

    // MARK: Changes

    /// What the lifecycle of a job may use in a transition.
    func context(of entry: JobEntry) -> JobLifecycle.Context {
        var context = JobLifecycle.Context(
            action: entry.spec,
            now: kernel.now(),
            time: kernel.wallTime(),
            bootID: kernel.bootID,
            random: kernel.randomUnit()
        )
        context.formerStart = entry.formerStart
        return context
    }

    /// Records the row, the effects and the deadline of a job that has changed.
    func recordChanges(_ entry: JobEntry, _ effects: [JobEffect], before: JobRecord?) {
        let effects = effects + scanBlockersIfNeeded(entry)
        if effects.contains(where: \.isLaunch) { recordContents(of: entry) }
        let record = entry.lifecycle.record
        if record.phase == .retrying, before?.phase != .retrying { hero_failpoint(FP_RS_1) }
        if record != before { journal.rows.append(.job(record)) }
        if record.phase == .succeeded, before?.phase != .succeeded { recordOnceSuccess(of: entry) }
        if record.process != before?.process {
            journal.effects.append(.updatePIDFile(entry, record.process, replacing: before?.process))
        }
        for effect in effects {
            if case .recordEvent(let level, let text) = effect {
                journal.recordEvent(level, entry.subject, text)
            } else {
                journal.effects.append(.job(entry, effect))
            }
        }
        if let deadline = entry.lifecycle.deadline { deadlines.add(record.id, at: deadline) }
    }

    /// Records the content of the files just before a start, so that a change during the start is found later.
    private func recordContents(of entry: JobEntry) {
        guard let service = entry.service else { return }
        let references = service.record.spec.contentReferences(of: entry.spec)
        guard !references.isEmpty else { return entry.lifecycle.recordContents(nil) }
        let contents = kernel.currentContents(of: references)
        entry.lifecycle.recordContents(contents)
        service.currentContents[entry.action] = contents
    }

    /// The content of the files of a job as of now, to be recorded when it has reloaded.
    ///
    /// A file that cannot be read now, and one of the environment, keeps what is recorded of it.
    func contentsForReload(of entry: JobEntry) -> [RecordedContent] {
        guard let service = entry.service else { return [] }
        let references = service.record.spec.contentReferences(of: entry.spec)
        let now = kernel.currentContents(of: references)
        service.currentContents[entry.action] = now
        return now.map { content in
            // A running program keeps its environment.
            let isKept = content.digest == nil || content.kind.isSecret
            return isKept ? entry.lifecycle.record.contents?.matching(content) ?? content : content
        }
    }

    /// Scans for start blockers as often as the lifecycle needs it.
    ///
    /// A scan changes nothing, so it needs no row before it.
    private func scanBlockersIfNeeded(_ entry: JobEntry) -> [JobEffect] {
        var effects: [JobEffect] = []
        while entry.lifecycle.needsBlockerCheck {
            effects += entry.lifecycle.handle(.blockersChecked(startBlockers(of: entry)), context(of: entry))
        }
        return effects
    }

    private func startBlockers(of entry: JobEntry) -> StartBlockers {
        // A first start that had to wait for its port checks its requirements again: they may be down now.
        if entry.lifecycle.record.executions == 0, let missing = missingRequirement(of: entry.service) {
            return StartBlockers(unresolved: ["it requires \(missing.service), which \(missing.unmetText)"])
        }
        return kernel.scanStartBlockers(
            requests.blockerScanRequest(entry.lifecycle.record, entry.spec, in: entry.service?.record.spec)
        )
    }

    private func missingRequirement(of service: ServiceEntry?) -> Requirement? {
        guard let service, service.jobs.allSatisfy({ $0.lifecycle.record.executions == 0 }) else { return nil }
        return service.record.spec.requirements.first { !(state.services[$0.service]?.hasReached($0.until) ?? false) }
    }

    // MARK: Requests to the kernel

    /// Captures the output of a start whose shim is gone.
    ///
    /// It is done at once, and again by each new reconciler: nothing of it is decided or recorded.
    func captureOutput(of entry: JobEntry) {
        kernel.captureOutput(
            requests.outputCaptureRequest(entry.lifecycle.record, entry.spec, in: entry.service?.record.spec)
        )
    }

    /// The request that makes the current start of a job.
    func launchRequest(of entry: JobEntry) -> LaunchRequest {
        requests.launchRequest(entry.lifecycle.record, entry.spec, in: entry.service?.record.spec)
    }

    /// The request for one probe of a start.
    func probeRequest(of entry: JobEntry, _ start: StartID, serial: UInt64, _ kind: ProbeKind) -> ProbeRequest {
        let action = entry.spec
        let probe: Probe? =
            switch kind {
            case .readiness: action.ready
            case .health: action.health
            case .listening: nil
            case .stopCommand: Probe(.exec(action.stop.command), timeout: action.stop.commandTimeout)
            case .reloadCommand:
                action.reload.map { Probe(.exec($0.command), timeout: $0.timeout) }
            }
        var request = requests.probeRequest(
            start,
            serial,
            probe,
            entry.lifecycle.record,
            action,
            in: entry.service?.record.spec
        )
        switch kind {
        case .readiness, .health, .listening: break
        case .stopCommand: request.question = .command(action.stop.command)
        case .reloadCommand: request.question = .command(action.reload?.command ?? [])
        }
        return request
    }

    /// The name of the PID file that heroproc writes for a job; nil where it writes none.
    func ownPIDFile(of entry: JobEntry) -> String? {
        LaunchRequestBuilder.ownPIDFile(of: entry.lifecycle.record, entry.spec)
    }
}

extension JobEffect {
    /// Whether it starts a program.
    fileprivate var isLaunch: Bool {
        switch self {
        case .launch: true
        case .removeSocket, .removePIDFile, .signal, .signalTree, .killTree, .startProbe, .stopProbe,
            .removeRuntimeFiles, .recordEvent, .signalReload:
            false
        }
    }
}
