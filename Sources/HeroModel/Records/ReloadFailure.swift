/// A reload that has failed; the program runs on with what it had read before.
public struct ReloadFailure: Hashable, Sendable, Codable {
    /// Why it has failed, as text.
    public var text: String
    /// What should have been read, as a digest: the same is not tried again before an apply.
    public var target: String

    /// Makes a record.
    public init(_ text: String, target: String) {
        self.text = text
        self.target = target
    }
}
