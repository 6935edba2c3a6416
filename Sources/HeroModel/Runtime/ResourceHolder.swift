/// A resource of an action that exists once per machine.
public enum ClaimedResource: Hashable, Sendable, Codable {
    /// A TCP address that the action listens on.
    case tcp(TCPEndpoint)
    /// The absolute path of a Unix socket that it listens on; an abstract socket begins with `@`.
    case socket(String)
    /// The absolute path of its PID file.
    case pidFile(String)
}

extension ClaimedResource {
    /// Whether both are the same resource of the kernel, which compares paths by their bytes.
    public static func == (left: Self, right: Self) -> Bool {
        switch (left, right) {
        case (.tcp(let left), .tcp(let right)): left == right
        case (.socket(let left), .socket(let right)), (.pidFile(let left), .pidFile(let right)):
            left.utf8.elementsEqual(right.utf8)
        case (.tcp, _), (.socket, _), (.pidFile, _): false
        }
    }

    /// Hashes the resource.
    public func hash(into hasher: inout Hasher) {
        switch self {
        case .tcp(let endpoint): hasher.combine(endpoint)
        case .socket(let path): hasher.combine(ByteText(path))
        case .pidFile(let path): hasher.combine(ByteText(path))
        }
    }
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

/// A process that holds a resource.
public struct ResourceHolder: Hashable, Sendable {
    /// The resource.
    public var resource: ClaimedResource
    /// The process; nil if the kernel shows a listener and no process that has it open (TP-3).
    public var process: ForeignProcess?
    /// The user that created the socket; nil if that is unknown, or the resource is not a socket.
    public var socketUser: UInt32?
    /// Whether it executes the program or script of the action, so that it is another instance.
    public var runsProgram: Bool
    /// Whether the action can listen at the same time: it declares the port as shared, and the kernel allows it
    /// (TP-4).
    public var isShared: Bool

    /// Makes a holder.
    public init(
        _ resource: ClaimedResource,
        by process: ForeignProcess?,
        socketUser: UInt32? = nil,
        runsProgram: Bool = false,
        isShared: Bool = false
    ) {
        self.resource = resource
        self.process = process
        self.socketUser = socketUser
        self.runsProgram = runsProgram
        self.isShared = isShared
    }

    /// Why the process must not be stopped for this socket; nil if it may be.
    ///
    /// Any program can pass a listening socket to a process that accepts descriptors (unix(7), SCM_RIGHTS). That
    /// process holds the port then, and is not to blame. A socket that root created may be held by every user, because
    /// servers bind their ports as root and then change their user.
    public var passedSocketReason: String? {
        guard let socketUser, let process, socketUser != 0, socketUser != process.user else { return nil }
        return
            "user \(socketUser) created this socket and the process runs as user \(process.user), so another process "
            + "may have passed the socket to it"
    }
}
