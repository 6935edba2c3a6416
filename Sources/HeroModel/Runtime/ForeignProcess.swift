/// A process that heroproc does not manage.
public struct ForeignProcess: Hashable, Sendable {
    /// The identity; signals are sent only to exactly this process.
    public var identity: ProcessIdentity
    /// The path of its program, or the command name if the path cannot be read.
    public var program: String
    /// The real user.
    public var user: UInt32
    /// The pids of its ancestors; the parent comes first.
    public var ancestors: [Int32]
    /// Why it must never be signalled; nil if it may be signalled.
    public var protection: Protection?
    /// The job that it belongs to, as reported by its shim: `core/web.server #17`; nil if it belongs to no job.
    public var job: String?

    /// Makes a description.
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

    /// Why it must never be signalled, as text; nil if it may be signalled.
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

/// Why a process is never signalled, even if a manifest allows it (I4, RC-2).
public enum Protection: String, Hashable, Sendable, CaseIterable {
    /// Pid 1.
    case pidOne
    /// The reconciler itself.
    case reconciler
    /// An ancestor of the reconciler.
    case ancestor
    /// A shim.
    case shim
    /// A descendant of a shim: a job of this or another heroproc.
    case job
    /// A kernel thread.
    case kernelThread
    /// It runs in another pid namespace, which is a container.
    case container
    /// It forwards the connections of a port to a container (`docker-proxy`, `rootlessport`).
    case portForwarder
    /// It belongs to another user, and heroproc lacks the permission to signal it.
    case otherUser

    /// The reason as text.
    public var reason: String {
        switch self {
        case .pidOne:
            "it is pid 1, which may hold the socket of a unit that it starts on demand: `systemctl list-sockets` shows "
                + "the unit to stop"
        case .reconciler: "it is heroproc itself"
        case .ancestor: "it is an ancestor of heroproc"
        case .shim: "it is a shim of heroproc"
        case .job: "it is a job of heroproc"
        case .kernelThread: "it is a kernel thread"
        case .container: "it runs in a container"
        case .portForwarder:
            "it forwards the port to a container: stop the container (`docker ps` and `podman ps` show ports)"
        case .otherUser: "it belongs to another user, and heroproc may not signal it"
        }
    }
}
