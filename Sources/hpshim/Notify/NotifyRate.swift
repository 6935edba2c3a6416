/// Limits how many notify messages are read in a short time, so that a flood of them does not use a processor.
///
/// A message that is not read stays in the queue of the kernel, and a sender waits or receives EAGAIN. The messages are
/// then read at a steady rate, in their order.
struct NotifyRate {
    /// How many messages are read in one interval, and its length in ns.
    private static let messagesPerInterval = 200
    private static let interval: Int64 = 100_000_000

    private var remaining = NotifyRate.messagesPerInterval
    private var intervalEnd: Int64 = 0

    /// Whether no message may be read now; `now` is CLOCK_BOOTTIME in ns.
    func isExhausted(at now: Int64) -> Bool { remaining <= 0 && now < intervalEnd }

    /// Milliseconds until messages may be read again; nil if they may be read now.
    func pause(at now: Int64) -> Int64? { isExhausted(at: now) ? (intervalEnd &- now) / 1_000_000 &+ 1 : nil }

    /// Counts messages that were read; returns whether the rate is exhausted now.
    mutating func add(_ count: Int, at now: Int64) -> Bool {
        if now >= intervalEnd {
            intervalEnd = now &+ NotifyRate.interval
            remaining = NotifyRate.messagesPerInterval
        }
        remaining -= count
        return remaining <= 0
    }
}
