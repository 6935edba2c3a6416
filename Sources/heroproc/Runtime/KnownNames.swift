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
    func require(_ wanted: [QualifiedName]) throws {
        for name in wanted where !names.contains(name) {
            throw Refusal("there is no service \(name.spoken)", help: help(for: name))
        }
    }

    private func help(for name: QualifiedName) -> String {
        if names.isEmpty { return "nothing was applied yet: `heroproc apply`" }
        if let other = names.first(where: { $0.name == name.name }) { return "did you mean `\(other)`?" }
        if let near = Suggestion.nearest(name.spoken, names.map(\.spoken)) { return "did you mean `\(near)`?" }
        return "`heroproc status` shows all there are"
    }
}

extension QualifiedName {
    /// As a user would type it: without the context where it is the default.
    var spoken: String { context == Self.defaultContext ? name : description }
}
