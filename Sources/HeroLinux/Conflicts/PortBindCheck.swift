import CHeroLinux
import Glibc
import HeroKernel
import HeroModel

/// Binding a port to see whether it can be bound, for what the tables of listeners do not say (reliability.md TP-2, TP-4).
///
/// The socket never listens and is closed at once: no connection of others can reach it.
enum PortBindCheck {
    /// Whether a port cannot be bound now: a client uses it, a socket is bound that does not listen, or somebody who listens
    /// leaves no room beside it; false where that cannot be tried.
    static func isInUse(_ port: BoundPort, _ order: BlockerScanRequest) -> Bool {
        // One user's sockets share a port: what we are refused, another user may be given.
        guard !port.isShared || order.bindsAsOwnUser else { return false }
        var address = [UInt8](repeating: 0, count: 16)
        let families: [Int32]
        switch port.endpoint.host {
        // Beside others who listen it must find room in both families, as it may bind any of them.
        case nil: families = port.isShared ? [4, 6] : [4]
        case let host?: families = [hl_parse_address(host == "localhost" ? "127.0.0.1" : host, &address)]
        }
        return families.contains { family in
            family != 0
                && hl_check_bind(family, address, Int32(port.endpoint.port), port.isShared ? 1 : 0) == -EADDRINUSE
        }
    }

    /// Whether an action can listen on a port beside those who listen there.
    ///
    /// The kernel tells nobody which sockets have `SO_REUSEPORT`, but it says whether one more may be bound.
    static func canBindAnotherSocket(_ port: BoundPort, _ order: BlockerScanRequest) -> Bool {
        port.isShared && !isInUse(port, order)
    }
}
