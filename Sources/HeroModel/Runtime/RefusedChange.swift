/// A change of the synced services directory that the reconciler did not apply.
public struct RefusedChange: Hashable, Sendable {
    /// When the reconciler refused it first; nil if that is not known.
    public var since: WallTime?
    /// The reason in the first line, the first errors in the lines after it.
    public var text: String

    /// Creates a refused change.
    public init(since: WallTime?, text: String) {
        self.since = since
        self.text = text
    }
}
