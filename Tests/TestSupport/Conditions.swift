import Glibc
public import Testing

/// Waits until a condition is true; records an issue and throws if it does not become true in time.
///
/// - Parameters:
///   - condition: The text of the issue, after "never true: ".
///   - seconds: The time limit.
///   - sourceLocation: The place of the issue.
///   - isTrue: The condition. It is checked every 10 ms.
/// - Throws: `ConditionTimeout`, or the error of the condition.
public func eventually(
    _ condition: @autoclosure () -> String,
    within seconds: Int = 20,
    sourceLocation: SourceLocation = #_sourceLocation,
    _ isTrue: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + .seconds(seconds)
    while ContinuousClock.now < deadline {
        if try await isTrue() { return }
        try await Task.sleep(for: .milliseconds(10))
    }
    Issue.record("never true: \(condition())", sourceLocation: sourceLocation)
    throw ConditionTimeout()
}

/// The error of a condition that did not become true; the issue is already recorded.
public struct ConditionTimeout: Error {
    /// Creates the error.
    public init() {}
}

/// Blocks until a condition is true, for tests that run on their own threads; false if it does not become true in time.
///
/// - Parameters:
///   - seconds: The time limit.
///   - isTrue: The condition. It is checked every 5 ms.
/// - Returns: whether the condition became true.
public func waitUntil(within seconds: Int = 10, _ isTrue: () throws -> Bool) rethrows -> Bool {
    for _ in 0..<(seconds * 200) {
        if try isTrue() { return true }
        usleep(5000)
    }
    return try isTrue()
}
