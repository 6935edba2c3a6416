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
    /// Something has happened to a start of the job.
    case start(generation: UInt32, StartEvent)
    /// These processes of the start still run although its process tree was killed.
    case survivedKill(generation: UInt32, [String])
    /// The action was changed in place.
    case specChanged
    /// The program must read its files again while it keeps running.
    case reloadRequested(ReloadRequest)
    /// The signal of a reload was sent, or could not be sent because the process is gone.
    case reloadSignalSent(generation: UInt32, Bool)
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
        case .startRequested, .stopRequested, .blockersChecked, .specChanged, .reloadRequested, .machineSlept,
            .retryRequested, .deadlineReached:
            nil
        case .launchCancelled(let generation), .start(let generation, _), .survivedKill(let generation, _),
            .reloadSignalSent(let generation, _):
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
        case .start(generation: _, .started): "started"
        case .start(generation: _, .mainProcessReplaced): "mainProcessReplaced"
        case .start(generation: _, .successorAwaited): "successorAwaited"
        case .start(generation: _, .mainEnded): "mainEnded"
        case .start(generation: _, .notified): "notified"
        case .start(generation: _, .ended): "ended"
        case .start(generation: _, .shimLost): "shimLost"
        case .start(generation: _, .probeFinished(serial: _, .succeeded)): "probeSucceeded"
        case .start(generation: _, .probeFinished(serial: _, .failed)): "probeFailed"
        case .start(generation: _, .probeFinished(serial: _, .skipped)): "probeSkipped"
        case .survivedKill: "survivedKill"
        case .specChanged: "specChanged"
        case .reloadRequested: "reloadRequested"
        case .reloadSignalSent: "reloadSignalSent"
        case .machineSlept: "machineSlept"
        case .retryRequested: "retryRequested"
        case .deadlineReached: "deadlineReached"
        }
    }
}
