public import HeroModel

extension RetryPolicy {
    /// The delay before the next attempt, after this number of consecutive attempts.
    ///
    /// The delay grows by `factor` from `delay` up to `maxDelay`. `random` is from 0 to 1 and changes the delay by at
    /// most
    /// `jitter` up or down, so that programs that fail together do not restart together (RS-1).
    public func delay(afterAttempt attempt: Int, random: Double) -> Duration {
        var seconds = Self.seconds(delay)
        let limit = Self.seconds(maxDelay)
        var remaining = max(0, attempt - 1)
        while remaining > 0, seconds < limit, factor > 1, seconds > 0 {
            seconds *= factor
            remaining -= 1
        }
        let spread = min(seconds, limit) * (1 + jitter * (2 * random - 1))
        guard spread.isFinite, spread > 0 else { return .zero }
        return .nanoseconds(Int64(min(spread, 1e9) * 1e9))
    }

    /// The upper limit of all delays.
    var maxDelayWithJitter: Duration {
        // `delay` itself may be longer than `maxDelay`.
        .nanoseconds(Int64(min(max(Self.seconds(delay), Self.seconds(maxDelay)) * (1 + jitter), 1e9) * 1e9))
    }

    private static func seconds(_ duration: Duration) -> Double {
        Double(duration.wholeNanoseconds) / 1e9
    }
}
