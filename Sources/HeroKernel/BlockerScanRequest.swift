public import HeroModel

/// What must be free, and whom it may be taken from, before an action starts.
public struct BlockerScanRequest: Hashable, Sendable {
    /// The TCP ports it binds.
    public var ports: [BoundPort]
    /// Whether it binds them as heroproc's own user: a port is shared by sockets of one user, so only then does a bind that
    /// heroproc tries say whether the action's own would succeed (socket(7)).
    public var bindsAsOwnUser = true
    /// The absolute paths of the Unix sockets it binds.
    public var sockets: [String]
    /// Its PID file; nil where it names none.
    public var pidFile: String?
    /// The name of the PID file that heroproc writes for it; nil where it does not.
    public var ownPIDFile: String?
    /// Its program, as its first argument says it; empty for a script.
    public var program: String
    /// Where `PATH` is found, when the program has no slash.
    public var environment: [EnvironmentLayer]
    /// The process that our own record knows as its last one.
    public var recorded: ProcessIdentity?

    /// Makes an order.
    public init(
        ports: [BoundPort],
        sockets: [String],
        pidFile: String?,
        program: String,
        environment: [EnvironmentLayer],
        recorded: ProcessIdentity?
    ) {
        self.ports = ports
        self.sockets = sockets
        self.pidFile = pidFile
        self.program = program
        self.environment = environment
        self.recorded = recorded
    }

    /// Whether there is anything to look at.
    public var isEmpty: Bool { ports.isEmpty && sockets.isEmpty && pidFile == nil && ownPIDFile == nil }
}
