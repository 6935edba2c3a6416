/// The reconciler of a state directory, as it describes itself in the lock file (LK-1).
public struct ReconcilerLockHolder: Hashable, Sendable {
    /// The pid in its own pid namespace; 0 until it has written the lock file.
    public var pid: Int32
    /// The mode: `watch`, `keep`, `background`, `once` or `safe`.
    public var mode: String
    /// The services directory of its revision; empty if there is none.
    public var directory: String
    /// The reason and the end of safe mode as text; nil if it is not in safe mode (CR-6).
    public var safeMode: String?

    /// Makes a description.
    public init(pid: Int32, mode: String, directory: String) {
        self.pid = pid
        self.mode = mode
        self.directory = directory
    }
}
