public import HeroModel

extension JobLifecycle {
    /// Records the content of the files with which the current start is made.
    public mutating func recordContents(_ contents: [RecordedContent]?) {
        record.contents = contents
        record.reloadFailure = nil
    }

    /// Counts a program that executes; `restartCount` follows from the number of executions (RS-2).
    mutating func countExecution(_ process: ProcessIdentity, _ time: WallTime) {
        record.process = process
        record.executions &+= 1
        record.restartCount = max(record.restartCount, record.executions - 1)
        record.startedAt = time
    }

    /// Ends an execution, and counts it if its end arrived before its start.
    mutating func finishExecution(_ executed: Bool, _ time: WallTime?) {
        if executed, record.process == nil {
            record.executions &+= 1
            record.restartCount = max(record.restartCount, record.executions - 1)
            record.startedAt = record.startedAt ?? time
        }
        record.process = nil
    }

    /// Updates the record from the phase.
    mutating func updateRecord(_ context: Context) {
        record.isReady = false
        record.isHealthy = nil
        record.isStopping = false
        record.deadline = nil
        record.nextRetryAt = nil
        func deadline(_ moment: Moment) -> JobRecord.Deadline { .init(moment: moment, bootID: context.bootID) }
        switch phase {
        case .pending: record.phase = .pending
        case .preparing(let preparation):
            // A job that never executed a program is waiting and not active: nothing of it needs to be stopped.
            record.phase = record.executions > 0 ? .retrying : .waiting
            record.deadline = preparation.nextCheckAt.map(deadline)
            guard preparation.reason != nil, let nextCheckAt = preparation.nextCheckAt else { break }
            record.nextRetryAt = context.wallTime(of: nextCheckAt)
        case .launching(let until, refusedStarts: _):
            record.phase = .running
            record.deadline = deadline(until)
        case .starting(let starting):
            record.phase = .running
            record.deadline = deadline(starting.until)
        case .ready(let ready):
            record.phase = .running
            record.isReady = ready.announcement != .stopping
            record.isHealthy = ready.probes.isHealthy
        case .runningOnce(_, until: let until):
            record.phase = .running
            record.deadline = until.map(deadline)
        case .stopping(let stopping):
            record.phase = .running
            record.isStopping = stopping.nextStep == .finish
            if case .retry(let reason) = stopping.nextStep { record.error = reason }
            if let end = stopping.mainEnd { record.error = end.description(context.action) }
            if let survivors = stopping.survivors {
                record.error = "it waits for \(survivors), still running although it was killed"
            }
            record.deadline = deadline(stopping.killAt)
        case .backingOff(let until):
            record.phase = .retrying
            record.deadline = deadline(until)
            record.nextRetryAt = context.wallTime(of: until)
        case .finished(let state):
            switch state {
            case .succeeded: record.phase = .succeeded
            case .failed: record.phase = .failed
            case .cancelled: record.phase = .cancelled
            }
        }
    }
}

extension JobLifecycle.Context {
    /// A later moment as wall time, for display.
    func wallTime(of moment: Moment) -> WallTime {
        WallTime(microseconds: time.microseconds &+ max(0, (moment - now).wholeNanoseconds / 1000))
    }
}
