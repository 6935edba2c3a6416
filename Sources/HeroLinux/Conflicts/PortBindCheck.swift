import CHeroLinux
import Glibc
import HeroKernel
import HeroModel

/// Tries to bind a port, because the kernel's tables list only listening sockets (TP-2, TP-4).
///
/// The socket never listens and is closed at once, so no connection can reach it.
enum PortBindCheck {
    /// Whether a port cannot be bound now, because a client uses it, a bound socket does not listen yet, or a listener
    /// does not share the port.
    ///
    /// Returns false if this cannot be tested.
    static func isInUse(_ port: BoundPort, _ request: BlockerScanRequest) -> Bool {
        // Sockets of one user share a port. A bind that this user is refused may be allowed for another user.
        guard !port.isShared || request.bindsAsOwnUser else { return false }
        var address = [UInt8](repeating: 0, count: 16)
        let families: [Int32]
        switch port.endpoint.host {
        // A shared port must be free in both families, because the program may bind either of them.
        case nil: families = port.isShared ? [4, 6] : [4]
        case let host?: families = [hl_parse_address(host == "localhost" ? "127.0.0.1" : host, &address)]
        }
        return families.contains { family in
            family != 0
                && hl_check_bind(family, address, Int32(port.endpoint.port), port.isShared ? 1 : 0) == -EADDRINUSE
        }
    }

    /// Whether an action can listen on a port that other sockets already use.
    ///
    /// The kernel does not report which sockets have `SO_REUSEPORT`, but a bind shows whether another socket is
    /// allowed.
    static func canBindAnotherSocket(_ port: BoundPort, _ request: BlockerScanRequest) -> Bool {
        port.isShared && !isInUse(port, request)
    }
}
