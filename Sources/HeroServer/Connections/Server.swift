import CHeroLinux
import CHeroServer
import Glibc
import HeroLinux

/// Accepts connections on all listeners until SIGTERM or SIGINT.
final class Server: Sendable {
    private let listeners: [Listener]
    private let policy: AccessPolicy
    private let limits: ConnectionLimits
    private let respond: @Sendable (HTTPRequest, RequestContext) -> Reply

    /// The stack of a connection in bytes: enough for reading rows and rendering JSON.
    ///
    /// 1,000 connections need 512 MiB of addresses, not of memory.
    private static let stackSize = 512 << 10

    init(
        _ listeners: [Listener],
        _ policy: AccessPolicy,
        limits: ConnectionLimits,
        respond: @escaping @Sendable (HTTPRequest, RequestContext) -> Reply
    ) {
        self.listeners = listeners
        self.policy = policy
        self.limits = limits
        self.respond = respond
    }

    /// Serves until a signal arrives, then removes the socket files.
    func run(signals: Int32) {
        let descriptors = [signals] + listeners.map(\.descriptor)
        var ready = [UInt8](repeating: 0, count: descriptors.count)
        while true {
            guard hs_poll(descriptors, &ready, Int32(descriptors.count)) >= 0 || errno == EINTR else { break }
            if ready[0] == 1 { break }
            for (index, listener) in listeners.enumerated() where ready[index + 1] == 1 { accept(listener) }
        }
        for listener in listeners { listener.removeSocketFile() }
    }

    private func accept(_ listener: Listener) {
        let descriptor = hs_accept(listener.descriptor)
        guard descriptor >= 0 else {
            // Without free descriptors the connection stays in the kernel's queue.
            if descriptor == -EMFILE || descriptor == -ENFILE || descriptor == -ENOMEM { hs_pause(100) }
            return
        }
        let (client, access) = identify(descriptor, listener)
        guard limits.admit(client) else { return refuse(descriptor) }
        let connection = Connection(descriptor: descriptor, access: access, respond: respond)
        let error = startThread(stackSize: Self.stackSize) { [limits] in
            connection.serve()
            close(descriptor)
            limits.release(client)
        }
        guard error == 0 else {
            limits.release(client)
            return refuse(descriptor)
        }
    }

    /// Closes a connection that is one too many, with a response that fits into an empty socket buffer.
    private func refuse(_ descriptor: Int32) {
        let bytes = HTTPResponse.error(.unavailable, "too many connections").bytes(isPersistent: false)
        _ = hs_send(descriptor, bytes, bytes.count)
        shutdown(descriptor, Int32(SHUT_WR))
        close(descriptor)
    }

    private func identify(_ descriptor: Int32, _ listener: Listener) -> (
        ClientIdentity, @Sendable (HTTPRequest) -> Result<RequestContext, AccessRefusal>
    ) {
        switch listener.address {
        case .unix:
            guard let peer = Self.peer(of: descriptor) else {
                return (.user(.max), { _ in .failure(Self.forbidden("the kernel does not know this client")) })
            }
            let role = policy.role(of: peer)
            return (
                .user(peer.user),
                { _ in
                    guard let role else { return .failure(Self.forbidden("this user is in no permitted group")) }
                    return .success(RequestContext(role: role, isTCP: false))
                }
            )
        case .tcp(let address, let port):
            let check = HostCheck(port: port, address: address.text)
            return (
                .loopback,
                { [policy] request in
                    if let problem = check.problem(of: request) { return .failure(Self.forbidden(problem)) }
                    let role = policy.role(authorization: request.header("authorization"))
                    return .success(RequestContext(role: role, isTCP: true))
                }
            )
        }
    }

    private static func forbidden(_ text: String) -> AccessRefusal {
        AccessRefusal(response: .error(.forbidden, text))
    }

    private static func peer(of descriptor: Int32) -> Peer? {
        var user: UInt32 = 0
        var group: UInt32 = 0
        guard hs_peer(descriptor, &user, &group) == 0 else { return nil }
        // The kernel allows 65,536 groups.
        var groups = [UInt32](repeating: 0, count: 65_536)
        let count = hs_peer_groups(descriptor, &groups, Int32(groups.count))
        return Peer(user: user, groups: Set([group] + groups.prefix(Int(max(0, count)))))
    }
}
