import ArgumentParser
import HeroModel

/// The name of a service, or of one of its actions: `NAME[.ACTION]` or `CONTEXT/NAME[.ACTION]`.
struct ActionArgument: ExpressibleByArgument {
    /// The service.
    let service: QualifiedName
    /// The action; nil for all actions.
    let action: String?

    /// Parses a name.
    init?(argument: String) {
        let parts = argument.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first,
            let service = QualifiedName(reference: String(first), in: QualifiedName.defaultContext)
        else { return nil }
        self.service = service
        action = parts.count == 2 ? String(parts[1]) : nil
        if let action, !QualifiedName.isValid(action) { return nil }
    }
}
