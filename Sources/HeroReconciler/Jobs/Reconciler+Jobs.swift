import CHeroFailpoints
import HeroKernel
import HeroLifecycle
import HeroModel
import HeroStore

extension Reconciler {
    /// The one place where jobs are made: provenance is set here and never guessed later (contract section 6).
    func makeJob(_ action: ActionSpec, for owner: JobEntry.Owner, run: RunID? = nil) -> JobEntry {
        let (name, revision, tags) =
            switch owner {
            case .service(let service): (service.name, service.record.revision, service.record.spec.tags)
            case .standalone(let entry): (entry.name, entry.record.revision, [])
            }
        var record = JobRecord(
            id: nextJob,
            context: name.context,
            service: nil,
            action: action.name,
            run: run,
            revision: revision,
            tags: Array(Set(tags + action.tags)).sorted(),
            createdAt: kernel.wallTime()
        )
        if case .service = owner { record.service = name.name }
        nextJob += 1
        let entry = JobEntry(JobLifecycle(record), of: owner)
        if case .standalone = owner { entry.pinnedSpec = action }
        jobs[record.id] = entry
        unstoredJobs.insert(record.id)
        rows.append(.job(record))
        return entry
    }

    /// The action of a job as it counts now.
    ///
    /// Of a service with status `ignore` nothing is started again, nor stopped because it is not healthy: hands off means that
    /// too.
    func action(of entry: JobEntry) -> ActionSpec {
        let spec: ServiceSpec
        switch entry.owner {
        case .standalone(let standalone): return entry.pinnedSpec ?? standalone.record.spec
        case .service(let service): spec = service.record.spec
        }
        guard var action = spec.actions.first(where: { $0.name == entry.action }) else {
            // A record whose spec has lost the action can only be damaged: it is kept from doing anything.
            return ActionSpec(entry.action, .exec(["false"]))
        }
        if spec.status == .ignore {
            action.restart = .never
            action.health = nil
        }
        return action
    }

    /// What a transition of a job may know.
    func context(of entry: JobEntry) -> JobLifecycle.Context {
        JobLifecycle.Context(
            action: action(of: entry),
            now: kernel.now(),
            time: kernel.wallTime(),
            bootID: kernel.bootID,
            random: kernel.randomUnit()
        )
    }

    /// Moves the job of a start, if it is one of ours.
    func deliver(_ start: StartID, _ event: JobEvent) {
        guard let entry = jobs[start.job] else { return }
        deliver(entry, event)
    }

    /// Moves a job and puts down what follows: its row, its deeds, and what its service does next.
    func deliver(_ entry: JobEntry, _ event: JobEvent) {
        let before = entry.lifecycle
        let effects = entry.lifecycle.handle(event, context(of: entry))
        guard entry.lifecycle != before || !effects.isEmpty else { return }
        recordChanges(entry, effects, before: before.record)
        switch entry.owner {
        case .service(let service): advance(service)
        case .standalone(let standalone): advance(standalone)
        }
    }

    /// Orders a job without asking its owner again: the caller does that.
    func deliverDirectly(_ entry: JobEntry, _ event: JobEvent) {
        let before = entry.lifecycle
        if case .stopRequested = event, !before.isIdle, before.record.isStopping == false {
            entry.service?.cancelledJobs += 1
        }
        let effects = entry.lifecycle.handle(event, context(of: entry))
        guard entry.lifecycle != before else { return }
        recordChanges(entry, effects, before: before.record)
    }

    /// What follows from looking around, as long as a job wants to: looking is no deed.
    private func scanBlockersIfNeeded(_ entry: JobEntry) -> [JobEffect] {
        var effects: [JobEffect] = []
        while entry.lifecycle.needsBlockerCheck {
            effects += entry.lifecycle.handle(.blockersChecked(startBlockers(of: entry)), context(of: entry))
        }
        return effects
    }

    private func startBlockers(of entry: JobEntry) -> StartBlockers {
        // A first start that had to wait for its port asks its gate again: what it requires may be down by now.
        if entry.lifecycle.record.executions == 0, let missing = missingRequirement(of: entry.service) {
            return StartBlockers(unresolved: ["it requires \(missing), which is not up"])
        }
        return kernel.scanStartBlockers(
            requestBuilder.blockerScanRequest(entry.lifecycle.record, action(of: entry), in: entry.service?.record.spec)
        )
    }

    private func missingRequirement(of service: ServiceEntry?) -> QualifiedName? {
        guard let service, service.jobs.allSatisfy({ $0.lifecycle.record.executions == 0 }) else { return nil }
        return service.record.spec.requires.first { !(services[$0]?.record.state.isUp ?? false) }
    }

    /// Puts down the row and the deeds of a job that moved.
    func recordChanges(_ entry: JobEntry, _ effects: [JobEffect], before: JobRecord?) {
        let effects = effects + scanBlockersIfNeeded(entry)
        let record = entry.lifecycle.record
        if record.phase == .retrying, before?.phase != .retrying { hero_failpoint(FP_RS_1) }
        if record != before { rows.append(.job(record)) }
        if record.process != before?.process {
            pendingEffects.append(.updatePIDFile(entry, record.process, insteadOf: before?.process))
        }
        for effect in effects {
            if case .recordEvent(let level, let text) = effect {
                recordEvent(level, entry.subject, text)
            } else {
                pendingEffects.append(.job(entry, effect))
            }
        }
        if let deadline = entry.lifecycle.deadline { jobDeadlines.add(deadline, record.id) }
    }

    /// The program of a start has lost its shim: it is ended, and what it still has to say is kept meanwhile.
    func handleShimLoss(_ start: StartID, _ report: StartReport) {
        guard let entry = jobs[start.job] else { return }
        if entry.lifecycle.record.generation == start.generation { captureOutput(of: entry) }
        deliver(
            entry,
            .shimLost(generation: start.generation, process: report.process, at: report.at, time: report.time)
        )
    }

    /// At once, and again by each reconciler: nothing of it is decided or recorded.
    func captureOutput(of entry: JobEntry) {
        kernel.captureOutput(
            requestBuilder.outputCaptureRequest(
                entry.lifecycle.record,
                action(of: entry),
                in: entry.service?.record.spec
            )
        )
    }

    /// Every job gets a period of grace.
    func handleMachineResume() {
        for id in jobs.keys.sorted() {
            if let entry = jobs[id] { deliver(entry, .machineSlept) }
        }
    }

    /// What waits for its next try is tried now: an apply asks for it.
    func retryNow(_ service: ServiceEntry) {
        guard service.record.isStartRequested else { return }
        for entry in service.jobs { deliverDirectly(entry, .retryRequested) }
        advance(service)
    }

    /// The same of an action outside of services.
    func retryNow(_ entry: StandaloneEntry) {
        guard !entry.isRemoved, let job = entry.job else { return }
        deliverDirectly(job, .retryRequested)
        advance(entry)
    }

    /// A start is over: its exact end goes into the ledger, whatever the job does next.
    func handleEnd(_ start: StartID, _ report: EndReport) {
        guard let entry = jobs[start.job] else {
            // Nobody's any more: its traces go.
            kernel.removeRuntimeFiles(start.job)
            return
        }
        rows.append(
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
            recordEvent(
                .warning,
                entry.subject,
                "\(report.droppedBytes) bytes of its output could not be written to its log"
            )
        }
        deliver(
            entry,
            .ended(
                generation: start.generation,
                report.outcome,
                executed: report.executed != nil,
                time: report.time
            )
        )
    }
}
