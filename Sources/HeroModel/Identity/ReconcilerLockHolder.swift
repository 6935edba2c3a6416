/// Who is the reconciler of a state directory, in its own words: what stands in its lock (reliability.md LK-1).
public struct ReconcilerLockHolder: Hashable, Sendable {
    /// Its pid, in its own pid namespace; 0 while it is just beginning, and has not said.
    public var pid: Int32
    /// How it works, in one word: `watch`, `keep`, `background`, `once`, `safe`.
    public var mode: String
    /// The services directory it syncs from, or keeps the revision of; empty when there is none.
    public var directory: String
    /// Why it applies nothing new, and until when, in words; nil unless it is in safe mode (reliability.md CR-6).
    public var safeMode: String?

    /// Describes one.
    public init(pid: Int32, mode: String, directory: String) {
        self.pid = pid
        self.mode = mode
        self.directory = directory
    }
}
