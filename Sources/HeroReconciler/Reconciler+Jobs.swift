import HeroKernel
import HeroLife
import HeroModel
import HeroStore

extension Reconciler {
    /// The one place where jobs are made: provenance is set here and never guessed later (contract section 6).
    func makeJob(_ action: ActionSpec, for service: ServiceEntry, run: RunID) -> JobEntry {
        let record = JobRecord(
            id: nextJob,
            context: service.name.context,
            service: service.name.name,
            action: action.name,
            run: run,
            revision: service.record.revision,
            tags: Array(Set(service.record.spec.tags + action.tags)).sorted(),
            createdAt: kernel.wallTime()
        )
        nextJob += 1
        let entry = JobEntry(JobLife(record), action: action.name, of: service)
        jobs[record.id] = entry
        rows.append(.job(record))
        return entry
    }

    /// The action of a job as it counts now.
    ///
    /// Of a service with status `ignore` nothing is started again: hands off means that too.
    func action(of entry: JobEntry) -> ActionSpec {
        let spec = entry.service.record.spec
        guard var action = spec.actions.first(where: { $0.name == entry.action }) else {
            // A record whose spec has lost the action can only be damaged: it is kept from doing anything.
            return ActionSpec(entry.action, .exec(["false"]))
        }
        if spec.status == .ignore { action.restart = .never }
        return action
    }

    /// What a transition of a job may know.
    func context(of entry: JobEntry) -> JobLife.Context {
        JobLife.Context(
            action: action(of: entry),
            now: kernel.now(),
            time: kernel.wallTime(),
            bootID: kernel.bootID,
            random: kernel.randomUnit()
        )
    }

    /// Moves the job of a start, if it is one of ours.
    func move(_ start: StartID, _ event: JobEvent) {
        guard let entry = jobs[start.job] else { return }
        move(entry, event)
    }

    /// Moves a job and puts down what follows: its row, its deeds, and what its service does next.
    func move(_ entry: JobEntry, _ event: JobEvent) {
        let before = entry.life
        let effects = entry.life.handle(event, context(of: entry))
        guard entry.life != before || !effects.isEmpty else { return }
        settle(entry, effects, before: before.record)
        advance(entry.service)
    }

    /// Puts down the row and the deeds of a job that moved.
    func settle(_ entry: JobEntry, _ effects: [JobEffect], before: JobRecord?) {
        let record = entry.life.record
        if record != before { rows.append(.job(record)) }
        for effect in effects {
            if case .note(let level, let text) = effect {
                note(level, "\(entry.service.name).\(entry.action)", text)
            } else {
                deeds.append(.job(entry, effect))
            }
        }
        if let deadline = entry.life.deadline { agenda.add(deadline, record.id) }
    }

    /// A start is over: its exact end goes into the ledger, whatever the job does next.
    func ended(_ start: StartID, _ report: EndReport) {
        guard let entry = jobs[start.job] else {
            // Nobody's any more: its traces go.
            kernel.forget(start.job)
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
            note(
                .warning,
                "\(entry.service.name).\(entry.action)",
                "\(report.droppedBytes) bytes of its output could not be written to its log"
            )
        }
        move(
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
