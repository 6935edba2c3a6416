import CHeroFailpoints
import HeroKernel
import HeroLife
import HeroModel
import HeroStore

/// Something to be done to the world once the rows that say so are stored.
enum Deed {
    /// What a job's life asks for.
    case job(JobEntry, JobEffect)
    /// The PID file that heroproc writes for a job names this process from now on; nil: it names the other one no more.
    case namePID(JobEntry, ProcessIdentity?, insteadOf: ProcessIdentity?)
    /// What the database knows of a job has changed: what stands beside its record follows.
    case keepOrigin(JobEntry)
    /// Logs of an action's earlier jobs go: of `context/service/action`, all but those of the newest jobs.
    case pruneLogs(String, keepingJobs: Int)
    /// Traces of jobs go that are no longer recorded.
    case removeTraces([RemovableJob], CleanupWork)
    /// A cleanup is over: whoever asked for it is told what came of it.
    case answer(CleanupWork)
    /// An answer on the control socket.
    case reply(RequestID, ControlReply, isLast: Bool)
}

extension Reconciler {
    /// Does one deed.
    func perform(_ deed: Deed) {
        switch deed {
        case .reply(let request, let reply, let isLast):
            kernel.reply(request, ControlCoding.line(reply), isLast: isLast)
        case .keepOrigin(let entry):
            keepOrigin(of: entry)
        case .pruneLogs(let folder, let count):
            kernel.pruneLogs(in: folder, keepingJobs: count)
        case .removeTraces(let jobs, let work):
            for (action, jobs) in Dictionary(grouping: jobs, by: \.action) {
                work.result.errors += kernel.removeJobFiles(of: jobs.map(\.id), logsIn: action.logDirectory)
            }
        case .answer(let work):
            guard let request = work.request else { break }
            kernel.reply(request, ControlCoding.line(.cleaned(work.result)), isLast: true)
        case .namePID(let entry, let process, let former):
            namePID(entry, process, insteadOf: former)
        case .job(let entry, let effect):
            perform(effect, for: entry)
        }
    }

    private func perform(_ effect: JobEffect, for entry: JobEntry) {
        let job = entry.life.record.id
        switch effect {
        case .launch(let generation):
            // The job may have been ordered down in the same turn: then this start never happens.
            guard generation == entry.life.record.generation, case .launching = entry.life.phase else {
                calledOff.append(StartID(job: job, generation: generation))
                return
            }
            let action = action(of: entry)
            // In trouble it was written before it was decided that this may be done.
            if trouble == nil { keepOrigin(of: entry) }
            kernel.launch(launcher.order(entry.life.record, action, in: entry.service?.record.spec))
        case .removeSocket(let file):
            kernel.removeSocket(file)
        case .signal(let process, let signal):
            hero_failpoint(FP_SP_1)
            kernel.signal(process, signal)
            if case .preparing = entry.life.phase { hero_failpoint(FP_RC_2) } else { hero_failpoint(FP_SP_2) }
        case .killTree(let generation):
            hero_failpoint(FP_SP_3)
            kernel.killTree(StartID(job: job, generation: generation))
            if entry.life.isStuck { unkillable.append(StartID(job: job, generation: generation)) }
        case .startProbe(let generation, let serial, let question):
            hero_failpoint(FP_ST_13)
            ask(entry, StartID(job: job, generation: generation), serial, question)
        case .stopProbe:
            kernel.stopProbe(job)
        case .removeRuntimeFiles:
            hero_failpoint(FP_EX_6)
            kernel.removeRuntimeFiles(job)
            passOnOrigin(of: entry)
        case .recordEvent:
            // Became a row when the job moved.
            break
        }
    }

    private func namePID(_ entry: JobEntry, _ process: ProcessIdentity?, insteadOf former: ProcessIdentity?) {
        guard let name = LaunchPlanner.ownPIDFile(of: entry.life.record, action(of: entry)) else { return }
        guard let process else {
            if let former { kernel.removePIDFile(name, former) }
            return
        }
        guard let trouble = kernel.writePIDFile(name, process) else { return }
        log(event(.warning, entry.subject, trouble))
    }

    private func ask(_ entry: JobEntry, _ start: StartID, _ serial: UInt64, _ question: ProbeKind) {
        let action = action(of: entry)
        let probe: Probe? =
            switch question {
            case .readiness: action.ready
            case .health: action.health
            case .listening: nil
            }
        kernel.startProbe(launcher.probeOrder(start, serial, probe, entry.life.record, action, in: entry.service?.record.spec))
    }
}
