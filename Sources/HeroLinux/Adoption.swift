import CHeroFailpoints
import CHeroLinux
import CHeroRecord
import HeroKernel
import HeroModel

/// Finding out what became of starts that nobody watched.
struct Adoption {
    let paths: RuntimePaths
    let starts: Starts
    let orphans: Orphans

    /// Looks at the record of a job, and follows what still runs.
    func sight(_ job: JobID) -> RecoveredStart {
        let path = paths.record(of: job)
        var reading = settled(path, job)
        if Beginners.end(path, job: job) { reading = settled(path, job) }
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
                if let held = held(start, record) { return held }
                if hasLooked, record.shim == shim { return over(start, record) }
                (hasLooked, shim) = (true, record.shim)
            }
            reading = RecordFile.read(path, job: job)
        }
    }

    /// A record that a shim is just beginning is given a moment to say who it is.
    private func settled(_ path: String, _ job: JobID) -> RecordFile.Reading {
        var reading = RecordFile.read(path, job: job)
        for _ in 0..<20 {
            switch reading {
            case .absent, .found: return reading
            case .empty, .damaged:
                guard isLocked(path) else { return reading }
                hl_pause(5_000_000)
                reading = RecordFile.read(path, job: job)
            }
        }
        return reading
    }

    /// Follows the shim that holds a start; nil when none does.
    private func held(_ start: StartID, _ record: RecordFile) -> RecoveredStart? {
        let generation = start.generation
        guard !record.isRetired else { return .notFound }
        if record.isOfThisMachine, record.phase != nil, record.end(nil) == nil, starts.pidfd(of: start) == nil,
            !orphans.holds(start), Room.descriptors <= Room.leftByAdoption
        {
            // Who it is cannot be proven now, and nobody may act on a guess: it is looked at again when there is room.
            starts.adoptLater(start)
            return .supervised(generation: generation, record.startReport)
        }
        if record.isOfThisMachine, let shim = record.shim, let found = Census.open(shim), !found.stat.isDead {
            let report = record.startReport
            hero_failpoint(FP_AD_2)
            if starts.pidfd(of: start) == nil, !starts.follow(start, shim.pid, found.pidfd, report: report) {
                starts.adoptLater(start)
                return .supervised(generation: generation, report)
            }
            if report == nil {
                starts.awaitExecution(start)
            } else {
                starts.watchProgram(start, record)
                starts.followWords(start, record)
            }
            return .supervised(generation: generation, report)
        }
        return nil
    }

    /// What is left of a start whose shim is gone.
    private func over(_ start: StartID, _ record: RecordFile) -> RecoveredStart {
        let generation = start.generation
        if orphans.holds(start) { return .supervised(generation: generation, record.orphanReport) }
        if let report = record.end(nil) {
            guard record.isOfThisMachine, isInhabited(start, record) else {
                return .ended(generation: generation, report)
            }
            // The shim was killed before it could end the rest of the tree.
            orphans.takeRest(start, report)
            return .supervised(generation: generation, record.orphanReport)
        }
        guard record.phase != nil else { return lost(generation, "the record is damaged", record) }
        guard record.isOfThisBoot else { return lost(generation, "the machine was restarted", record) }
        guard record.isOfThisMachine else {
            return lost(generation, "it ran in another pid namespace, which is gone or out of sight", record)
        }
        let mainLives = hero_is_disabled(HERO_IDENTITY) == 0 && record.main.map { Census.open($0) != nil } ?? false
        guard mainLives || isInhabited(start, record) else {
            return lost(
                generation,
                record.orphanReport == nil
                    ? "the shim was killed before it could start the program"
                    : "the shim and the program were killed",
                record
            )
        }
        hero_failpoint(FP_AD_3)
        if let report = orphans.take(start, record, announces: false) {
            return .orphaned(generation: generation, report)
        }
        // Dying, or not yet released: only its end, or `orphaned`, is still to come.
        return .supervised(generation: generation, record.orphanReport)
    }

    /// Whether somebody of a start lives, as the kernel tells: by its lock, or by its cgroup.
    private func isInhabited(_ start: StartID, _ record: RecordFile) -> Bool {
        isLocked(paths.record(of: start.job)) || record.cgroup.map(Containment.isPopulated) ?? false
    }

    private func lost(_ generation: UInt32, _ reason: String, _ record: RecordFile) -> RecoveredStart {
        .ended(
            generation: generation,
            EndReport(outcome: .lost(reason), time: nil, executed: record.orphanReport)
        )
    }
}
