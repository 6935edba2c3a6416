/// What is recorded of one spec of an action with `once`: it is not run again, or it is unknown whether it has run.
///
/// Records are kept apart from jobs, and no cleanup removes them.
public struct OnceRecord: Hashable, Sendable, Codable {
    /// What is known of the spec.
    public enum Outcome: String, Hashable, Sendable, Codable {
        /// It has succeeded.
        case succeeded
        /// The records were lost, so it is unknown whether it has succeeded.
        case unknown
    }

    /// The action of a service.
    public struct Subject: Hashable, Sendable, Codable, Comparable {
        /// The service.
        public var service: QualifiedName
        /// The action.
        public var action: String

        /// Names an action.
        public init(service: QualifiedName, action: String) {
            self.service = service
            self.action = action
        }

        /// Orders by service and action.
        public static func < (left: Self, right: Self) -> Bool {
            (left.service, left.action) < (right.service, right.action)
        }
    }

    /// The action.
    public var subject: Subject
    /// The digest of the spec: see `OnceHistory.digest`.
    public var digest: String
    /// What is known.
    public var outcome: Outcome
    /// When it succeeded, or when the records were found to be lost.
    public var time: WallTime
    /// The job that succeeded; nil if it is unknown.
    public var job: JobID?

    /// Makes a record.
    public init(
        _ subject: Subject,
        digest: String,
        _ outcome: Outcome,
        time: WallTime,
        job: JobID? = nil
    ) {
        self.subject = subject
        self.digest = digest
        self.outcome = outcome
        self.time = time
        self.job = job
    }
}
