/// The blockers of a start at one time (contract section 7).
public struct StartBlockers: Hashable, Sendable {
    /// The state of its PID file.
    public var pidFile: PIDFileState
    /// The PID file that the action names, if it exists; nil for the one that heroproc writes itself.
    public var leftPIDFile: LeftPIDFile?
    /// The holders of its resources, one entry per process and resource.
    public var holders: [ResourceHolder]
    /// Socket files that no process holds; they can be removed.
    public var staleSockets: [SocketFile]
    /// Blockers that heroproc cannot remove, as text: a file that is not a socket, a port that a client uses.
    public var unresolved: [String]

    /// Makes blockers; by default there are none.
    public init(
        pidFile: PIDFileState = .absent,
        holders: [ResourceHolder] = [],
        staleSockets: [SocketFile] = [],
        unresolved: [String] = []
    ) {
        self.pidFile = pidFile
        self.holders = holders
        self.staleSockets = staleSockets
        self.unresolved = unresolved
    }
}
