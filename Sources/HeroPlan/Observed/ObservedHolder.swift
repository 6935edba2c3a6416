public import HeroModel

/// A process that holds what a declared action binds, and that is not this action's own job.
///
/// Only listeners count, never clients (contract section 7).
public struct ObservedHolder: Hashable, Sendable {
    /// The service, or the standalone action, that declares the resource.
    public var service: QualifiedName
    /// Whether that is an action outside of services.
    public var isStandalone: Bool
    /// The action that declares it.
    public var action: String
    /// What is held.
    public var resource: ClaimedResource
    /// The process that holds it; 0 where the kernel shows a listener and nobody who has it open.
    public var pid: Int32
    /// Its program, as an absolute path; empty when it cannot be read.
    public var exe: String
    /// Whether it provably is another instance of the same action.
    public var isInstance: Bool
    /// Whether the action can listen beside it, on a port that it declares as shared.
    public var isShared: Bool
    /// Why it must never be signalled whatever a manifest allows; nil: nothing forbids it.
    public var protection: Protection?
    /// The service, or the standalone action, of our own whose job it is; nil for a stranger.
    public var owner: QualifiedName?

    /// Makes a holder.
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

    /// Makes a holder of what was seen of it.
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
    }

    /// A process in words: `pid 412 /usr/sbin/nginx`.
    static func processText(_ pid: Int32, _ exe: String) -> String {
        guard pid > 0 else { return "a process that cannot be seen" }
        return exe.isEmpty ? "pid \(pid)" : "pid \(pid) \(exe)"
    }

    /// What allows to stop it; nil when nothing does, and it is left alone.
    func stopPermission(_ action: ActionSpec) -> Reclaim.Permission? {
        guard protection == nil, pid > 0 else { return nil }
        if action.singleton && isInstance { return .singleton }
        return action.killsOthers ? .killOthers : nil
    }
}
