public import HeroModel

extension Duration {
    /// The duration in its two most significant units: `250ms`, `1.2s`, `42s`, `3m12s`, `2h5m`, `3d4h`.
    ///
    /// A negative duration (after the clock was set back) is shown as `0ms`.
    public var shortText: String {
        let milliseconds = max(0, wholeMilliseconds)
        guard milliseconds >= 1000 else { return "\(milliseconds)ms" }
        let seconds = milliseconds / 1000
        guard milliseconds >= 10_000 else {
            let tenths = milliseconds % 1000 / 100
            return tenths == 0 ? "\(seconds)s" : "\(seconds).\(tenths)s"
        }
        let units: [(name: String, size: Int64)] = [("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)]
        for (unit, next) in zip(units, units.dropFirst()) where seconds >= unit.size {
            let rest = seconds % unit.size / next.size
            return "\(seconds / unit.size)\(unit.name)" + (rest == 0 ? "" : "\(rest)\(next.name)")
        }
        return "\(seconds)s"
    }
}

extension WallTime {
    /// The time from this time to a later one; saturates instead of overflowing.
    public func elapsed(until now: WallTime) -> Duration {
        let (difference, overflow) = now.microseconds.subtractingReportingOverflow(microseconds)
        return .microseconds(overflow ? (now < self ? .min : .max) : difference)
    }

    /// Relative to a time: `3m12s ago`, `in 4s`, `now`.
    public func relative(to now: WallTime) -> String {
        let elapsed = elapsed(until: now)
        if elapsed >= .seconds(1) { return "\(elapsed.wholeSeconds.shortText) ago" }
        let ahead = now.elapsed(until: self)
        return ahead >= .seconds(1) ? "in \(ahead.wholeSeconds.shortText)" : "now"
    }
}

extension Duration {
    /// The duration without the fraction of a second, for ages.
    fileprivate var wholeSeconds: Duration { .seconds(wholeMilliseconds / 1000) }
}
