public import HeroModel

/// What is to be said about a machine: the result of `doctor` (reliability.md OB-4).
///
/// It is made of facts alone, so the same facts always give the same report.
public struct DoctorReport: Hashable, Sendable {
    /// What was found, in groups, in the order in which it is shown.
    public var checks: [DoctorCheck]

    /// Judges a machine.
    public init(_ facts: MachineFacts) {
        checks = Self.kernel(facts) + Self.containment(facts) + Self.rights(facts) + Self.limits(facts)
        checks += Self.clocks(facts.clocks) + Self.directories(facts) + Self.programs(facts.programs)
        checks += Self.supervision(facts) + Self.manifests(facts)
    }

    /// Whether nothing that is needed is missing: the exit code as a word.
    public var isHealthy: Bool { count(.missing) == 0 }

    /// How many findings have a mark.
    public func count(_ mark: DoctorCheck.Mark) -> Int { checks.count { $0.mark == mark } }
}

/// One thing that was looked at.
public struct DoctorCheck: Hashable, Sendable {
    /// How it stands.
    public enum Mark: String, Hashable, Sendable, CaseIterable {
        /// As it should be.
        case fine
        /// It works, but not as well as it could.
        case warning
        /// Needed, and not there.
        case missing
    }

    /// What it belongs to.
    public enum Group: String, Hashable, Sendable, CaseIterable {
        /// What the kernel can do.
        case kernel
        /// How trees of processes are held.
        case containment
        /// As whom heroproc runs.
        case rights
        /// How much there may be of something.
        case limits
        /// The clocks.
        case clocks
        /// The directories.
        case places
        /// Programs and libraries.
        case programs
        /// Who looks after heroproc itself.
        case supervision
        /// What is declared.
        case manifests
    }

    /// What it belongs to.
    public var group: Group
    /// What was looked at: stable, and the same word for people and tools.
    public var code: String
    /// How it stands.
    public var mark: Mark
    /// What was seen.
    public var text: String
    /// What follows from it; nil where nothing does.
    public var meaning: String?
    /// What to do; nil where there is nothing to be done.
    public var help: String?

    /// Something that is as it should be.
    static func fine(_ group: Group, _ code: String, _ text: String) -> DoctorCheck {
        DoctorCheck(group: group, code: code, mark: .fine, text: text)
    }

    /// Something that works, but not as well as it could.
    static func warning(
        _ group: Group,
        _ code: String,
        _ text: String,
        _ meaning: String,
        help: String? = nil
    ) -> DoctorCheck {
        DoctorCheck(group: group, code: code, mark: .warning, text: text, meaning: meaning, help: help)
    }

    /// Something that is needed, and not there.
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
