/// Decides what happens to shims that hold the lock of a job without being recorded (FP-ST-6).
///
/// A shim first takes the lock of its job and then records its start. A shim that was delayed between the two has
/// started no program, and nothing would track a program that it starts later.
public enum UnrecordedShimRule {
    /// What the record of a job says about the holder of its lock.
    public struct RecordFacts: Hashable, Sendable {
        /// Whether the record was written on this boot and in this PID namespace.
        public var isFromThisMachine: Bool
        /// Whether the recorded shim is running.
        public var isShimRunning: Bool
        /// Whether the recorded main process is running.
        public var isMainProcessRunning: Bool

        /// Creates the facts of a record.
        public init(isFromThisMachine: Bool, isShimRunning: Bool, isMainProcessRunning: Bool) {
            self.isFromThisMachine = isFromThisMachine
            self.isShimRunning = isShimRunning
            self.isMainProcessRunning = isMainProcessRunning
        }
    }

    /// What to do with stopped shims.
    public enum Decision: Hashable, Sendable {
        /// They are still unrecorded, so they have started no program: kill them.
        case kill
        /// A record exists by now: let them continue.
        case resume
    }

    /// Checks whether the holder of a lock may be an unrecorded shim.
    ///
    /// It must be stopped before the record is read again, because it may write its record at any moment.
    ///
    /// - Parameters:
    ///   - record: The record; nil if there is no valid one.
    ///   - isLocked: Whether a process holds the lock. Evaluated only if that matters, because the test takes the lock
    ///     for a moment.
    /// - Returns: true if the holder must be stopped.
    public static func mayBeUnrecorded(_ record: RecordFacts?, isLocked: @autoclosure () -> Bool) -> Bool {
        !namesHolder(record) && isLocked()
    }

    /// Decides about stopped shims, from the record that was read after they had stopped.
    public static func decide(_ record: RecordFacts?) -> Decision { namesHolder(record) ? .resume : .kill }

    /// A record of another machine counts as naming the holder, because its processes cannot be inspected from here.
    private static func namesHolder(_ record: RecordFacts?) -> Bool {
        guard let record else { return false }
        return !record.isFromThisMachine || record.isShimRunning || record.isMainProcessRunning
    }
}
