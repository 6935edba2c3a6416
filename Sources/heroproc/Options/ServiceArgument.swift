import ArgumentParser
import HeroModel

/// The name of a service: `NAME` in the context `core`, or `CONTEXT/NAME`.
struct ServiceArgument: ExpressibleByArgument {
    /// The service.
    let name: QualifiedName

    /// Parses a name.
    init?(argument: String) {
        guard let name = QualifiedName(reference: argument, in: QualifiedName.defaultContext) else { return nil }
        self.name = name
    }
}
