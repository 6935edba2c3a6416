public import HeroModel

/// The checks of a machine: the result of `doctor` (OB-4).
///
/// A report depends only on the facts, so the same facts always give the same report.
public struct DoctorReport: Hashable, Sendable {
    /// The checks in the order of their groups.
    public var checks: [DoctorCheck]

    /// Checks a machine.
    public init(_ facts: MachineFacts) {
        checks = Self.kernel(facts) + Self.containment(facts) + Self.rights(facts) + Self.limits(facts)
        checks += Self.clocks(facts.clocks) + Self.directories(facts) + Self.programs(facts.programs)
        checks += Self.supervision(facts) + Self.manifests(facts)
    }

    /// Whether no requirement is missing: the exit code as a word.
    public var isHealthy: Bool { count(.missing) == 0 }

    /// The number of checks with a mark.
    public func count(_ mark: DoctorCheck.Mark) -> Int { checks.count { $0.mark == mark } }
}

/// One check of the machine.
public struct DoctorCheck: Hashable, Sendable {
    /// The results of checks.
    public enum Mark: String, Hashable, Sendable, CaseIterable {
        /// No problem.
        case fine
        /// heroproc works, but not as well as it could.
        case warning
        /// A requirement is missing.
        case missing
    }

    /// The groups of checks.
    public enum Group: String, Hashable, Sendable, CaseIterable {
        /// The features of the kernel.
        case kernel
        /// How process trees are contained.
        case containment
        /// The user and the privileges of heroproc.
        case rights
        /// Limits of the system.
        case limits
        /// The clocks.
        case clocks
        /// The directories.
        case places
        /// Programs and libraries.
        case programs
        /// How the reconciler itself is supervised.
        case supervision
        /// The manifests.
        case manifests
    }

    /// The group.
    public var group: Group
    /// The stable name of the check, for people and tools.
    public var code: String
    /// The result.
    public var mark: Mark
    /// What was found.
    public var text: String
    /// The consequence; nil if there is none.
    public var meaning: String?
    /// The remedy; nil if there is none.
    public var help: String?

    /// A check without a problem.
    static func fine(_ group: Group, _ code: String, _ text: String) -> DoctorCheck {
        DoctorCheck(group: group, code: code, mark: .fine, text: text)
    }

    /// A check with a problem that does not prevent heroproc from working.
    static func warning(
        _ group: Group,
        _ code: String,
        _ text: String,
        _ meaning: String,
        help: String? = nil
    ) -> DoctorCheck {
        DoctorCheck(group: group, code: code, mark: .warning, text: text, meaning: meaning, help: help)
    }

    /// A check whose requirement is missing.
    static func missing(
        _ group: Group,
        _ code: String,
        _ text: String,
        _ meaning: String,
        help: String? = nil
    ) -> DoctorCheck {
        DoctorCheck(group: group, code: code, mark: .missing, text: text, meaning: meaning, help: help)
    }
}
