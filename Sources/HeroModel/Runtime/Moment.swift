/// A time of the boot clock (CLOCK_BOOTTIME), in nanoseconds.
///
/// Every deadline uses this clock, because it includes suspend and never jumps (TM-1).
public struct Moment: Hashable, Comparable, Sendable, Codable {
    /// Nanoseconds since boot.
    public var nanoseconds: Int64

    /// Makes a moment from nanoseconds since boot.
    public init(nanoseconds: Int64) {
        self.nanoseconds = nanoseconds
    }

    /// Earlier or later on the same boot.
    public static func < (left: Self, right: Self) -> Bool { left.nanoseconds < right.nanoseconds }

    /// The time after a duration; saturates instead of overflowing.
    public static func + (moment: Self, duration: Duration) -> Self {
        let (sum, overflow) = moment.nanoseconds.addingReportingOverflow(duration.wholeNanoseconds)
        return Self(nanoseconds: overflow ? (duration < .zero ? .min : .max) : sum)
    }

    /// The time from the second moment to the first; saturates instead of overflowing.
    public static func - (left: Self, right: Self) -> Duration {
        let (difference, overflow) = left.nanoseconds.subtractingReportingOverflow(right.nanoseconds)
        return .nanoseconds(overflow ? (left < right ? .min : .max) : difference)
    }
}

extension Duration {
    /// The duration in nanoseconds, rounded towards zero, saturating.
    public var wholeNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, carried) = whole.addingReportingOverflow(attoseconds / 1_000_000_000)
        return overflow || carried ? (seconds < 0 ? .min : .max) : sum
    }

    /// The duration in milliseconds, rounded towards zero, saturating.
    public var wholeMilliseconds: Int64 { wholeNanoseconds / 1_000_000 }
}
