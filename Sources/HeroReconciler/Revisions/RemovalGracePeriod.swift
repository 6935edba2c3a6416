import HeroModel

/// Who has left the files so lately that it may only be on its way back (reliability.md MF-4).
///
/// Some editors and tools remove a file and write it anew a moment later; what is declared again within five seconds was
/// never gone.
struct RemovalGracePeriod {
    /// How long somebody must be absent without a break before it counts.
    static let duration = Duration.seconds(5)

    private var missingSince: [QualifiedName: Moment] = [:]

    /// When all who are absent will have been so for long enough; nil while nobody is.
    var endsAt: Moment? { missingSince.values.max().map { $0 + Self.duration } }

    /// Takes in who is absent now.
    ///
    /// - Returns: those who were not before.
    mutating func update(_ absent: [QualifiedName], at now: Moment) -> [QualifiedName] {
        let new = absent.filter { missingSince[$0] == nil }
        missingSince = Dictionary(absent.map { ($0, missingSince[$0] ?? now) }, uniquingKeysWith: min)
        return new
    }

    /// Nobody is waited for any more.
    mutating func cancel() { missingSince = [:] }
}
