public import HeroModel

/// A difference between the machine and the records that no change of a manifest explains.
public struct Drift: Hashable, Sendable {
    /// The kinds of drift.
    public enum Kind: String, Hashable, Sendable, Codable, CaseIterable {
        /// A process that is recorded as running no longer exists.
        case processGone = "process_gone"
        /// A socket file was removed while its listener is running, so new clients cannot connect.
        case socketGone = "socket_gone"
        /// A declared port is held by a process that is not a job of the action.
        case portHeldByForeignProcess = "port_held_by_stranger"
        /// A declared socket is held by a process that is not a job of the action, or its PID file names such a
        /// process.
        case socketHeldByForeignProcess = "socket_held_by_stranger"
        /// The program on disk differs from the running program.
        case programReplaced = "program_replaced"
        /// A file of `env_file` or `from_file` changed since the start.
        case environmentFileChanged = "environment_file_changed"
    }

    /// The service.
    public var service: QualifiedName
    /// The action of the service.
    public var action: String
    /// The kind.
    public var kind: Kind
    /// The drift as text: `process 412 is gone`.
    public var text: String

    /// Creates a drift.
    public init(service: QualifiedName, action: String, kind: Kind = .processGone, text: String) {
        self.service = service
        self.action = action
        self.kind = kind
        self.text = text
    }

    /// A process that is recorded as running no longer exists.
    public static func processGone(_ service: QualifiedName, _ action: String, pid: Int32) -> Drift {
        Drift(service: service, action: action, kind: .processGone, text: "process \(pid) is gone")
    }

    /// A socket file was removed while its listener is running.
    public static func socketGone(_ service: QualifiedName, _ action: String, path: String) -> Drift {
        Drift(
            service: service,
            action: action,
            kind: .socketGone,
            text: "socket \(path) was removed while the program listens on it; raise `generation` to recreate it"
        )
    }

    /// The program on disk differs from the running program or no longer exists.
    public static func programReplaced(_ service: QualifiedName, _ action: String, path: String) -> Drift {
        Drift(
            service: service,
            action: action,
            kind: .programReplaced,
            text: "program \(path) was replaced on disk since it started; raise `generation` to run the new one"
        )
    }

    /// A file from which the environment was read at the start has changed since then.
    public static func environmentFileChanged(_ service: QualifiedName, _ action: String, path: String) -> Drift {
        Drift(
            service: service,
            action: action,
            kind: .environmentFileChanged,
            text: "\(path) changed since its environment was read; raise `generation` to read it again"
        )
    }

    /// A declared resource is held by another process; `permission` is the setting that lets the next start stop it.
    static func resourceHeld(_ holder: ObservedHolder, _ permission: Reclaim.Permission?) -> Drift {
        let kind: Kind =
            switch holder.resource {
            case .tcp: .portHeldByForeignProcess
            case .socket, .pidFile: .socketHeldByForeignProcess
            }
        let process = ObservedHolder.processText(holder.pid, holder.exe, socketUser: holder.socketUser)
        var text =
            switch holder.resource {
            case .tcp, .socket: "\(holder.resource) is held by \(process)"
            case .pidFile: "\(holder.resource) names \(process), which already runs this action"
            }
        if let owner = holder.owner {
            text += " of \(owner); assign it to only one of them"
        } else if let protection = holder.protection {
            text += ", which is never stopped: \(protection.reason)"
        } else if let reason = holder.passedSocketReason {
            text += ", which is not stopped: \(reason)"
        } else if let permission {
            text += "; the next start stops this process (\(permission.rawValue))"
        } else if holder.pid > 0 {
            let key: Reclaim.Permission = holder.isInstance ? .singleton : .killOthers
            text += "; stop it, or set `\(key.rawValue): true` so that heroproc stops it"
        }
        return Drift(service: holder.service, action: holder.action, kind: kind, text: text)
    }
}

extension Drift.Kind {
    /// Whether a stop of the service resolves this drift.
    var isResolvedByStop: Bool {
        switch self {
        case .socketGone, .programReplaced, .environmentFileChanged: true
        case .processGone, .portHeldByForeignProcess, .socketHeldByForeignProcess: false
        }
    }
}
