internal import HeroModel

extension JobLifecycle.Phase {
    /// A phase without its values.
    enum Kind: String, CaseIterable {
        case pending, preparing, launching, starting, ready, runningOnce, stopping, backingOff, finished
    }

    /// The phase without its values.
    var kind: Kind {
        switch self {
        case .pending: .pending
        case .preparing: .preparing
        case .launching: .launching
        case .starting: .starting
        case .ready: .ready
        case .runningOnce: .runningOnce
        case .stopping: .stopping
        case .backingOff: .backingOff
        case .finished: .finished
        }
    }
}

extension JobLifecycle {
    /// The warning about an event that cannot occur in the current phase; nil if the event can occur.
    ///
    /// An event that arrives late or twice can occur, and a phase that has no use for it ignores it. An unexpected
    /// event is an internal error of heroproc: the state stays as it is, and an event reports the error.
    func warningIfUnexpected(_ event: JobEvent) -> JobEffect? {
        guard isUnexpected(event) else { return nil }
        return .recordEvent(.warning, "unexpected \(event.name) in phase \(phase.kind.rawValue)")
    }

    /// Whether no sequence of a start, a stop, a crash and an adoption can produce this event in the current phase.
    ///
    /// The generation of the event is that of the current start.
    private func isUnexpected(_ event: JobEvent) -> Bool {
        switch event {
        case .startRequested:
            // The owner of the job requests the start of pending jobs only.
            return phase.kind != .pending
        case .blockersChecked:
            // The reconciler reads the blockers and reports them in the same step, only if `needsBlockerCheck` is true.
            return !needsBlockerCheck
        case .launchCancelled, .survivedKill:
            // Both follow from the phase `stopping` of the same reconciler. A later phase of the same start can be
            // reached first, but an earlier one cannot be reached again without a new generation.
            switch phase.kind {
            case .pending, .launching, .starting, .ready, .runningOnce: return true
            case .preparing, .stopping, .backingOff, .finished: return false
            }
        case .start(generation: _, .probeFinished):
            // A probe starts after the program executes, and a one-shot has no probes.
            switch phase.kind {
            case .pending, .launching, .runningOnce: return true
            case .preparing, .starting, .ready, .stopping, .backingOff, .finished: return false
            }
        case .reloadRequested:
            // The reconciler requests it of a ready process without a reload in progress.
            return !canReload
        case .stopRequested, .start, .specChanged, .reloadSignalSent, .machineSlept, .retryRequested, .deadlineReached:
            // These arrive twice or late in a correct system, for example around an adoption.
            return false
        }
    }
}
