/// The kinds of relation to another service that a service can declare.
enum RelationKind: String, CaseIterable {
    /// Requirement: gates the start, and a stop cascades.
    case requires
    /// Order only.
    case after
    /// Soft dependency: order only, for services that are declared.
    case wants
    /// Never up at the same time; the only kind without an order.
    case conflicts
}
