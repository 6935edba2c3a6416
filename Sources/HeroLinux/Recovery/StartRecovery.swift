import CHeroFailpoints
import CHeroLinux
import CHeroRecord
import HeroKernel
import HeroModel

/// Finding out what became of starts that nobody watched.
struct StartRecovery {
    let paths: RuntimePaths
    let shimTracker: ShimTracker
    let orphanTracker: OrphanTracker

    /// Looks at the record of a job, and follows what still runs.
    func recover(_ job: JobID) -> RecoveredStart {
        let path = paths.record(of: job)
        var reading = readStableRecord(path, job)
        if UnrecordedShims.kill(path, job: job) { reading = readStableRecord(path, job) }
        // Between reading and looking a shim may write down how its program ended, and leave: what a record says is final
        // only when it was read after that shim had been looked for in vain.
        var (hasLooked, shim): (Bool, ProcessIdentity?) = (false, nil)
        while true {
            switch reading {
            case .absent, .empty: return .notFound
            case .damaged:
                let report = EndReport(outcome: .lost("the record is damaged"), time: nil, executed: nil)
                return .ended(generation: 0, report)
            case .found(let record):
                let start = StartID(job: job, generation: record.generation)
                if !hasLooked { hero_failpoint(FP_AD_1) }
                if let held = trackHeldStart(start, record) { return held }
                if hasLooked, record.shim == shim { return concludeStart(start, record) }
                (hasLooked, shim) = (true, record.shim)
            }
            reading = RecordFile.read(path, job: job)
        }
    }

    /// A record that a shim is just beginning is given a moment to say who it is.
    private func readStableRecord(_ path: String, _ job: JobID) -> RecordFile.ReadResult {
        var reading = RecordFile.read(path, job: job)
        for _ in 0..<20 {
            switch reading {
            case .absent, .found: return reading
            case .empty, .damaged:
                guard isRecordLocked(path) else { return reading }
                hl_sleep(5_000_000)
                reading = RecordFile.read(path, job: job)
            }
        }
        return reading
    }

    /// Follows the shim that holds a start; nil when none does.
    private func trackHeldStart(_ start: StartID, _ record: RecordFile) -> RecoveredStart? {
        let generation = start.generation
        guard !record.isRetired else { return .notFound }
        if record.isFromThisMachine, record.phase != nil, record.endReport(nil) == nil,
            shimTracker.shimPidfd(of: start) == nil,
            !orphanTracker.contains(start), FileDescriptorBudget.available <= FileDescriptorBudget.adoptionReserve
        {
            // Who it is cannot be proven now, and nobody may act on a guess: it is looked at again when there is room.
            shimTracker.deferRecovery(start)
            return .supervised(generation: generation, record.startReport)
        }
        if record.isFromThisMachine, let shim = record.shim, let found = ProcessTable.open(shim), !found.stat.isDead {
            let report = record.startReport
            hero_failpoint(FP_AD_2)
            if shimTracker.shimPidfd(of: start) == nil, !shimTracker.track(start, shim.pid, found.pidfd, report: report)
            {
                shimTracker.deferRecovery(start)
                return .supervised(generation: generation, report)
            }
            if report == nil {
                shimTracker.awaitExecution(start)
            } else {
                shimTracker.watchMainProcess(start, record)
                shimTracker.watchNotifyState(start, record)
            }
            return .supervised(generation: generation, report)
        }
        return nil
    }

    /// What is left of a start whose shim is gone.
    private func concludeStart(_ start: StartID, _ record: RecordFile) -> RecoveredStart {
        let generation = start.generation
        if orphanTracker.contains(start) { return .supervised(generation: generation, record.orphanReport) }
        if let report = record.endReport(nil) {
            guard record.isFromThisMachine, hasLiveProcesses(start, record) else {
                return .ended(generation: generation, report)
            }
            // The shim was killed before it could end the rest of the tree.
            orphanTracker.endRemainingProcesses(start, report)
            return .supervised(generation: generation, record.orphanReport)
        }
        guard record.phase != nil else { return lostStart(generation, "the record is damaged", record) }
        guard record.isFromThisBoot else { return lostStart(generation, "the machine was restarted", record) }
        guard record.isFromThisMachine else {
            return lostStart(generation, "it ran in another pid namespace, which is gone or out of sight", record)
        }
        let mainLives =
            hero_is_disabled(HERO_IDENTITY) == 0 && record.main.map { ProcessTable.open($0) != nil } ?? false
        guard mainLives || hasLiveProcesses(start, record) else {
            return lostStart(
                generation,
                record.orphanReport == nil
                    ? "the shim was killed before it could start the program"
                    : "the shim and the program were killed",
                record
            )
        }
        hero_failpoint(FP_AD_3)
        if let report = orphanTracker.trackOrphan(start, record, announces: false) {
            return .orphaned(generation: generation, report)
        }
        // Dying, or not yet released: only its end, or `orphaned`, is still to come.
        return .supervised(generation: generation, record.orphanReport)
    }

    /// Whether somebody of a start lives, as the kernel tells: by its lock, or by its cgroup.
    private func hasLiveProcesses(_ start: StartID, _ record: RecordFile) -> Bool {
        isRecordLocked(paths.record(of: start.job)) || record.cgroup.map(StartCgroups.isPopulated) ?? false
    }

    private func lostStart(_ generation: UInt32, _ reason: String, _ record: RecordFile) -> RecoveredStart {
        .ended(
            generation: generation,
            EndReport(outcome: .lost(reason), time: nil, executed: record.orphanReport)
        )
    }
}
