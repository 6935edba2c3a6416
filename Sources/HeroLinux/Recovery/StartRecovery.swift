import CHeroFailpoints
import CHeroLinux
import CHeroRecord
import HeroKernel
import HeroModel

/// Finds out what happened to starts while no reconciler watched them.
struct StartRecovery {
    let paths: RuntimePaths
    let shimTracker: ShimTracker
    let orphanTracker: OrphanTracker
    /// Until when this recovery may wait for killed processes, on the boot clock.
    private let waitLimit = hl_boot_clock() &+ 2_000_000_000

    init(paths: RuntimePaths, shimTracker: ShimTracker, orphanTracker: OrphanTracker) {
        self.paths = paths
        self.shimTracker = shimTracker
        self.orphanTracker = orphanTracker
    }

    /// Reads the record of a job and tracks what is still running.
    ///
    /// `known` is the program that is tracked if there is no record.
    func recover(_ job: JobID, _ known: KnownProgram? = nil) -> RecoveredStart {
        let path = paths.record(of: job)
        var reading = readStableRecord(path, job)
        // The shim of a record that cannot be read has started a program, so it is never killed alone.
        if case .damaged = reading, isRecordLocked(path) { return endUnreadableStart(job) }
        if UnrecordedShims.kill(path, job: job) { reading = readStableRecord(path, job) }
        // A shim may record the end of its program and exit between the two checks. The record is final only if it was
        // read after its shim was found to be gone.
        var (isShimChecked, shim): (Bool, ProcessIdentity?) = (false, nil)
        while true {
            switch reading {
            case .absent, .empty: return known.flatMap { trackUnrecorded(job, $0) } ?? .notFound
            case .damaged:
                let report = EndReport(outcome: .lost("the record is damaged"), time: nil, executed: nil)
                return .ended(generation: 0, report)
            case .found(let record):
                let start = StartID(job: job, generation: record.generation)
                if !isShimChecked { hero_failpoint(FP_AD_1) }
                if let supervised = trackHeldStart(start, record) { return supervised }
                if isShimChecked, record.shim == shim {
                    if record.phase == nil, isRecordLocked(path) { return endUnreadableStart(job) }
                    let result = concludeStart(start, record)
                    // A shim of an earlier reconciler may have begun a later start while this one ended.
                    reading = RecordReader.read(path, job: job)
                    guard case .found(let newer) = reading, newer.generation > start.generation else { return result }
                    (isShimChecked, shim) = (false, nil)
                    continue
                }
                (isShimChecked, shim) = (true, record.shim)
            }
            reading = RecordReader.read(path, job: job)
        }
    }

    /// Gives a shim that has just started a moment to write its record.
    private func readStableRecord(_ path: String, _ job: JobID) -> RecordReader.ReadResult {
        var reading = RecordReader.read(path, job: job)
        for _ in 0..<20 {
            switch reading {
            case .absent, .found: return reading
            case .empty, .damaged:
                guard isRecordLocked(path) else { return reading }
                hl_sleep(5_000_000)
                reading = RecordReader.read(path, job: job)
            }
        }
        return reading
    }

