import HeroModel

/// How long names that have disappeared from the manifests are waited for (MF-4).
///
/// Some editors and tools remove a file and write it again a moment later. A name that is declared again within five
/// seconds counts as never removed.
struct RemovalGracePeriod {
    /// How long a name must be missing without interruption before it counts as removed.
    static let duration = Duration.seconds(5)

    private var missingSince: [QualifiedName: Moment] = [:]

    /// When all missing names count as removed; nil while no name is missing.
    var endsAt: Moment? { missingSince.values.max().map { $0 + Self.duration } }

    /// Sets the names that are missing now.
    ///
    /// - Returns: those that were not missing before.
    mutating func update(_ missing: [QualifiedName], at now: Moment) -> [QualifiedName] {
        let new = missing.filter { missingSince[$0] == nil }
        missingSince = Dictionary(missing.map { ($0, missingSince[$0] ?? now) }, uniquingKeysWith: min)
        return new
    }

    /// Waits for no name any more.
    mutating func cancel() { missingSince = [:] }
}
