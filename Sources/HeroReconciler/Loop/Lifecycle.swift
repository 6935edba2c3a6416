import HeroModel

/// What the reconciler does as a whole.
///
/// Exactly one case holds at a time, and each case carries what is true in it.
enum Lifecycle: Hashable {
    /// Keeps the applied revision running and accepts new ones.
    case running
    /// A `down` is the last revision: a reconciler that syncs ignores its directory until the next apply.
    case paused
    /// Keeps the applied revision running and refuses everything new, until `until` or earlier.
    ///
    /// At `nextCheck` the reconciler checks whether safe mode must end earlier.
    case safeMode(until: Moment, nextCheck: Moment)
    /// Safe mode has ended: the process exits, and a reconciler without safe mode replaces it.
    case safeModeEnded
    /// The run directory cannot be created again: the process exits, and a reconciler with another run directory
    /// replaces it.
    case runDirectoryMoved
    /// The reconciler was asked to exit. No request leads back from here.
    ///
    /// `atOnce` is true after the second request: then the reconciler waits for nothing.
    case leaving(atOnce: Bool)

    /// Whether the reconciler was asked to exit.
    var isLeaving: Bool {
        switch self {
        case .leaving: true
        case .running, .paused, .safeMode, .safeModeEnded, .runDirectoryMoved: false
        }
    }

    /// When the conditions that end safe mode must be checked; nil outside safe mode.
    var nextSafeModeCheck: Moment? {
        switch self {
        case .safeMode(until: _, let nextCheck): nextCheck
        case .running, .paused, .safeModeEnded, .runDirectoryMoved, .leaving: nil
        }
    }

    /// A `down` was requested; it does not change safe mode or an exit.
    mutating func pause() {
        if case .running = self { self = .paused }
    }

    /// A revision was applied; it does not change safe mode or an exit.
    mutating func resume() {
        if case .paused = self { self = .running }
    }

    /// Enters safe mode.
    mutating func enterSafeMode(now: Moment) {
        self = .safeMode(until: now + SafeMode.maxDuration, nextCheck: now + SafeMode.checkInterval)
    }

    /// Plans the next check of safe mode.
    ///
    /// - Returns: whether the time of safe mode is over; nil where no check is due.
    mutating func checkSafeMode(now: Moment) -> Bool? {
        guard case .safeMode(let until, let nextCheck) = self, nextCheck <= now else { return nil }
        self = .safeMode(until: until, nextCheck: now + SafeMode.checkInterval)
        return until <= now
    }

    /// Ends safe mode.
    ///
    /// - Returns: whether it was safe mode that ended.
    mutating func endSafeMode() -> Bool {
        guard case .safeMode = self else { return false }
        self = .safeModeEnded
        return true
    }

    /// Makes the reconciler exit so that another one replaces it; a request to exit remains in force.
    mutating func moveRunDirectory() {
        if !isLeaving { self = .runDirectoryMoved }
    }

    /// Asks the reconciler to exit when its work is done.
    ///
    /// - Returns: whether this is the first request.
    @discardableResult
    mutating func leave() -> Bool {
        guard !isLeaving else { return false }
        self = .leaving(atOnce: false)
        return true
    }

    /// Asks the reconciler to exit without waiting.
    ///
    /// - Returns: whether this is the first such request.
    mutating func leaveAtOnce() -> Bool {
        guard self != .leaving(atOnce: true) else { return false }
        self = .leaving(atOnce: true)
        return true
    }
}
