import HeroModel

/// The services whose record names requirements that are up already.
///
/// While a service waits for hundreds of others, its row is not written for each of them that becomes ready.
struct OutdatedBlockers {
    /// The time in which changes are collected.
    static let interval = Duration.milliseconds(250)

    private var names: Set<QualifiedName> = []
    /// When they are recorded again; nil if there are none.
    private(set) var dueAt: Moment?

    /// Adds a service.
    mutating func insert(_ name: QualifiedName, now: Moment) {
        names.insert(name)
        if dueAt == nil { dueAt = now + Self.interval }
    }

    /// Removes a service that is recorded now.
    mutating func remove(_ name: QualifiedName) {
        guard names.remove(name) != nil, names.isEmpty else { return }
        dueAt = nil
    }

    /// Removes and returns all services when their time has come.
    mutating func takeDue(_ now: Moment) -> [QualifiedName] {
        guard let dueAt, dueAt <= now else { return [] }
        defer { names = [] }
        self.dueAt = nil
        return names.sorted()
    }
}