    /// Tracks the shim of a start; returns nil if there is none.
    private func trackHeldStart(_ start: StartID, _ record: RecordReader) -> RecoveredStart? {
        let generation = start.generation
        guard !record.isRetired else { return .notFound }
        if record.isFromThisMachine, record.phase != nil, record.endReport(nil) == nil,
            shimTracker.shimPidfd(of: start) == nil,
            !orphanTracker.contains(start), !FileDescriptors.allow(.recovery)
        {
            // The shim cannot be verified now and nothing may be decided without that: try again when file descriptors
            // are available.
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
                shimTracker.watchRecoveredMainProcess(start, record)
                shimTracker.watchMainProcess(start, record)
                shimTracker.watchNotifyState(start, record)
            }
            if let report, let mainEnd = RecordReader.mainEndReport(of: start, paths) {
                shimTracker.skipMainEndReport(start)
                return .mainEnded(generation: generation, report, mainEnd)
            }
            return .supervised(generation: generation, report)
        }
        return nil
    }

    /// Tracks a program whose record was removed with the run directory; returns nil if it has ended.
    ///
    /// Its shim is its parent, as long as that has not been killed.
    private func trackUnrecorded(_ job: JobID, _ known: KnownProgram) -> RecoveredStart? {
        let start = StartID(job: job, generation: known.generation)
        guard FileDescriptors.allow(.recovery) else {
            shimTracker.deferRecovery(start, known)
            return .supervised(generation: known.generation, nil)
        }
        guard let main = ProcessTable.open(known.process), !main.stat.isDead else { return nil }
        let report = StartReport(process: known.process, at: main.stat.startedAt, time: known.startedAt)
        guard let shim = ProcessTable.identify(main.stat.parent), ProcessInspector.isShim(shim.identity.pid),
            ProcessTable.isAlive(known.process)
        else {
            // Of a program that ends at this moment the end follows as an event.
            return orphanTracker.trackOrphan(start, report, main)
                ? .orphaned(generation: known.generation, report)
                : .supervised(generation: known.generation, report)
        }
        if shimTracker.shimPidfd(of: start) == nil,
            !shimTracker.track(start, shim.identity.pid, shim.pidfd, report: report)
        {
            shimTracker.deferRecovery(start, known)
        }
        return .supervised(generation: known.generation, report)
    }

    /// Handles a start whose shim is gone.
    private func concludeStart(_ start: StartID, _ record: RecordReader) -> RecoveredStart {
        let generation = start.generation
        if orphanTracker.contains(start) { return endingStart(start, record) }
        if let report = record.endReport(nil) {
            guard record.isFromThisMachine, hasLiveProcesses(start, record) else {
                return .ended(generation: generation, report)
            }
            // The shim was killed before it had killed the rest of its process tree. The main process has ended, so
            // the start is not reported as running unless a process cannot be killed in time.
            guard !orphanTracker.endRemainingProcesses(start, report, waitingUntil: waitLimit) else {
                return .ended(generation: generation, report)
            }
            return endingStart(start, record)
        }
        guard record.phase != nil else { return lostStart(generation, "the record is damaged", record) }
        guard record.isFromThisBoot else { return lostStart(generation, "the machine was restarted", record) }
        guard record.isFromThisMachine else {
            return lostStart(generation, "it ran in another PID namespace that is gone or not visible", record)
        }
        let isMainRunning =
            hero_is_disabled(HERO_IDENTITY) == 0 && record.main.map { ProcessTable.open($0) != nil } ?? false
        guard isMainRunning || hasLiveProcesses(start, record) else {
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
        // The main process has ended or was not released yet; an event will follow.
        return endingStart(start, record)
    }

    /// Returns a tracked start; a main process that has ended is not reported as running.
    private func endingStart(_ start: StartID, _ record: RecordReader) -> RecoveredStart {
        let report = record.orphanReport
        guard let report, let end = orphanTracker.mainEndReport(of: start) else {
            return .supervised(generation: start.generation, report)
        }
        return .mainEnded(generation: start.generation, report, end)
    }

    /// Ends a start whose record cannot be read while its lock shows that it runs.
    private func endUnreadableStart(_ job: JobID) -> RecoveredStart {
        // Without descriptors nothing can be read, and nothing is decided.
        guard FileDescriptors.openError == nil else {
            shimTracker.deferRecovery(StartID(job: job, generation: 0))
            return .supervised(generation: 0, nil)
        }
        let report = EndReport(
            outcome: .lost("its record cannot be read, so its processes were killed"),
            time: currentWallTime(),
            executed: nil
        )
        return orphanTracker.endUnreadableStart(job, report, waitingUntil: waitLimit)
            ? .ended(generation: 0, report) : .supervised(generation: 0, nil)
    }

    /// Whether the kernel reports a running process of a start: through its lock, or through its cgroup.
    private func hasLiveProcesses(_ start: StartID, _ record: RecordReader) -> Bool {
        isRecordLocked(paths.record(of: start.job)) || record.cgroup.map(StartCgroups.isPopulated) ?? false
    }

    private func lostStart(_ generation: UInt32, _ reason: String, _ record: RecordReader) -> RecoveredStart {
        .ended(
            generation: generation,
            EndReport(outcome: .lost(reason), time: nil, executed: record.orphanReport)
        )
    }
}
