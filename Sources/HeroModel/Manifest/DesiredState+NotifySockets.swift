extension DesiredState {
    /// The actions to whose notify socket every user can write because nothing restricts it: they start as root.
    ///
    /// - Parameter asRoot: Whether heroproc runs as root, so that an action without `user` does, too.
    /// - Returns: Their names, sorted: `context/service.action`.
    public func openNotifySockets(asRoot: Bool) -> [String] {
        services.flatMap { name, declared in
            declared.spec.actions.filter { action in
                guard action.usesNotifySocket, action.notifyFrom == nil else { return false }
                let user = action.user ?? declared.spec.user
                return user.map { $0 == "root" || $0 == "0" } ?? asRoot
            }
            .map { "\(name).\($0.name)" }
        }
        .sorted()
    }
}
