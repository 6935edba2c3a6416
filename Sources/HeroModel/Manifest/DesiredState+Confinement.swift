/// Which actions of a set are confined, for `doctor`.
public struct ConfinementSummary: Hashable, Sendable {
    /// The number of actions.
    public var actions = 0
    /// The actions with a sandbox, sorted: `context/service.action`.
    public var sandboxed: [String] = []
    /// The actions that run as root with all its capabilities and without a sandbox, sorted.
    public var unconfined: [String] = []

    /// Makes an empty summary.
    public init() {}
}

extension DesiredState {
    /// Which actions have a sandbox, and which run as root without any restriction.
    ///
    /// - Parameter asRoot: Whether heroproc runs as root, so that an action without `user` does, too.
    /// - Returns: The summary; services with the status `spec` never run and do not count.
    public func confinement(asRoot: Bool) -> ConfinementSummary {
        var result = ConfinementSummary()
        func add(_ action: ActionSpec, _ name: String, user: String?) {
            result.actions += 1
            if action.sandbox != nil { return result.sandboxed.append(name) }
            let isRoot = user.map { $0 == "root" || $0 == "0" } ?? asRoot
            if isRoot, action.capabilities == nil { result.unconfined.append(name) }
        }
        for (name, declared) in services where declared.spec.status != .spec {
            for action in declared.spec.actions {
                add(action, "\(name).\(action.name)", user: action.user ?? declared.spec.user)
            }
        }
        for (name, declared) in actions where declared.spec.isStandalone {
            add(declared.spec, "\(name)", user: declared.spec.user)
        }
        result.sandboxed.sort()
        result.unconfined.sort()
        return result
    }
}
