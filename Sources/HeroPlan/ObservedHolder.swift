public import HeroModel

/// A process that holds what a declared action binds, and that is not this action's own job.
///
/// Only listeners count, never clients (contract section 7).
public struct ObservedHolder: Hashable, Sendable {
    /// What can be held.
    public enum Resource: Hashable, Sendable {
        /// A TCP port, as the action declares it.
        case tcp(TCPEndpoint)
        /// A Unix socket by its absolute path.
        case socket(String)
        /// A PID file by its absolute path: it names the process, which provably is an instance of the action.
        case pidFile(String)
    }

    /// The service, or the standalone action, that declares the resource.
    public var service: QualifiedName
    /// Whether that is an action outside of services.
    public var isStandalone: Bool
    /// The action that declares it.
    public var action: String
    /// What is held.
    public var resource: Resource
    /// The process that holds it; 0 where the kernel shows a listener and nobody who has it open.
    public var pid: Int32
    /// Its program, as an absolute path; empty when it cannot be read.
    public var exe: String
    /// Whether it provably is another instance of the same action.
    public var isInstance: Bool
    /// Why it must never be signalled whatever a manifest allows, in words; nil: nothing forbids it.
    public var protection: String?

    /// Makes a holder.
    public init(
        service: QualifiedName,
        isStandalone: Bool = false,
        action: String,
        resource: Resource,
        pid: Int32,
        exe: String,
        isInstance: Bool = false,
        protection: String? = nil
    ) {
        self.service = service
        self.isStandalone = isStandalone
        self.action = action
        self.resource = resource
        self.pid = pid
        self.exe = exe
        self.isInstance = isInstance
        self.protection = protection
    }

    /// A process in words: `pid 412 /usr/sbin/nginx`.
    static func process(_ pid: Int32, _ exe: String) -> String {
        guard pid > 0 else { return "a process that cannot be seen" }
        return exe.isEmpty ? "pid \(pid)" : "pid \(pid) \(exe)"
    }

    /// What allows to stop it; nil when nothing does, and it is left alone.
    func permission(_ action: ActionSpec) -> Reclaim.Permission? {
        guard protection == nil, pid > 0 else { return nil }
        if action.singleton && isInstance { return .singleton }
        return action.killsOthers ? .killOthers : nil
    }
}

extension ObservedHolder.Resource: CustomStringConvertible {
    /// `tcp 8080`, `socket /run/web.sock`, `PID file /run/web.pid`.
    public var description: String {
        switch self {
        case .tcp(let endpoint): "tcp \(endpoint)"
        case .socket(let path): "socket \(path)"
        case .pidFile(let path): "PID file \(path)"
        }
    }
}
