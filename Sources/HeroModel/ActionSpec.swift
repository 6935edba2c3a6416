/// What an action's manifest says, with every default filled in.
public struct ActionSpec: Hashable, Sendable, Codable {
    /// What is executed.
    public enum Program: Hashable, Sendable, Codable {
        /// An argument list; the first one is looked up in the action's PATH when it has no slash.
        case exec([String])
        /// A text run under an interpreter (a path or a name; nil: from its `#!` line, else `sh`).
        case script(String, interpreter: String?)
    }

    /// Its name, unique within its service.
    public var name: String
    /// For people.
    public var description: String
    /// Copied onto its jobs.
    public var tags: [String]
    /// What is executed.
    public var program: Program
    /// True: kept alive for ever.
    ///
    /// False: a one-shot, up when it ended well.
    public var isProcess: Bool
    /// Absolute working directory; nil: the service's, else `/`.
    public var workingDirectory: String?
    /// Environment, the stronger one.
    public var environment: [String: String]
    /// Absolute paths of the Unix sockets it binds.
    public var sockets: [String]
    /// The TCP ports it binds.
    public var tcpPorts: [TCPEndpoint]
    /// How it is known to be ready; nil: its tree listens on all it declares, or it has executed.
    public var ready: Probe?
    /// Time from the start until it must be ready.
    public var startTimeout: Duration
    /// How long a one-shot may run; nil: as long as it likes.
    public var timeout: Duration?
    /// How it is ended.
    public var stop: StopPolicy
    /// When it is started again.
    public var restart: RestartPolicy
    /// How often, and after which delays.
    public var retry: RetryPolicy
    /// How much of its output is kept.
    public var log: LogPolicy
    /// Raised by the author to ask for a restart.
    public var generation: Int

    /// Makes an action with the contract's defaults, which differ between a process and a one-shot.
    public init(_ name: String, _ program: Program, isProcess: Bool = false) {
        self.name = name
        self.program = program
        self.isProcess = isProcess
        description = ""
        tags = []
        workingDirectory = nil
        environment = [:]
        sockets = []
        tcpPorts = []
        ready = nil
        startTimeout = .seconds(30)
        timeout = nil
        stop = StopPolicy()
        restart = isProcess ? .always : .onFailure
        retry = RetryPolicy(maxAttempts: isProcess ? 0 : 1)
        log = LogPolicy()
        generation = 0
    }
}
