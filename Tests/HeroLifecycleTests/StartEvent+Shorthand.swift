import HeroLifecycle
import HeroModel

/// Short forms of the events of a start, for the tests of the lifecycle.
extension JobEvent {
    static func started(generation: UInt32, process: ProcessIdentity, at moment: Moment, time: WallTime) -> Self {
        .start(generation: generation, .started(StartReport(process: process, at: moment, time: time)))
    }

    static func mainProcessReplaced(generation: UInt32, process: ProcessIdentity) -> Self {
        .start(generation: generation, .mainProcessReplaced(process))
    }

    static func successorAwaited(generation: UInt32, _ problem: PIDFileProblem?) -> Self {
        .start(generation: generation, .successorAwaited(problem))
    }

    static func mainEnded(generation: UInt32, _ outcome: Outcome, remaining: Int = 1) -> Self {
        let report = MainEndReport(outcome: outcome, time: nil, remainingProcesses: remaining)
        return .start(generation: generation, .mainEnded(report))
    }

    static func notified(generation: UInt32, _ state: NotifyState) -> Self {
        .start(generation: generation, .notified(state))
    }

    static func ended(generation: UInt32, _ outcome: Outcome, executed: Bool, time: WallTime?) -> Self {
        .start(generation: generation, .ended(EndReport(outcome, executed: executed, time: time)))
    }

    static func shimLost(generation: UInt32, process: ProcessIdentity, at moment: Moment, time: WallTime) -> Self {
        .start(generation: generation, .shimLost(StartReport(process: process, at: moment, time: time)))
    }

    static func probeSucceeded(generation: UInt32, serial: UInt64) -> Self {
        .start(generation: generation, .probeFinished(serial: serial, .succeeded))
    }

    static func probeFailed(generation: UInt32, serial: UInt64, _ reason: String) -> Self {
        .start(generation: generation, .probeFinished(serial: serial, .failed(reason)))
    }

    static func probeSkipped(generation: UInt32, serial: UInt64, _ reason: String) -> Self {
        .start(generation: generation, .probeFinished(serial: serial, .skipped(reason)))
    }
}

/// Short forms of recovered starts.
extension RecoveredStart {
    static func supervised(generation: UInt32, process: ProcessIdentity?, at moment: Moment, time: WallTime) -> Self {
        .supervised(generation: generation, process.map { StartReport(process: $0, at: moment, time: time) })
    }

    static func shimLost(generation: UInt32, process: ProcessIdentity, at moment: Moment, time: WallTime) -> Self {
        .orphaned(generation: generation, StartReport(process: process, at: moment, time: time))
    }

    static func ended(
        generation: UInt32,
        _ outcome: Outcome,
        executed: Bool,
        time: WallTime?,
        ranFor duration: Duration = .zero
    ) -> Self {
        .ended(generation: generation, EndReport(outcome, executed: executed, time: time, ranFor: duration))
    }
}

extension EndReport {
    /// A report of a program that ran for some time; the lifecycle does not use its process.
    fileprivate init(_ outcome: Outcome, executed: Bool, time: WallTime?, ranFor duration: Duration = .zero) {
        let began = WallTime(microseconds: (time?.microseconds ?? 0) - duration.wholeMilliseconds * 1000)
        let process = JobTestDriver.identity(1)
        let report = StartReport(process: process, at: Moment(nanoseconds: 0), time: began)
        self.init(outcome: outcome, time: time, executed: executed ? report : nil)
    }
}
