internal import HeroModel

extension JobLifecycle {
    /// How many starts in a row have failed since the job was last stable, or was last tried again by an apply.
    public var failuresInRow: Int {
        switch phase {
        case .pending, .finished(.succeeded), .finished(.cancelled): 0
        case .preparing, .backingOff, .finished(.failed): record.attempt
        // The current start has not failed.
        case .launching, .starting, .ready, .runningOnce, .stopping: max(0, record.attempt - 1)
        }
    }
}
