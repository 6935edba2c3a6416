import HeroModel

/// How many runs may still begin in the current turn, and the services that wait for the next one.
///
/// The rows of a turn are committed before its first program starts. When many services start at once, small turns let
/// programs start while the rows of the next services are written, and requests are handled in between.
struct TurnQuota {
    /// How many runs may begin in one turn.
    let limit: Int
    private var used = 0
    private var waiting: ArraySlice<QualifiedName> = []
    private var waitingNames: Set<QualifiedName> = []

    init(limit: Int) { self.limit = max(1, limit) }

    /// Whether services wait for the next turn.
    var hasWaiting: Bool { !waiting.isEmpty }

    /// Whether one more run may begin now.
    var isLeft: Bool { used < limit }

    /// Counts a run that begins.
    mutating func use() { used += 1 }

    /// Lets a service wait for the next turn, behind those that wait already.
    mutating func postpone(_ name: QualifiedName) {
        if waitingNames.insert(name).inserted { waiting.append(name) }
    }

    /// What begins from now on belongs to the next commit.
    mutating func reset() { used = 0 }

    /// The next service that waits; nil when there is none, or when the quota of the turn is used up.
    mutating func takeNext() -> QualifiedName? {
        guard isLeft, let name = waiting.popFirst() else { return nil }
        waitingNames.remove(name)
        return name
    }

    /// Forgets all services that wait.
    mutating func removeAll() {
        waiting = []
        waitingNames = []
    }
}
