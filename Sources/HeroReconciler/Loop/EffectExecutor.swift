import CHeroFailpoints
import HeroKernel
import HeroLifecycle
import HeroModel
import HeroStore

/// Performs the effects of a turn, one at a time.
final class EffectExecutor {
    typealias Host = ProcessControl & ProbeControl & HostInspection & JobDirectory & ControlChannel

    private let kernel: any Host
    private let journal: TurnJournal
    private let jobs: JobController
    private let storeHealth: StoreHealth
    private let recoveryRecords: RecoveryRecords
    /// Starts of the last turn that were not made; their jobs receive an event in the next turn.
    private var cancelledStarts: [StartID] = []
    /// Reload signals of the last turn, and whether each was sent; their jobs receive that in the next turn.
    private var reloadSignals: [(start: StartID, wasSent: Bool)] = []
    /// Starts that were killed again in the last turn; their jobs receive the list of survivors in the next turn.
    private var survivingStarts: [StartID] = []

    init(
        kernel: any Host,
        journal: TurnJournal,
        jobs: JobController,
        storeHealth: StoreHealth,
        recoveryRecords: RecoveryRecords
    ) {
        self.kernel = kernel
        self.journal = journal
        self.jobs = jobs
        self.storeHealth = storeHealth
        self.recoveryRecords = recoveryRecords
    }

    /// Whether a cancelled start or a sent signal must be delivered, so that the loop must not sleep.
    var hasResults: Bool { !cancelledStarts.isEmpty || !reloadSignals.isEmpty }

    /// Delivers to the jobs what the effects of the last turn have shown.
    func deliverResults() {
        let cancelled = cancelledStarts
        cancelledStarts = []
        for start in cancelled { jobs.deliver(start, .launchCancelled(generation: start.generation)) }
        let signalled = reloadSignals
        reloadSignals = []
        for (start, wasSent) in signalled {
            jobs.deliver(start, .reloadSignalSent(generation: start.generation, wasSent))
        }
        let surviving = survivingStarts
        survivingStarts = []
        for start in surviving {
            jobs.deliver(start, .survivedKill(generation: start.generation, kernel.survivors(of: start)))
        }
    }

    /// Performs the next effect of this turn.
    ///
    /// - Returns: false when none is left.
    func performNext() -> Bool {
        let effect =
            storeHealth.outage == nil ? journal.effects.takeFirst() : journal.effects.takeFirst(where: canPerform)
        guard let effect else { return false }
        perform(effect)
        return true
    }

    /// Whether an effect may be performed during a store outage, before the rows of its turn are stored.
    ///
    /// Effects that maintain the recorded state, or end something, are allowed: they can be repeated. A start is
    /// allowed when the job is recorded and its new generation is written to its recovery record.
    private func canPerform(_ effect: PendingEffect) -> Bool {
        switch effect {
        case .updatePIDFile, .updateLogLink, .reply, .writeRecoveryRecord: return true
        case .pruneLogs, .removeJobFiles, .finishCleanup: return false
        case .job(let entry, let effect):
            switch effect {
            case .removeSocket, .removePIDFile, .signal, .signalTree, .killTree, .startProbe, .stopProbe, .recordEvent,
                .signalReload:
                return true
            case .removeRuntimeFiles: return false
            case .launch(let generation):
                guard entry.isLaunching(generation) else { return true }
                return !storeHealth.isUnstored(entry.id) && recoveryRecords.write(of: entry)
            }
        }
    }

    private func perform(_ effect: PendingEffect) {
        switch effect {
        case .reply(let request, let reply, let isLast):
            kernel.reply(request, ControlCoding.line(reply), isLast: isLast)
        case .writeRecoveryRecord(let entry):
            recoveryRecords.write(of: entry)
        case .updateLogLink(let entry): kernel.updateLogLink(jobs.launchRequest(of: entry))
        case .pruneLogs(let folder, let count):
            kernel.pruneLogs(in: folder, keepingJobs: count)
        case .removeJobFiles(let jobs, let task):
            for (action, jobs) in Dictionary(grouping: jobs, by: \.action) {
                task.result.errors += kernel.removeJobFiles(of: jobs.map(\.id), logsIn: action.logDirectory)
            }
        case .finishCleanup(let task):
            guard let request = task.request else { break }
            kernel.reply(request, ControlCoding.line(.cleaned(task.result)), isLast: true)
        case .updatePIDFile(let entry, let process, let former):
            updatePIDFile(entry, process, replacing: former)
        case .job(let entry, let effect):
            perform(effect, for: entry)
        }
    }

    private func sendSignal(of entry: JobEntry, _ send: () -> Void) {
        hero_failpoint(FP_SP_1)
        send()
        if case .preparing = entry.lifecycle.phase { hero_failpoint(FP_RC_2) } else { hero_failpoint(FP_SP_2) }
    }

    private func perform(_ effect: JobEffect, for entry: JobEntry) {
        let job = entry.id
        switch effect {
        case .launch(let generation):
            // A stop may have been requested in the same turn: then this start never happens.
            guard entry.isLaunching(generation) else {
                cancelledStarts.append(StartID(job: job, generation: generation))
                return
            }
            // During an outage `canPerform` has written the recovery record.
            if storeHealth.outage == nil { recoveryRecords.write(of: entry) }
            kernel.launch(jobs.launchRequest(of: entry))
        case .removeSocket(let file):
            kernel.removeSocket(file)
        case .removePIDFile(let file):
            kernel.removeLeftPIDFile(file)
        case .signal(let process, let signal):
            sendSignal(of: entry) { kernel.signal(process, signal) }
        case .signalReload(let generation, let process, let signal):
            let wasSent = kernel.signal(process, signal)
            reloadSignals.append((StartID(job: job, generation: generation), wasSent))
        case .signalTree(let generation, let main, let signal):
            sendSignal(of: entry) {
                kernel.signalTree(StartID(job: job, generation: generation), main: main, signal)
            }
        case .killTree(let generation):
            hero_failpoint(FP_SP_3)
            kernel.killTree(StartID(job: job, generation: generation))
            if entry.lifecycle.isStuck { survivingStarts.append(StartID(job: job, generation: generation)) }
        case .startProbe(let generation, let serial, let kind):
            hero_failpoint(FP_ST_13)
            let start = StartID(job: job, generation: generation)
            kernel.startProbe(jobs.probeRequest(of: entry, start, serial: serial, kind))
        case .stopProbe:
            kernel.stopProbe(job)
        case .removeRuntimeFiles:
            hero_failpoint(FP_EX_6)
            kernel.removeRuntimeFiles(job)
            recoveryRecords.updateSibling(of: entry)
        case .recordEvent:
            // `JobController` has recorded it as a row.
            break
        }
    }

    private func updatePIDFile(_ entry: JobEntry, _ process: ProcessIdentity?, replacing former: ProcessIdentity?) {
        guard let name = jobs.ownPIDFile(of: entry) else { return }
        guard let process else {
            if let former { kernel.removePIDFile(name, former) }
            return
        }
        guard let problem = kernel.writePIDFile(name, process) else { return }
        journal.logEvent(.warning, entry.subject, problem)
    }
}
