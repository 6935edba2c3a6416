/// The kinds of documents.
enum DocumentKind: String, CaseIterable {
    /// A named combination of actions.
    case service = "Service"
    /// An action in a document of its own.
    case action = "Action"
    /// The settings of the whole set.
    case settings = "Settings"
}
