/// How long a reconciler took to bring the services to their declared states, since its start.
///
/// A reconciliation begins with the first plan that has something to do. It ends with the plan that proves that nothing
/// is left to do, after the last service has begun to start.
public struct ReconcileDurations: Hashable, Sendable {
    /// The number of complete reconciliations.
    public private(set) var count: Int64 = 0
    /// Their total duration in microseconds.
    public private(set) var totalMicroseconds: Int64 = 0
    private var beganAt: Moment?

    /// Creates the durations of a reconciler that has just started.
    public init() {}

    /// Takes the result of a plan.
    ///
    /// - Returns: whether a reconciliation has ended.
    public mutating func add(planWithWork hasWork: Bool, at now: Moment) -> Bool {
        guard !hasWork else {
            beganAt = beganAt ?? now
            return false
        }
        guard let begin = beganAt else { return false }
        beganAt = nil
        count &+= 1
        let (sum, overflow) = totalMicroseconds.addingReportingOverflow(max(0, (now - begin).wholeNanoseconds / 1000))
        totalMicroseconds = overflow ? .max : sum
        return true
    }
}

extension ReconcileDurations: CustomStringConvertible {
    /// Both numbers, as the file in the run directory has them.
    public var description: String { "\(count) \(totalMicroseconds)" }

    /// Parses that text.
    public init?(_ text: String) {
        let numbers = text.split(separator: " ").compactMap { Int64($0) }
        guard numbers.count == 2, numbers.allSatisfy({ $0 >= 0 }) else { return nil }
        (count, totalMicroseconds) = (numbers[0], numbers[1])
    }
}
