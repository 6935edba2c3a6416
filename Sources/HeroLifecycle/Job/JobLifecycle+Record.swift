import HeroModel

extension JobLifecycle {
    /// Counts a program that was really executed: `restartCount` follows from it (reliability.md RS-2).
    mutating func countExecution(_ process: ProcessIdentity, _ time: WallTime) {
        record.process = process
        record.executions &+= 1
        record.restartCount = max(record.restartCount, record.executions - 1)
        record.startedAt = time
    }

    /// Counts an execution that was over before its start was seen.
    mutating func finishExecution(_ executed: Bool, _ time: WallTime?) {
        if executed, record.process == nil {
            record.executions &+= 1
            record.restartCount = max(record.restartCount, record.executions - 1)
            record.startedAt = record.startedAt ?? time
        }
        record.process = nil
    }

    /// Puts the phase into the record.
    mutating func updateRecord(_ context: Context) {
        record.isReady = false
        record.isHealthy = nil
        record.isStopping = false
        record.deadline = nil
        record.nextRetryAt = nil
        func kept(_ moment: Moment) -> JobRecord.Deadline { .init(moment: moment, bootID: context.bootID) }
        switch phase {
        case .pending: record.phase = .pending
        case .preparing(let clearing):
            // Active only once its program was executed: before that nothing of it needs an end.
            record.phase = record.executions > 0 ? .retrying : .waiting
            record.deadline = clearing.nextCheckAt.map(kept)
            guard clearing.reason != nil, let lookAt = clearing.nextCheckAt else { break }
            record.nextRetryAt = context.wallTime(of: lookAt)
        case .launching(let until, refusedStarts: _):
            record.phase = .running
            record.deadline = kept(until)
        case .starting(let starting):
            record.phase = .running
            record.deadline = kept(starting.until)
        case .ready(let up):
            record.phase = .running
            record.isReady = up.announcement != .stopping
            record.isHealthy = up.probes.isHealthy
        case .runningOnce(_, until: let until):
            record.phase = .running
            record.deadline = until.map(kept)
        case .stopping(let stopping):
            record.phase = .running
            record.isStopping = stopping.nextStep == .finish
            if case .retry(let reason) = stopping.nextStep { record.error = reason }
            if let survivors = stopping.survivors {
                record.error = "it waits for \(survivors), which lives although it was killed"
            }
            record.deadline = kept(stopping.killAt)
        case .backingOff(let until):
            record.phase = .retrying
            record.deadline = kept(until)
            record.nextRetryAt = context.wallTime(of: until)
        case .finished(let ending):
            switch ending {
            case .succeeded: record.phase = .succeeded
            case .failed: record.phase = .failed
            case .cancelled: record.phase = .cancelled
            }
        }
    }
}

extension JobLifecycle.Context {
    /// A later moment on the calendar, for people.
    func wallTime(of moment: Moment) -> WallTime {
        WallTime(microseconds: time.microseconds &+ max(0, (moment - now).wholeNanoseconds / 1000))
    }
}
