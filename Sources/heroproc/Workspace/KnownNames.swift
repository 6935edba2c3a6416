import HeroManifest
import HeroModel

/// The services that are recorded, to tell a slip of the fingers from a service.
struct KnownNames {
    private let names: [QualifiedName]

    /// Takes what is recorded.
    init(_ names: [QualifiedName]) {
        self.names = names
    }

    /// Refuses names that nobody knows, and says which one was probably meant.
    ///
    /// Names of a plan are all there are; an apply would bring no others.
    func requireKnown(_ wanted: [QualifiedName], inPlan: Bool = false) throws {
        for name in wanted where !names.contains(name) {
            throw CommandError("there is no service \(name.displayName)", help: help(for: name, inPlan))
        }
    }

    private func help(for name: QualifiedName, _ inPlan: Bool) -> String {
        if names.isEmpty, !inPlan { return "nothing was applied yet: `heroproc apply`" }
        if let other = names.first(where: { $0.name == name.name }) { return "did you mean `\(other)`?" }
        if let near = Suggestion.nearest(name.displayName, names.map(\.displayName)) {
            return "did you mean `\(near)`?"
        }
        return inPlan ? "`heroproc diff -v` shows all there are" : "`heroproc status` shows all there are"
    }
}

extension QualifiedName {
    /// As a user would type it: without the context where it is the default.
    var displayName: String { context == Self.defaultContext ? name : description }
}
