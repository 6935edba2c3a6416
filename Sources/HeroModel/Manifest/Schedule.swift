public import HeroSchedule

/// When a standalone action runs by itself.
public struct Schedule: Hashable, Sendable, Codable {
    /// The rhythm.
    public enum Timing: Hashable, Sendable, Codable {
        /// At the minutes of a cron expression, on the wall clocks of the schedule's time zone.
        case cron(CronExpression)
        /// Again and again after this long, counted from when it was applied; at least a second.
        case every(Duration)
    }

    /// What happens when the time has come and the run before still goes on.
    public enum Overlap: String, Hashable, Sendable, Codable, CaseIterable {
        /// This time is left out.
        case skip
        /// It runs once more when the run before has ended.
        case queue
        /// The run before is stopped first.
        case replace
    }

    /// The rhythm.
    public var timing: Timing
    /// A name of the IANA time zone database, such as `Europe/Brussels`; only cron expressions depend on it.
    public var timeZone: String
    /// What happens when a run takes longer than the rhythm.
    public var overlap: Overlap

    /// Makes a schedule; the default is on UTC, and skips.
    public init(_ timing: Timing, timeZone: String = "UTC", overlap: Overlap = .skip) {
        self.timing = timing
        self.timeZone = timeZone
        self.overlap = overlap
    }
}

/// What makes a standalone action run once.
public enum RunOn: String, Hashable, Sendable, Codable, CaseIterable {
    /// Nothing.
    case none
    /// An apply that declares it, changes it or raises its generation.
    case apply
}
