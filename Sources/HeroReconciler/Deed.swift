import HeroKernel
import HeroLife
import HeroModel

/// Something to be done to the world once the rows that say so are stored.
enum Deed {
    /// What a job's life asks for.
    case job(JobEntry, JobEffect)
    /// Logs of an action's earlier jobs go: of `context/service/action`, all but those of the newest jobs.
    case pruneLogs(String, keepingJobs: Int)
    /// An answer on the control socket.
    case reply(RequestID, ControlReply, isLast: Bool)
}

extension Reconciler {
    /// Does one deed.
    func perform(_ deed: Deed) {
        switch deed {
        case .reply(let request, let reply, let isLast):
            kernel.reply(request, ControlCoding.line(reply), isLast: isLast)
        case .pruneLogs(let folder, let count):
            kernel.pruneLogs(in: folder, keepingJobs: count)
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
            kernel.launch(launcher.order(entry.life.record, action, in: entry.service?.record.spec))
        case .signal(let process, let signal):
            kernel.signal(process, signal)
        case .killTree(let generation):
            kernel.killTree(StartID(job: job, generation: generation))
        case .ask(let generation, let serial):
            ask(entry, StartID(job: job, generation: generation), serial)
        case .stopAsking:
            kernel.stopAsking(job)
        case .forget:
            kernel.forget(job)
        case .note:
            // Became a row when the job moved.
            break
        }
    }

    private func ask(_ entry: JobEntry, _ start: StartID, _ serial: UInt64) {
        let action = action(of: entry)
        let service = entry.service?.record.spec
        let question: ProbeOrder.Question =
            if let ready = action.ready {
                .probe(ready.question)
            } else {
                .listening(sockets: action.sockets, ports: action.tcpPorts)
            }
        kernel.ask(
            ProbeOrder(
                start: start,
                serial: serial,
                question: question,
                timeout: action.ready?.timeout ?? .seconds(1),
                environment: launcher.environment(entry.life.record, action, in: service),
                workingDirectory: launcher.workingDirectory(action, in: service)
            )
        )
    }
}
