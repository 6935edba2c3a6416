/// The facts about a process on which its protection depends.
public struct ProcessFacts: Hashable, Sendable {
    /// Its PID.
    public var pid: Int32
    /// Whether it is the reconciler.
    public var isReconciler = false
    /// Whether it is an ancestor of the reconciler.
    public var isReconcilerAncestor = false
    /// Whether it is a thread of the kernel.
    public var isKernelThread = false
    /// Whether it is a shim of heroproc.
    public var isShim = false
    /// Whether one of its ancestors is a shim of heroproc.
    public var hasShimAncestor = false
    /// Whether it is in another PID namespace.
    public var isInOtherPIDNamespace = false
    /// The file name of its program; nil if that cannot be read.
    public var programName: String?
    /// Whether this process lacks the permission to signal it.
    public var isSignalForbidden = false

    /// Creates the facts of a process.
    public init(pid: Int32) { self.pid = pid }
}

extension Protection {
    /// Programs that hold a port on behalf of a container (RC-2).
    private static let portForwarders: Set<String> = ["docker-proxy", "rootlessport", "rootlesskit"]

    /// Decides why a process must never be signalled; nil if it may be (RC-2).
    public init?(_ process: ProcessFacts) {
        if process.pid == 1 {
            self = .pidOne
        } else if process.isReconciler {
            self = .reconciler
        } else if process.isReconcilerAncestor {
            self = .ancestor
        } else if process.isKernelThread {
            self = .kernelThread
        } else if process.isShim {
            self = .shim
        } else if process.hasShimAncestor {
            self = .job
        } else if process.isInOtherPIDNamespace {
            self = .container
        } else if let name = process.programName, Self.portForwarders.contains(name) {
            self = .portForwarder
        } else if process.isSignalForbidden {
            self = .otherUser
        } else {
            return nil
        }
    }
}
