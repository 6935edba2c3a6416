public import HeroSchedule

/// The schedule of a standalone action.
public struct Schedule: Hashable, Sendable, Codable {
    /// The times of the runs.
    public enum Timing: Hashable, Sendable, Codable {
        /// The times of a cron expression, in the time zone of the schedule.
        case cron(CronExpression)
        /// A fixed interval, counted from the apply; at least one second.
        case every(Duration)
    }

    /// What happens if the previous run has not ended when a run is due.
    public enum Overlap: String, Hashable, Sendable, Codable, CaseIterable {
        /// The run is skipped.
        case skip
        /// One more run begins when the previous run has ended.
        case queue
        /// The previous run is stopped first.
        case replace
    }

    /// The times of the runs.
    public var timing: Timing
    /// A name of the IANA time zone database, such as `Europe/Brussels`, or `local` for the time zone of the machine;
    /// only used by cron expressions.
    public var timeZone: String
    /// What happens if a run takes longer than the interval.
    public var overlap: Overlap
    /// Whether one run is made up after a time in which the schedule was not followed.
    public var catchesUp: Bool
    /// The maximum delay of the runs; each action has one delay on each machine.
    public var jitter: Duration

    /// Makes a schedule; the defaults are UTC and `skip`, without jitter.
    public init(
        _ timing: Timing,
        timeZone: String = "UTC",
        overlap: Overlap = .skip,
        catchesUp: Bool = false,
        jitter: Duration = .zero
    ) {
        self.timing = timing
        self.timeZone = timeZone
        self.overlap = overlap
        self.catchesUp = catchesUp
        self.jitter = jitter
    }

    /// Decodes a stored schedule; a field that an older version did not store has its default value.
    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            try fields.decode(Timing.self, forKey: .timing),
            timeZone: try fields.decode(String.self, forKey: .timeZone),
            overlap: try fields.decode(Overlap.self, forKey: .overlap),
            catchesUp: try fields.decodeIfPresent(Bool.self, forKey: .catchesUp) ?? false,
            jitter: try fields.decodeIfPresent(Duration.self, forKey: .jitter) ?? .zero
        )
    }
}

extension Schedule.Timing {
    /// The text of the cron expression; nil for an interval.
    public var cronText: String? {
        switch self {
        case .cron(let expression): expression.text
        case .every: nil
        }
    }

    /// The interval; nil for a cron expression.
    public var interval: Duration? {
        switch self {
        case .cron: nil
        case .every(let interval): interval
        }
    }
}

/// The event that makes a standalone action run once.
public enum RunOn: String, Hashable, Sendable, Codable, CaseIterable {
    /// No event.
    case none
    /// An apply that declares it, changes it or raises its generation.
    case apply
}
