public import HeroModel

/// The resources that must be free before an action starts.
public struct BlockerScanRequest: Hashable, Sendable {
    /// The TCP ports that the action binds.
    public var ports: [BoundPort]
    /// Whether the action binds them as heroproc's own user.
    ///
    /// Only sockets of one user can share a port, so only then does a trial bind of heroproc show whether the action's
    /// own bind would succeed (socket(7)).
    public var bindsAsOwnUser = true
    /// The absolute paths of the Unix sockets that the action binds.
    public var sockets: [String]
    /// The absolute path of its PID file; nil where it declares none.
    public var pidFile: String?
    /// The name of the PID file that heroproc writes for the action; nil where it writes none.
    public var ownPIDFile: String?
    /// The first argument of its command; empty for a script.
    public var program: String
    /// Its environment, weakest layer first: a program without a slash is searched in the `PATH` of it.
    public var environment: [EnvironmentLayer]
    /// Its last recorded process; nil when there is none.
    public var recorded: ProcessIdentity?

    /// Makes a request.
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
}
