import CHeroLinux
import CHeroRecord
import Glibc
import HeroKernel
import HeroModel

/// The process that forks shims: `hpshim fork-server`, which executes nothing and is therefore several times faster
/// than to spawn a shim (docs/decisions/0036-fork-server.md).
///
/// A start is never lost and never happens twice, whatever happens to that process: each forked shim sends its PID
/// before it does anything else, and exits if it cannot. After `shutDown` has closed the socket for further replies, a
/// start without a reply will never run, and the caller spawns its shim.
final class ForkServer {
    /// The result of a request: the PID of the shim, or nil if the server does not start this one.
    typealias Reply = (start: PreparedStart, shim: Int32?)

    private struct Server {
        var id: UInt64
        var pid: Int32
        var pidfd: Descriptor
        var socket: Descriptor
    }

    /// How long the server may send no reply while it has requests; after that it counts as stopped.
    static let timeout = Duration.seconds(1)
    /// The time between two starts of a server that ends again and again.
    static let restartDelay = Duration.seconds(5)
    /// The maximum number of requests without a reply; their specs are open in this process.
    static let maxPending = 128

    private let reactor: Reactor
    private let launcher: ShimLauncher
    private var server: Server?
    private var pending: [UInt32: PreparedStart] = [:]
    /// Servers that were killed and are not reaped yet.
    private var endingServers: [UInt64: Server] = [:]
    private var lastID: UInt64 = 0
    private var lastNumber: UInt32 = 0
    private var nextStart: Moment

    init(_ reactor: Reactor, _ launcher: ShimLauncher) {
        self.reactor = reactor
        self.launcher = launcher
        nextStart = reactor.now
        startIfNeeded()
    }

    deinit { if let server { _ = hl_pidfd_send_signal(server.pidfd.number, SIGKILL) } }

    /// The PID of the running server.
    var pid: Int32? { server?.pid }

    /// Whether it has requests without a reply.
    var hasPending: Bool { !pending.isEmpty }

    /// Whether the replies that have arrived should be taken before the next request.
    var hasManyPending: Bool { pending.count >= Self.maxPending / 4 }

    /// Whether a child of this process is a server, which is reaped by `handleExit`.
    func isServer(_ pid: Int32) -> Bool {
        server?.pid == pid || endingServers.values.contains { $0.pid == pid }
    }

    /// Requests a shim; never waits.
    ///
    /// - Returns: false if the caller must spawn this shim.
    func request(_ start: PreparedStart) -> Bool {
        startIfNeeded()
        guard let server, pending.count < Self.maxPending, var request = Self.makeRequest(start.title) else {
            return false
        }
        lastNumber &+= 1
        request.number = lastNumber
        let result = withUnsafeBytes(of: request) {
            hl_send_message(server.socket.number, $0.baseAddress, $0.count, start.spec.number)
        }
        guard result == 0 else { return false }
        if pending.isEmpty { setTimer(server) }
        pending[lastNumber] = start
        return true
    }

    /// Marks a start that was requested for cancellation; returns false if there is none.
    func cancel(_ start: StartID) -> Bool {
        guard let found = pending.values.first(where: { $0.request.start == start }) else { return false }
        found.isCancelled = true
        return true
    }

    /// Returns the replies that have arrived.
    func takeReplies() -> [Reply] {
        guard let server else { return [] }
        var replies: [Reply] = []
        guard receive(from: server, into: &replies) else { return replies + shutDown() }
        if pending.isEmpty {
            reactor.cancelTimer(EventSource(.forkServer, server.id))
        } else if !replies.isEmpty {
            setTimer(server)
        }
        return replies
    }

    /// The server has sent no reply for too long.
    func handleTimeout() -> [Reply] {
        let replies = takeReplies()
        return hasPending && replies.isEmpty ? shutDown() : replies
    }

    /// A server has ended: its last replies are returned, and it is reaped.
    func handleExit(_ id: UInt64) -> [Reply] {
        let replies = server?.id == id ? shutDown() : []
        guard let ended = endingServers.removeValue(forKey: id) else { return replies }
        reactor.unwatch(ended.pidfd.number)
        var status: Int32 = 0
        _ = hl_pidfd_reap(ended.pidfd.number, &status)
        return replies
    }

    /// Ends the server before this process exits; the wait is bounded.
    func end() {
        _ = shutDown()
        for server in endingServers.values {
            var status: Int32 = 0
            for _ in 0..<100 where hl_pidfd_reap(server.pidfd.number, &status) == 0 { hl_sleep(1_000_000) }
        }
    }

    /// Starts the server if none is running, at most once in `restartDelay`.
    private func startIfNeeded() {
        guard server == nil, reactor.now >= nextStart else { return }
        nextStart = reactor.now + Self.restartDelay
        var ends: (own: Int32, other: Int32) = (-1, -1)
        guard hl_message_pair(&ends.own, &ends.other) == 0 else { return }
        let socket = Descriptor(ends.own)
        guard let other = try? raiseDescriptor(ends.other, "duplicate a descriptor") else { return }
        let pid = launcher.spawnForkServer(other)
        guard pid > 0 else { return }
        let pidfd = hl_pidfd_open(pid)
        // Without its socket the server exits, and is reaped like an orphan.
        guard pidfd >= 0 else { return }
        lastID += 1
        let started = Server(id: lastID, pid: pid, pidfd: Descriptor(pidfd), socket: socket)
        guard reactor.watch(pidfd, EventSource(.forkServerExit, lastID)) else { return }
        guard reactor.watch(socket.number, EventSource(.forkServer, lastID)) else {
            _ = hl_pidfd_send_signal(pidfd, SIGKILL)
            endingServers[lastID] = started
            return
        }
        server = started
    }

    /// Kills the server and returns all requests without a reply, which will never run.
    private func shutDown() -> [Reply] {
        guard let server else { return [] }
        self.server = nil
        var replies: [Reply] = []
        hl_refuse_messages(server.socket.number)
        // Up to this moment a reply may have been sent.
        _ = receive(from: server, into: &replies)
        _ = hl_pidfd_send_signal(server.pidfd.number, SIGKILL)
        reactor.unwatch(server.socket.number)
        reactor.cancelTimer(EventSource(.forkServer, server.id))
        endingServers[server.id] = server
        let rest = pending.sorted { $0.key < $1.key }.map { Reply($0.value, nil) }
        pending = [:]
        return replies + rest
    }

    /// Appends the replies that have arrived; returns false at the end of the messages.
    private func receive(from server: Server, into replies: inout [Reply]) -> Bool {
        while true {
            var reply = hero_fork_reply()
            let size = withUnsafeMutableBytes(of: &reply) {
                hl_receive_message(server.socket.number, $0.baseAddress, $0.count)
            }
            if size == -Int(EAGAIN) { return true }
            guard size == MemoryLayout<hero_fork_reply>.size, reply.magic == HERO_FORK_MAGIC else { return false }
            guard let start = pending.removeValue(forKey: reply.number) else { continue }
            replies.append((start, reply.pid > 0 ? reply.pid : nil))
        }
    }

    private func setTimer(_ server: Server) {
        reactor.setTimer(EventSource(.forkServer, server.id), at: reactor.now + Self.timeout)
    }

    /// Returns a request with this title; nil if it is too long.
    private static func makeRequest(_ title: String) -> hero_fork_request? {
        guard title.utf8.count < Int(HERO_TITLE_SIZE) else { return nil }
        var request = hero_fork_request()
        request.magic = UInt32(HERO_FORK_MAGIC)
        withUnsafeMutableBytes(of: &request.title) { $0.copyBytes(from: title.utf8) }
        return request
    }
}
