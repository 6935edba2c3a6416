public import HeroModel

/// An event in the lifecycle of a job.
///
/// An event that is about one start carries the generation of that start. The lifecycle ignores an event of another
/// generation, because it arrived late.
public enum JobEvent: Hashable, Sendable {
    /// The owner of the job wants its program to run.
    case startRequested
    /// The owner of the job no longer wants its program to run.
    case stopRequested
    /// The blockers of the start were read, because `needsBlockerCheck` was true.
    case blockersChecked(StartBlockers)
    /// The start was not carried out, because a stop was requested before its effect was performed.
    case launchCancelled(generation: UInt32)
    /// The program of the start executes.
    case started(generation: UInt32, process: ProcessIdentity, at: Moment, time: WallTime)
    /// The main process exited and another process took its place: the one in its PID file, or the one named by
    /// `MAINPID`.
    case mainProcessReplaced(generation: UInt32, process: ProcessIdentity)
    /// The program sent messages to its notify socket; the state holds everything that it sent in this start.
    case notified(generation: UInt32, NotifyState)
    /// The start is over and its process tree is gone.
    ///
    /// `executed` is true if a program ever ran in it.
    case ended(generation: UInt32, Outcome, executed: Bool, time: WallTime?)
    /// The shim of the start is gone, but its program still runs.
    case shimLost(generation: UInt32, process: ProcessIdentity, at: Moment, time: WallTime)
    /// The last probe succeeded.
    case probeSucceeded(generation: UInt32, serial: UInt64)
    /// The last probe failed, for this reason.
    case probeFailed(generation: UInt32, serial: UInt64, String)
    /// The last probe could not run, because the machine lacked a resource for it.
    case probeSkipped(generation: UInt32, serial: UInt64, String)
    /// These processes of the start still run although its process tree was killed.
    case survivedKill(generation: UInt32, [String])
    /// The action was changed in place.
    case specChanged
    /// The machine was suspended for a while.
    case machineSlept
    /// An apply requests that a waiting job tries again now.
    case retryRequested
    /// The deadline of the job was reached.
    case deadlineReached
}

extension JobEvent {
    /// The generation that the event is about; nil for an event about the job as a whole.
    var generation: UInt32? {
        switch self {
        case .startRequested, .stopRequested, .blockersChecked, .specChanged, .machineSlept, .retryRequested,
            .deadlineReached:
            nil
        case .launchCancelled(let generation), .started(let generation, process: _, at: _, time: _),
            .mainProcessReplaced(let generation, process: _), .notified(let generation, _),
            .ended(let generation, _, executed: _, time: _), .shimLost(let generation, process: _, at: _, time: _),
            .probeSucceeded(let generation, serial: _), .probeFailed(let generation, serial: _, _),
            .probeSkipped(let generation, serial: _, _), .survivedKill(let generation, _):
            generation
        }
    }

    /// The name of the case, for messages about an internal error.
    var name: String {
        switch self {
        case .startRequested: "startRequested"
        case .stopRequested: "stopRequested"
        case .blockersChecked: "blockersChecked"
        case .launchCancelled: "launchCancelled"
        case .started: "started"
        case .mainProcessReplaced: "mainProcessReplaced"
        case .notified: "notified"
        case .ended: "ended"
        case .shimLost: "shimLost"
        case .probeSucceeded: "probeSucceeded"
        case .probeFailed: "probeFailed"
        case .probeSkipped: "probeSkipped"
        case .survivedKill: "survivedKill"
        case .specChanged: "specChanged"
        case .machineSlept: "machineSlept"
        case .retryRequested: "retryRequested"
        case .deadlineReached: "deadlineReached"
        }
    }
}
