import HeroModel

/// Who has left the files so lately that it may only be on its way back (reliability.md MF-4).
///
/// Some editors and tools remove a file and write it anew a moment later; what is declared again within five seconds was
/// never gone.
struct Absence {
    /// How long somebody must be absent without a break before it counts.
    static let patience = Duration.seconds(5)

    private var since: [QualifiedName: Moment] = [:]

    /// When all who are absent will have been so for long enough; nil while nobody is.
    var due: Moment? { since.values.max().map { $0 + Self.patience } }

    /// Takes in who is absent now.
    ///
    /// - Returns: those who were not before.
    mutating func note(_ absent: [QualifiedName], at now: Moment) -> [QualifiedName] {
        let new = absent.filter { since[$0] == nil }
        since = Dictionary(absent.map { ($0, since[$0] ?? now) }, uniquingKeysWith: min)
        return new
    }

    /// Nobody is waited for any more.
    mutating func end() { since = [:] }
}
