import HeroManifest
import HeroModel

/// The known services.
///
/// They separate a typing error from a service.
struct KnownNames {
    private let names: [QualifiedName]

    /// Creates the list.
    init(_ names: [QualifiedName]) {
        self.names = names
    }

    /// Refuses unknown names, and suggests a similar one.
    ///
    /// The names of a plan are complete; an apply cannot add others.
    func requireKnown(_ requested: [QualifiedName], inPlan: Bool = false) throws {
        for name in requested where !names.contains(name) {
            throw CommandError("there is no service \(name.displayName)", help: help(for: name, inPlan))
        }
    }

    private func help(for name: QualifiedName, _ inPlan: Bool) -> String {
        if names.isEmpty, !inPlan { return "nothing was applied yet: `heroproc apply`" }
        if let other = names.first(where: { $0.name == name.name }) { return "did you mean `\(other)`?" }
        if let near = Suggestion.nearest(name.displayName, names.map(\.displayName)) {
            return "did you mean `\(near)`?"
        }
        return inPlan ? "`heroproc diff -v` lists all services" : "`heroproc status` lists all services"
    }
}

extension QualifiedName {
    /// The name as a user types it: without the default context.
    var displayName: String { context == Self.defaultContext ? name : description }
}
