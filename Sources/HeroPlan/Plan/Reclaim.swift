public import HeroModel

/// A process that is stopped because it holds a resource that a start needs (contract section 7).
///
/// A plan shows its reclaims before anything is stopped.
public struct Reclaim: Hashable, Sendable {
    /// The setting of the action that allows the reclaim.
    public typealias Permission = StopPermission

    /// The service or the standalone action.
    public var service: QualifiedName
    /// Whether `service` names a standalone action.
    public var isStandalone: Bool
    /// The action that declares the resource.
    public var action: String
    /// The held resource.
    public var resource: ClaimedResource
    /// The holding process.
    public var pid: Int32
    /// The absolute path of its program; empty if it cannot be read.
    public var exe: String
    /// The user of the process; nil if it is unknown.
    public var user: UInt32?
    /// The setting that allows the reclaim.
    public var allowedBy: Permission

    /// Creates a reclaim.
    public init(_ holder: ObservedHolder, allowedBy: Permission) {
        service = holder.service
        isStandalone = holder.isStandalone
        action = holder.action
        resource = holder.resource
        pid = holder.pid
        exe = holder.exe
        user = holder.user
        self.allowedBy = allowedBy
    }

    /// `pid 412 /usr/sbin/nginx`.
    var processText: String { ObservedHolder.processText(pid, exe) }

    private var userText: String { user.map { " of user \($0)" } ?? "" }

    /// `will stop pid 412 /usr/sbin/nginx of user 33: holds tcp 8080 (kill_others)`.
    public var text: String {
        switch resource {
        case .tcp, .socket: "will stop \(processText)\(userText): holds \(resource) (\(allowedBy.rawValue))"
        case .pidFile: "will stop \(processText)\(userText): named by \(resource) (\(allowedBy.rawValue))"
        }
    }
}
