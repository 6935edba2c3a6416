import CHeroRecord

/// The value of `--kept`: what the monitor reports to the reconciler that it starts.
public struct MonitorReport: Hashable, Sendable {
    /// Whether an earlier reconciler of this monitor has ended.
    public var followsExit: Bool
    /// The number of recent crashes, 0 to 3.
    ///
    /// Kills from outside are not counted.
    public var recentCrashes: Int32
    /// The signal of the last crash; 0 if there was none.
    public var lastSignal: Int32

    /// Parses `0` (the first start), `C:SS` (the number of crashes and the last signal), or `1`, with which older
    /// monitors report that a reconciler has ended.
    public init?(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        let numbers = parts.compactMap { Int32($0) }
        guard numbers.count == parts.count, (1...2).contains(numbers.count), numbers.allSatisfy({ $0 >= 0 }) else {
            return nil
        }
        followsExit = numbers.count == 2 || numbers[0] > 0
        recentCrashes = numbers.count == 2 ? numbers[0] : 0
        lastSignal = numbers.count == 2 ? numbers[1] : 0
    }

    /// Whether the reconciler must start in safe mode (CR-6).
    public var isCrashLoop: Bool { recentCrashes >= HERO_CRASH_LIMIT }
}
