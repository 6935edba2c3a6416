public import HeroModel

/// A process that is stopped to make room for what starts, said before it happens (contract section 7).
public struct Reclaim: Hashable, Sendable {
    /// The setting of the action that allows it.
    public enum Permission: String, Hashable, Sendable, Codable, CaseIterable {
        /// `kill_others`: strangers that hold its ports or sockets may be stopped.
        case killOthers = "kill_others"
        /// `singleton`: another instance of the same action may be stopped.
        case singleton
    }

    /// The service, or the standalone action.
    public var service: QualifiedName
    /// Whether it is about an action outside of services.
    public var isStandalone: Bool
    /// The action that declares the resource.
    public var action: String
    /// What is held.
    public var resource: ClaimedResource
    /// The process that holds it.
    public var pid: Int32
    /// Its program, as an absolute path; empty when it cannot be read.
    public var exe: String
    /// What allows it.
    public var allowedBy: Permission

    /// Makes a reclaim.
    public init(_ holder: ObservedHolder, allowedBy: Permission) {
        service = holder.service
        isStandalone = holder.isStandalone
        action = holder.action
        resource = holder.resource
        pid = holder.pid
        exe = holder.exe
        self.allowedBy = allowedBy
    }

    /// `pid 412 /usr/sbin/nginx`.
    var processText: String { ObservedHolder.processText(pid, exe) }

    /// `will stop pid 412 /usr/sbin/nginx: holds tcp 8080 (kill_others)`.
    public var text: String {
        switch resource {
        case .tcp, .socket: "will stop \(processText): holds \(resource) (\(allowedBy.rawValue))"
        case .pidFile: "will stop \(processText): named by \(resource) (\(allowedBy.rawValue))"
        }
    }
}

/// Where the machine has left what was recorded.
public struct Drift: Hashable, Sendable {
    /// The kinds of it.
    public enum Kind: String, Hashable, Sendable, Codable, CaseIterable {
        /// A process that is recorded as running is not there any more.
        case processGone = "process_gone"
        /// A socket file was removed while its listener lives: nobody new can reach it.
        case socketGone = "socket_gone"
        /// A declared port is held by a process that is not the action's own.
        case portHeldByForeignProcess = "port_held_by_stranger"
        /// A declared socket is held by a process that is not the action's own, or its PID file names one.
        case socketHeldByForeignProcess = "socket_held_by_stranger"
        /// The program on disk is another one than the one that runs.
        case programReplaced = "program_replaced"
        /// A file of `env_file` or `from_file` has changed since the start.
        case environmentFileChanged = "environment_file_changed"
    }

    /// The service.
    public var service: QualifiedName
    /// The action of it.
    public var action: String
    /// The kind.
    public var kind: Kind
    /// What is found, in words: `process 412 is gone`.
    public var text: String

    /// Makes a drift.
    public init(service: QualifiedName, action: String, kind: Kind = .processGone, text: String) {
        self.service = service
        self.action = action
        self.kind = kind
        self.text = text
    }

    /// A process that is recorded as running is not there any more.
    public static func processGone(_ service: QualifiedName, _ action: String, pid: Int32) -> Drift {
        Drift(service: service, action: action, kind: .processGone, text: "process \(pid) is gone")
    }

    /// A socket file was removed while its listener lives.
    public static func socketGone(_ service: QualifiedName, _ action: String, path: String) -> Drift {
        Drift(
            service: service,
            action: action,
            kind: .socketGone,
            text: "socket \(path) was removed while the program listens on it; raise `generation` to get it back"
        )
    }

    /// The program on disk is another one than the one that runs, or is not there any more.
    public static func programReplaced(_ service: QualifiedName, _ action: String, path: String) -> Drift {
        Drift(
            service: service,
            action: action,
            kind: .programReplaced,
            text: "program \(path) was replaced on disk since it started; raise `generation` to run the new one"
        )
    }

    /// A file the environment was read from at the start has changed since.
    public static func environmentFileChanged(_ service: QualifiedName, _ action: String, path: String) -> Drift {
        Drift(
            service: service,
            action: action,
            kind: .environmentFileChanged,
            text: "\(path) changed since its environment was read; raise `generation` to read it again"
        )
    }

    /// What an action declares is held by somebody else; `permission` is the key that lets its next start take it.
    static func resourceHeld(_ holder: ObservedHolder, _ permission: Reclaim.Permission?) -> Drift {
        let kind: Kind =
            switch holder.resource {
            case .tcp: .portHeldByForeignProcess
            case .socket, .pidFile: .socketHeldByForeignProcess
            }
        let process = ObservedHolder.processText(holder.pid, holder.exe)
        var text =
            switch holder.resource {
            case .tcp, .socket: "\(holder.resource) is held by \(process)"
            case .pidFile: "\(process) is this action already, says \(holder.resource)"
            }
        if let owner = holder.owner {
            text += " of \(owner); let only one of them have it"
        } else if let protection = holder.protection {
            text += ", which is never stopped: \(protection.reason)"
        } else if let permission {
            text += "; its next start stops it (\(permission.rawValue))"
        } else if holder.pid > 0 {
            let key: Reclaim.Permission = holder.isInstance ? .singleton : .killOthers
            text += "; end it, or set `\(key.rawValue): true` to have it stopped"
        }
        return Drift(service: holder.service, action: holder.action, kind: kind, text: text)
    }
}

extension Drift.Kind {
    /// Whether it is over once the service has been stopped.
    var isResolvedByStop: Bool {
        switch self {
        case .socketGone, .programReplaced, .environmentFileChanged: true
        case .processGone, .portHeldByForeignProcess, .socketHeldByForeignProcess: false
        }
    }
}
