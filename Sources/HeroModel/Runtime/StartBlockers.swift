/// Something an action binds or is known by, of which there is one on the machine.
public enum ClaimedResource: Hashable, Sendable, Codable {
    /// A TCP address it listens on.
    case tcp(TCPEndpoint)
    /// The absolute path of a Unix socket it listens on; abstract ones begin with `@`.
    case socket(String)
    /// The absolute path of its PID file.
    case pidFile(String)
}

extension ClaimedResource: CustomStringConvertible {
    /// `tcp 8080`, `socket /run/web.sock` or `PID file /run/web.pid`.
    public var description: String {
        switch self {
        case .tcp(let endpoint): "tcp \(endpoint)"
        case .socket(let path): "socket \(path)"
        case .pidFile(let path): "PID file \(path)"
        }
    }
}

/// What stands between an action and its start, as it was seen at one moment (contract section 7).
public struct StartBlockers: Hashable, Sendable {
    /// What its PID file says.
    public var pidFile: PIDFileState
    /// Who holds what it binds, each once for each resource.
    public var holders: [ResourceHolder]
    /// Socket files that nobody holds: they can go.
    public var staleSockets: [SocketFile]
    /// What is in the way and cannot be judged or cleared, in words: a file that is no socket, a port that a client uses.
    public var unresolved: [String]

    /// Gathers what was seen; nothing by default.
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

/// A resource that is taken.
public struct ResourceHolder: Hashable, Sendable {
    /// What is taken.
    public var resource: ClaimedResource
    /// By whom; nil where the kernel shows a listener and no process that has it open (reliability.md TP-3).
    public var process: ForeignProcess?
    /// Whether it executes the action's program or script: then it is another instance of it.
    public var runsProgram: Bool
    /// Whether the action can listen beside it: it declares the port as shared, and the kernel does not refuse it
    /// (reliability.md TP-4).
    public var isShared: Bool

    /// Makes a holder.
    public init(
        _ resource: ClaimedResource,
        by process: ForeignProcess?,
        runsProgram: Bool = false,
        isShared: Bool = false
    ) {
        self.resource = resource
        self.process = process
        self.runsProgram = runsProgram
        self.isShared = isShared
    }
}

/// A process that is not ours to command, with what is known of it.
public struct ForeignProcess: Hashable, Sendable {
    /// Which one: signals go to it and to no other.
    public var identity: ProcessIdentity
    /// Path of its program; its command's name where the path cannot be read.
    public var program: String
    /// Its real user.
    public var user: UInt32
    /// The pids above it, its parent first.
    public var ancestors: [Int32]
    /// Why it must never be signalled; nil: nothing forbids it.
    public var protection: Protection?
    /// The job it belongs to, in the words of its shim: `core/web.server #17`; nil for everybody else.
    public var job: String?

    /// Describes a process.
    public init(
        identity: ProcessIdentity,
        program: String,
        user: UInt32,
        ancestors: [Int32] = [],
        protection: Protection? = nil,
        job: String? = nil
    ) {
        self.identity = identity
        self.program = program
        self.user = user
        self.ancestors = ancestors
        self.protection = protection
        self.job = job
    }

    /// Why it must never be signalled, in words; nil: nothing forbids it.
    public var protectionReason: String? {
        switch protection {
        case .job: job.map { "it is the job \($0) of heroproc" } ?? protection?.reason
        case .pidOne, .reconciler, .ancestor, .shim, .kernelThread, .container, .portForwarder, .otherUser, nil:
            protection?.reason
        }
    }
}

extension ForeignProcess: CustomStringConvertible {
    /// `pid 412 /usr/sbin/nginx`.
    public var description: String { "pid \(identity.pid) \(program)" }
}

/// Why a process is never signalled by a reclaim, whatever a manifest allows (reliability.md I4, RC-2).
public enum Protection: String, Hashable, Sendable, CaseIterable {
    /// Pid 1.
    case pidOne
    /// The reconciler itself.
    case reconciler
    /// Above the reconciler.
    case ancestor
    /// A shim.
    case shim
    /// Below a shim: a job of this or another heroproc.
    case job
    /// A thread of the kernel.
    case kernelThread
    /// It lives in another pid namespace: a container.
    case container
    /// It hands the connections of a port on to a container (`docker-proxy`, `rootlessport`).
    case portForwarder
    /// It belongs to a user whose processes heroproc may not signal.
    case otherUser

    /// What it is, in words.
    public var reason: String {
        switch self {
        case .pidOne:
            "it is pid 1, which may listen for a service that it starts on demand: `systemctl list-sockets` names the unit "
                + "to stop"
        case .reconciler: "it is heroproc itself"
        case .ancestor: "heroproc was started below it"
        case .shim: "it is a shim of heroproc"
        case .job: "it is a job of heroproc"
        case .kernelThread: "it is a thread of the kernel"
        case .container: "it lives in a container"
        case .portForwarder: "it stands for a container: stop that one (`docker ps` and `podman ps` show ports)"
        case .otherUser: "it belongs to another user, and heroproc may not signal it"
        }
    }
}

/// What a PID file says (reliability.md PF-1, PF-2).
public enum PIDFileState: Hashable, Sendable {
    /// There is none, or the action has none.
    case absent
    /// It names nobody who lives, or is no PID file; the text says which.
    case stale(String)
    /// It names a process that lives.
    case namesProcess(ForeignProcess, path: String, Evidence)

    /// What speaks for the process being the action's own.
    public struct Evidence: Hashable, Sendable {
        /// Whether the file's owner is root, heroproc's user, or the process's own user.
        public var isOwnerTrusted: Bool
        /// Our own record says that this process was it.
        public var isRecorded: Bool
        /// It holds a lock on that very file.
        public var holdsLock: Bool
        /// It executes the action's program or script, and did so before the file was written.
        public var runsProgram: Bool
        /// It holds a socket or port that the action declares.
        public var holdsResource: Bool

        /// Gathers evidence; none by default.
        public init(
            isOwnerTrusted: Bool = false,
            isRecorded: Bool = false,
            holdsLock: Bool = false,
            runsProgram: Bool = false,
            holdsResource: Bool = false
        ) {
            self.isOwnerTrusted = isOwnerTrusted
            self.isRecorded = isRecorded
            self.holdsLock = holdsLock
            self.runsProgram = runsProgram
            self.holdsResource = holdsResource
        }

        /// Whether the process is provably the action's: a trusted owner, and at least one sign.
        public var isConclusive: Bool { isOwnerTrusted && (isRecorded || holdsLock || runsProgram || holdsResource) }
    }
}

/// One socket file, known by more than its name, so that no other one is ever removed in its place.
public struct SocketFile: Hashable, Sendable {
    /// Absolute path.
    public var path: String
    /// Its device.
    public var device: UInt64
    /// Its inode.
    public var inode: UInt64
    /// When it was made, in nanoseconds of the calendar; 0 where the file system does not know.
    public var bornAt: Int64

    /// Makes a socket file.
    public init(path: String, device: UInt64, inode: UInt64, bornAt: Int64) {
        self.path = path
        self.device = device
        self.inode = inode
        self.bornAt = bornAt
    }
}
