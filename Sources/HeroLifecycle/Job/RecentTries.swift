public import HeroModel

/// The starts of a job that count for `retry.within`, oldest first.
///
/// A job without `within` has none.
public struct RecentTries: Hashable, Sendable {
    /// When each of them was ordered.
    public private(set) var moments: [Moment]

    /// Makes a list of these moments, oldest first.
    public init(_ moments: [Moment] = []) {
        self.moments = moments
    }

    /// Adds a start; keeps only what can count later.
    mutating func add(_ now: Moment, _ policy: RetryPolicy) {
        guard policy.within != nil else {
            moments = []
            return
        }
        moments = counted(now, policy) + [now]
        // Older ones cannot decide anything, because the job fails when `max_attempts` of them are recent.
        moments.removeFirst(max(0, moments.count - max(1, policy.maxAttempts)))
    }

    /// Removes the last start, which is not to count.
    mutating func removeLast() { _ = moments.popLast() }

    /// Removes all starts.
    mutating func removeAll() { moments = [] }

    /// How many starts were ordered within the time of a policy; nil if the policy has no such time.
    func count(_ now: Moment, _ policy: RetryPolicy) -> Int? {
        policy.within == nil ? nil : counted(now, policy).count
    }

    /// A moment in the future is one of an earlier boot.
    private func counted(_ now: Moment, _ policy: RetryPolicy) -> [Moment] {
        guard let within = policy.within else { return [] }
        return moments.filter { $0 <= now && now - $0 < within }
    }
}
