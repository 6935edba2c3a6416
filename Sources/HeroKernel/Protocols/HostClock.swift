public import HeroModel
public import HeroSchedule

/// Time, time zones and randomness.
public protocol HostClock: AnyObject {
    /// The current boot; deadlines of another boot are void.
    var bootID: String { get }

    /// A text that stays the same on this machine, and is different on other machines.
    var machineID: String { get }

    /// The boot clock: it never jumps.
    func now() -> Moment

    /// The calendar time: people and time servers may set it.
    func wallTime() -> WallTime

    /// The rules of a time zone by its name in the time zone database, such as `Europe/Brussels`.
    ///
    /// `UTC` is always known; nil where this machine does not know the name.
    func zone(named name: String) -> TimeZoneRules?

    /// A random number from 0 to just below 1, for jitter.
    func randomUnit() -> Double
}
