public import HeroModel

/// What must be free, and whom it may be taken from, before an action starts.
public struct ObstacleOrder: Hashable, Sendable {
    /// The TCP addresses it binds.
    public var ports: [TCPEndpoint]
    /// The absolute paths of the Unix sockets it binds.
    public var sockets: [String]
    /// Its PID file; nil where it has none.
    public var pidFile: String?
    /// The user it runs as, as the manifest says it; nil: heroproc's own.
    public var user: String?
    /// The absolute paths its program may have.
    public var programs: [String]
    /// The process that our own record knows as its last one.
    public var recorded: ProcessIdentity?

    /// Makes an order.
    public init(
        ports: [TCPEndpoint],
        sockets: [String],
        pidFile: String?,
        user: String?,
        programs: [String],
        recorded: ProcessIdentity?
    ) {
        self.ports = ports
        self.sockets = sockets
        self.pidFile = pidFile
        self.user = user
        self.programs = programs
        self.recorded = recorded
    }

    /// Whether there is anything to look at.
    public var isEmpty: Bool { ports.isEmpty && sockets.isEmpty && pidFile == nil }
}
