public import HeroModel

/// A process that holds a resource of a declared action and is not a job of this action.
///
/// Only listeners count, never clients (contract section 7).
public struct ObservedHolder: Hashable, Sendable {
    /// The service or standalone action that declares the resource.
    public var service: QualifiedName
    /// Whether `service` names a standalone action.
    public var isStandalone: Bool
    /// The action that declares the resource.
    public var action: String
    /// The held resource.
    public var resource: ClaimedResource
    /// The holding process; 0 if the kernel reports a listener but no process that has it open.
    public var pid: Int32
    /// The uid to which the socket belongs, if the process is not visible; nil if it is unknown.
    public var socketUser: UInt32?
    /// The absolute path of its program; empty if it cannot be read.
    public var exe: String
    /// Whether the process provably is another instance of the same action.
    public var isInstance: Bool
    /// Whether the action can listen on the same port, because both sides share it.
    public var isShared: Bool
    /// Why the process must never be signalled, whatever a manifest allows; nil if it may be.
    public var protection: Protection?
    /// Why the process must not be stopped for this socket; nil if it may be.
    public var passedSocketReason: String?
    /// The user of the process; nil if it is unknown.
    public var user: UInt32?
    /// The service or standalone action whose job the process is; nil for a foreign process.
    public var owner: QualifiedName?

    /// Creates a holder.
    public init(
        service: QualifiedName,
        isStandalone: Bool = false,
        action: String,
        resource: ClaimedResource,
        pid: Int32,
        exe: String,
        isInstance: Bool = false,
        isShared: Bool = false,
        protection: Protection? = nil,
        owner: QualifiedName? = nil
    ) {
        self.service = service
        self.isStandalone = isStandalone
        self.action = action
        self.resource = resource
        self.pid = pid
        self.exe = exe
        self.isInstance = isInstance
        self.isShared = isShared
        self.protection = protection
        self.owner = owner
    }

    /// Creates a holder from the result of the holder search.
    public init(
        service: QualifiedName,
        isStandalone: Bool,
        action: String,
        _ holder: ResourceHolder,
        owner: QualifiedName?
    ) {
        self.init(
            service: service,
            isStandalone: isStandalone,
            action: action,
            resource: holder.resource,
            pid: holder.process?.identity.pid ?? 0,
            exe: holder.process?.program ?? "",
            isInstance: holder.runsProgram,
            isShared: holder.isShared,
            protection: holder.process?.protection,
            owner: owner
        )
        socketUser = holder.socketUser
        user = holder.process?.user
        passedSocketReason = holder.passedSocketReason
    }

    /// A process as text: `pid 412 /usr/sbin/nginx`.
    static func processText(_ pid: Int32, _ exe: String, socketUser: UInt32? = nil) -> String {
        guard pid > 0 else {
            return socketUser.map { "a process of user \($0) that is not visible" } ?? "a process that is not visible"
        }
        return exe.isEmpty ? "pid \(pid)" : "pid \(pid) \(exe)"
    }

    /// The setting that allows heroproc to stop the process; nil if it must not be stopped.
    func stopPermission(_ action: ActionSpec) -> Reclaim.Permission? {
        guard protection == nil, passedSocketReason == nil, pid > 0 else { return nil }
        return .granted(isSingleton: action.singleton, killsOthers: action.killsOthers, isInstance: isInstance)
    }
}
