import CHeroFailpoints
import HeroKernel
import HeroLifecycle
import HeroModel
import HeroStore

/// Something to be done to the world once the rows that say so are stored.
enum PendingEffect {
    /// What a job's life asks for.
    case job(JobEntry, JobEffect)
    /// The PID file that heroproc writes for a job names this process from now on; nil: it names the other one no more.
    case updatePIDFile(JobEntry, ProcessIdentity?, insteadOf: ProcessIdentity?)
    /// What the database knows of a job has changed: what stands beside its record follows.
    case writeRecoveryRecord(JobEntry)
    /// Logs of an action's earlier jobs go: of `context/service/action`, all but those of the newest jobs.
    case pruneLogs(String, keepingJobs: Int)
    /// Traces of jobs go that are no longer recorded.
    case removeJobFiles([RemovableJob], CleanupTask)
    /// A cleanup is over: whoever asked for it is told what came of it.
    case finishCleanup(CleanupTask)
    /// An answer on the control socket.
    case reply(RequestID, ControlReply, isLast: Bool)
}

extension Reconciler {
    /// Does one deed.
    func perform(_ deed: PendingEffect) {
        switch deed {
        case .reply(let request, let reply, let isLast):
            kernel.reply(request, ControlCoding.line(reply), isLast: isLast)
        case .writeRecoveryRecord(let entry):
            writeRecoveryRecord(of: entry)
        case .pruneLogs(let folder, let count):
            kernel.pruneLogs(in: folder, keepingJobs: count)
        case .removeJobFiles(let jobs, let work):
            for (action, jobs) in Dictionary(grouping: jobs, by: \.action) {
                work.result.errors += kernel.removeJobFiles(of: jobs.map(\.id), logsIn: action.logDirectory)
            }
        case .finishCleanup(let work):
            guard let request = work.request else { break }
            kernel.reply(request, ControlCoding.line(.cleaned(work.result)), isLast: true)
        case .updatePIDFile(let entry, let process, let former):
            updatePIDFile(entry, process, insteadOf: former)
        case .job(let entry, let effect):
            perform(effect, for: entry)
        }
    }

    private func perform(_ effect: JobEffect, for entry: JobEntry) {
        let job = entry.lifecycle.record.id
        switch effect {
        case .launch(let generation):
            // The job may have been ordered down in the same turn: then this start never happens.
            guard generation == entry.lifecycle.record.generation, case .launching = entry.lifecycle.phase else {
                cancelledStarts.append(StartID(job: job, generation: generation))
                return
            }
            let action = action(of: entry)
            // In trouble it was written before it was decided that this may be done.
            if trouble == nil { writeRecoveryRecord(of: entry) }
            kernel.launch(requestBuilder.launchRequest(entry.lifecycle.record, action, in: entry.service?.record.spec))
        case .removeSocket(let file):
            kernel.removeSocket(file)
        case .signal(let process, let signal):
            hero_failpoint(FP_SP_1)
            kernel.signal(process, signal)
            if case .preparing = entry.lifecycle.phase { hero_failpoint(FP_RC_2) } else { hero_failpoint(FP_SP_2) }
        case .killTree(let generation):
            hero_failpoint(FP_SP_3)
            kernel.killTree(StartID(job: job, generation: generation))
            if entry.lifecycle.isStuck { unkillableStarts.append(StartID(job: job, generation: generation)) }
        case .startProbe(let generation, let serial, let question):
            hero_failpoint(FP_ST_13)
            startProbe(entry, StartID(job: job, generation: generation), serial, question)
        case .stopProbe:
            kernel.stopProbe(job)
        case .removeRuntimeFiles:
            hero_failpoint(FP_EX_6)
            kernel.removeRuntimeFiles(job)
            updateSiblingRecoveryRecord(of: entry)
        case .recordEvent:
            // Became a row when the job moved.
            break
        }
    }

    private func updatePIDFile(_ entry: JobEntry, _ process: ProcessIdentity?, insteadOf former: ProcessIdentity?) {
        guard let name = LaunchRequestBuilder.ownPIDFile(of: entry.lifecycle.record, action(of: entry)) else { return }
        guard let process else {
            if let former { kernel.removePIDFile(name, former) }
            return
        }
        guard let trouble = kernel.writePIDFile(name, process) else { return }
        log(makeEvent(.warning, entry.subject, trouble))
    }

    private func startProbe(_ entry: JobEntry, _ start: StartID, _ serial: UInt64, _ question: ProbeKind) {
        let action = action(of: entry)
        let probe: Probe? =
            switch question {
            case .readiness: action.ready
            case .health: action.health
            case .listening: nil
            }
        kernel.startProbe(
            requestBuilder.probeRequest(
                start,
                serial,
                probe,
                entry.lifecycle.record,
                action,
                in: entry.service?.record.spec
            )
        )
    }
}
