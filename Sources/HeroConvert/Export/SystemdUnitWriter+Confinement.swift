internal import HeroModel

extension SystemdUnitWriter {
    /// Writes what limits the view of a program of the machine, and reports the folders that nothing makes.
    mutating func writeConfinement(_ action: ActionSpec) {
        if !action.folders.isEmpty {
            report("folders", .noCounterpart, "not written: make the folders by hand, or write `StateDirectory=`")
        }
        guard let sandbox = action.sandbox else { return }
        if sandbox.isReadOnly { set("ProtectSystem", "strict") }
        if !sandbox.writable.isEmpty { set("ReadWritePaths", paths(sandbox.writable)) }
        if sandbox.hasPrivateTmp { set("PrivateTmp", "yes") }
        // heroproc ignores a path that is missing; systemd does so with a `-`.
        if !sandbox.hidden.isEmpty { set("InaccessiblePaths", paths(sandbox.hidden.map { "-" + $0 })) }
        if sandbox.hasNoNetwork { set("PrivateNetwork", "yes") }
    }

    private func paths(_ paths: [String]) -> String {
        paths.map(SystemdQuoting.argument).joined(separator: " ")
    }
}
