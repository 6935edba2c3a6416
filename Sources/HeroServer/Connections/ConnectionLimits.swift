import Synchronization

/// The client that a connection counts for.
enum ClientIdentity: Hashable, Sendable {
    /// A user, on a Unix socket.
    case user(UInt32)
    /// All clients of the loopback interface: the kernel does not name them.
    case loopback
}

/// Counts connections, so that no client can use up all of them.
final class ConnectionLimits: Sendable {
    private struct Counts {
        var total = 0
        var byClient: [ClientIdentity: Int] = [:]
    }

    /// The largest number of connections.
    let maximum: Int
    private let counts = Mutex(Counts())

    init(maximum: Int = 1000) { self.maximum = maximum }

    /// The largest number of connections of one client.
    var maximumOfClient: Int { maximum / 4 }

    /// Counts a new connection; returns false if it is one too many.
    func admit(_ client: ClientIdentity) -> Bool {
        counts.withLock { counts in
            guard counts.total < maximum, counts.byClient[client, default: 0] < maximumOfClient else { return false }
            counts.total += 1
            counts.byClient[client, default: 0] += 1
            return true
        }
    }

    /// A connection has ended.
    func release(_ client: ClientIdentity) {
        counts.withLock { counts in
            counts.total -= 1
            let rest = counts.byClient[client, default: 1] - 1
            counts.byClient[client] = rest == 0 ? nil : rest
        }
    }
}
