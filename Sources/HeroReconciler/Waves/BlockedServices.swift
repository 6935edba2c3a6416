import HeroModel

/// The services that a plan left blocked, and the services that each of them waits for.
///
/// It answers in constant time whether the change of a service concerns one of them. Otherwise each service that
/// becomes ready would cost a plan of all services as long as any service is blocked.
struct BlockedServices {
    /// The services that each blocked service waits for.
    private var blockers: [QualifiedName: [QualifiedName]] = [:]
    /// The blocked services that wait for each service.
    private var waiting: [QualifiedName: Set<QualifiedName>] = [:]

    /// How many services are blocked.
    var count: Int { blockers.count }

    /// Adds a blocked service, or changes what it waits for.
    mutating func insert(_ service: QualifiedName, waitingFor names: [QualifiedName]) {
        guard blockers[service] != names else { return }
        remove(service)
        blockers[service] = names
        for name in names { waiting[name, default: []].insert(service) }
    }

    /// Removes a service that is not blocked any more.
    mutating func remove(_ service: QualifiedName) {
        for name in blockers.removeValue(forKey: service) ?? [] {
            waiting[name]?.remove(service)
            if waiting[name]?.isEmpty ?? false { waiting[name] = nil }
        }
    }

    /// Whether a blocked service waits for this one.
    func isBlocking(_ service: QualifiedName) -> Bool { waiting[service] != nil }
}
