/// All specs of actions with `once` that have succeeded, and those of which that is unknown.
public struct OnceHistory: Hashable, Sendable {
    /// What follows for an action with `once`.
    public enum State: Hashable, Sendable {
        /// It runs at the next start of its service.
        case due
        /// It has succeeded and does not run again.
        case succeeded(OnceRecord)
        /// It is unknown whether it has succeeded, so it does not run.
        case unknown
    }

    private var recordsBySubject: [OnceRecord.Subject: [String: OnceRecord]] = [:]
    /// Whether records were lost and no manifests were known then: a spec without a record may have succeeded.
    ///
    /// It ends with the next applied revision, whose actions are recorded as unknown.
    public var isLost: Bool

    /// Makes a history.
    public init(_ records: some Sequence<OnceRecord> = [], isLost: Bool = false) {
        self.isLost = isLost
        for record in records { insert(record) }
    }

    /// Whether nothing is recorded.
    public var isEmpty: Bool { recordsBySubject.isEmpty && !isLost }

    /// All records, by service, action and digest.
    public var records: [OnceRecord] {
        recordsBySubject.sorted { $0.key < $1.key }.flatMap { $0.value.sorted { $0.key < $1.key }.map(\.value) }
    }

    /// Adds a record; a success replaces anything else and is never replaced.
    ///
    /// - Returns: whether the record is new.
    @discardableResult
    public mutating func insert(_ record: OnceRecord) -> Bool {
        if let known = recordsBySubject[record.subject]?[record.digest] {
            guard known.outcome == .unknown, record.outcome == .succeeded else { return false }
        }
        recordsBySubject[record.subject, default: [:]][record.digest] = record
        return true
    }

    /// Adds the records of another copy of the history.
    public mutating func merge(_ other: OnceHistory) {
        for record in other.records { insert(record) }
        isLost = isLost || other.isLost
    }

    /// What follows for an action with `once` of a service.
    public func state(of action: ActionSpec, in service: ServiceSpec) -> State {
        let subject = OnceRecord.Subject(service: service.name, action: action.name)
        let known = recordsBySubject[subject]
        guard known != nil || isLost else { return .due }
        guard let record = known?[Self.digest(of: action, in: service)] else { return isLost ? .unknown : .due }
        return switch record.outcome {
        case .succeeded: .succeeded(record)
        case .unknown: .unknown
        }
    }

    /// The records that say of each action with `once` without a record that it is unknown whether it has succeeded.
    public func unknownRecords(of services: some Sequence<ServiceSpec>, at time: WallTime) -> [OnceRecord] {
        services.flatMap { service in
            service.onceActions.compactMap { action in
                let subject = OnceRecord.Subject(service: service.name, action: action.name)
                let digest = Self.digest(of: action, in: service)
                guard recordsBySubject[subject]?[digest] == nil else { return nil }
                return OnceRecord(subject, digest: digest, .unknown, time: time)
            }
        }
    }

    /// The digest of everything that makes a success of an action invalid when it changes: its fields whose change costs
    /// a restart, with the defaults that it has from its service, and the numbers of `generation`.
    ///
    /// Digests are stored, so the digest of a spec must never change.
    public static func digest(of action: ActionSpec, in service: ServiceSpec) -> String {
        var effective = action
        effective.workingDirectory = action.workingDirectory ?? service.workingDirectory
        effective.user = action.user ?? service.user
        effective.group = action.group ?? (action.user == nil ? service.group : nil)
        effective.files = service.files + action.files
        effective.generation = action.generation &+ service.generation
        var lines: [Substring] = []
        // Variables of the service are weaker than the files of its action.
        if action.environmentFiles.isEmpty || service.environment.isEmpty {
            effective.environmentFiles = service.environmentFiles + action.environmentFiles
            effective.environment = service.environment.merging(action.environment) { $1 }
        } else {
            var layer = ActionSpec(action.name, action.program)
            layer.environment = service.environment
            layer.environmentFiles = service.environmentFiles
            lines += restartLines(layer, prefix: "env").map { "service.\($0)" }
        }
        lines += restartLines(effective)
        return contentDigest(lines.joined(separator: "\n").utf8)
    }

    /// The lines of fields whose change costs a restart.
    private static func restartLines(_ action: ActionSpec, prefix: String = "") -> [Substring] {
        CanonicalSpec(standalone: action).text.split(separator: "\n").filter { line in
            let path = line.prefix { $0 != "\t" }
            return path.hasPrefix(prefix) && CanonicalSpec.cost(of: "actions._.\(path)") == .restart
        }
    }
}

extension ServiceSpec {
    /// Its actions with `once`.
    public var onceActions: [ActionSpec] { actions.filter(\.runsOnce) }
}
