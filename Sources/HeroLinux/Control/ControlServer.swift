import CHeroLinux
import Glibc
import HeroKernel
import HeroModel

/// The control socket.
///
/// Messages are single lines; only this user and root may connect (AP-1, AP-3).
final class ControlServer {
    private struct Connection {
        var descriptor: Descriptor
        var incoming: [UInt8] = []
        /// The number of bytes of `incoming` that hold no line feed.
        var searchedCount = 0
        var outgoing: [UInt8] = []
        var sentCount = 0
        var closesWhenSent = false
        var isWaitingToWrite = false
    }

    private let reactor: Reactor
    private let path: String
    private var listener: Descriptor
    private var connections: [UInt64: Connection] = [:]
    private var lastID: UInt64 = 0
    private var buffer = [UInt8](repeating: 0, count: 65_536)
    /// Whether no connections are accepted because file descriptors are short.
    private var isPaused = false
    /// Connections whose replies are sent at the end of this turn of the event loop.
    private var connectionsToFlush: [UInt64] = []

    /// The largest message with its line feed, in bytes: enough for a large set of manifests.
    static let maximumMessageSize = 64 << 20
    private static let maximumIncomingTotal = 128 << 20
    private static let maximumBacklog = 32 << 20
    private static let maximumConnections = 64
    /// Replies of at least this many bytes are sent at once and not at the end of the turn.
    private static let flushThreshold = 4096
    private static let idleTimeout = Duration.seconds(10)

    /// Binds the socket and replaces a stale socket file: the reconciler lock is held, so no other reconciler uses it.
    init(_ reactor: Reactor, path: String) throws(LinuxError) {
        self.reactor = reactor
        self.path = path
        listener = try Self.listen(path)
        guard reactor.watch(listener.number, EventSource(.controlListener)) else {
            throw LinuxError(cannot: "watch \(path)", errno)
        }
    }

    private static func listen(_ path: String) throws(LinuxError) -> Descriptor {
        if unlink(path) != 0, errno != ENOENT { throw LinuxError(cannot: "replace the socket \(path)", errno) }
        return Descriptor(try check(hl_listen_unix(path), "listen on \(path)"))
    }

    /// Listens on a new socket file, after the first one was removed; open connections remain.
    func listenAgain() throws(LinuxError) {
        let created = try Self.listen(path)
        if !isPaused { reactor.unwatch(listener.number) }
        listener = created
        isPaused = false
        reactor.cancelTimer(EventSource(.controlListener))
        guard reactor.watch(listener.number, EventSource(.controlListener)) else {
            throw LinuxError(cannot: "watch \(path)", errno)
        }
    }

    /// Accepts new connections; closes those of other users and those beyond the limit.
    func accept() {
        while true {
            guard FileDescriptors.allow(connections.isEmpty ? .onlyClient : .furtherClient) else {
                return pauseListening()
            }
            var user: UInt32 = .max
            let number = hl_accept(listener.number, &user)
            guard number >= 0 else {
                if MachineShortage.isOfResources(0 &- number) { pauseListening() }
                return
            }
            let descriptor = Descriptor(number)
            guard user == 0 || user == geteuid(), connections.count < Self.maximumConnections else { continue }
            lastID += 1
            guard reactor.watch(number, EventSource(.controlConnection, lastID)) else { continue }
            connections[lastID] = Connection(descriptor: descriptor)
            setDeadline(lastID)
        }
    }

    /// Stops accepting for a second, because file descriptors are short.
    ///
    /// The clients wait in the kernel's queue; retrying at once would waste CPU time (RX-1).
    private func pauseListening() {
        isPaused = true
        reactor.unwatch(listener.number)
        reactor.setTimer(EventSource(.controlListener), at: reactor.now + .seconds(1))
    }

    /// Accepts connections again.
    func resumeListening() {
        isPaused = false
        reactor.watch(listener.number, EventSource(.controlListener))
        accept()
    }

    /// A connection can be read or written.
    func handleReadiness(_ id: UInt64) {
        if connections[id]?.isWaitingToWrite == true { flush(id) }
        readMessages(id)
    }

    /// A connection has been idle for too long: it sent half a message, or does not read its reply.
    func handleTimeout(_ id: UInt64) {
        guard let connection = connections[id] else { return }
        if !connection.incoming.isEmpty || connection.sentCount < connection.outgoing.count { hangUp(id) }
    }

    /// Queues a reply.
    ///
    /// Replies are sent at the end of the turn; the last reply of a connection is sent at once.
    func reply(_ request: RequestID, _ message: [UInt8], isLast: Bool) {
        let id = request.number
        // The connection is removed from the dictionary, so that appending to `outgoing` does not copy it.
        guard var connection = connections.removeValue(forKey: id) else { return }
        let wasIdle = connection.sentCount >= connection.outgoing.count
        let backlog = connection.outgoing.count - connection.sentCount
        let isAcceptable = backlog + message.count <= Self.maximumBacklog || wasIdle
        if isAcceptable {
            if wasIdle {
                connection.outgoing.removeAll(keepingCapacity: true)
                connection.sentCount = 0
            }
            connection.outgoing += message
            if message.last != UInt8(ascii: "\n") { connection.outgoing.append(UInt8(ascii: "\n")) }
            if isLast { connection.closesWhenSent = true }
        }
        connections[id] = connection
        guard isAcceptable else { return hangUp(id) }
        // The socket buffer is full: `handleReadiness` sends the rest after the client has read.
        if connection.isWaitingToWrite { return }
        if isLast || backlog + message.count >= Self.flushThreshold { return flush(id) }
        if wasIdle { connectionsToFlush.append(id) }
    }

    /// Sends the replies that were queued in this turn.
    func flush() {
        guard !connectionsToFlush.isEmpty else { return }
        for id in connectionsToFlush where connections[id]?.isWaitingToWrite == false { flush(id) }
        connectionsToFlush.removeAll(keepingCapacity: true)
    }

    /// Sends what is left of the replies before this process exits; does not wait longer than the timeout for clients.
    func sendRemainingReplies(timeout: Duration = .seconds(5)) {
        let deadline = reactor.now + timeout
        flush()
        while true {
            let waiting = connections.filter { $0.value.sentCount < $0.value.outgoing.count }
            let rest = deadline - reactor.now
            guard !waiting.isEmpty, rest > .zero else { return }
            var entries = waiting.values.map { pollfd(fd: $0.descriptor.number, events: Int16(POLLOUT), revents: 0) }
            let result = poll(&entries, nfds_t(entries.count), Int32(clamping: rest.wholeMilliseconds + 1))
            guard result > 0 || (result < 0 && errno == EINTR) else { return }
            for id in waiting.keys { flush(id) }
        }
    }

    private func readMessages(_ id: UInt64) {
        while let descriptor = connections[id]?.descriptor {
            let count = buffer.withUnsafeMutableBytes { read(descriptor.number, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN { return }
            guard count > 0 else { return hangUp(id) }
            connections[id]?.incoming += buffer[..<count]
            takeMessages(id)
            let total = connections.values.reduce(0) { $0 + $1.incoming.count }
            if (connections[id]?.incoming.count ?? 0) > Self.maximumMessageSize || total > Self.maximumIncomingTotal {
                return hangUp(id)
            }
        }
    }

    private func takeMessages(_ id: UInt64) {
        guard var connection = connections.removeValue(forKey: id) else { return }
        defer { connections[id] = connection }
        var start = 0
        while let end = connection.incoming[max(start, connection.searchedCount)...].firstIndex(of: UInt8(ascii: "\n"))
        {
            reactor.emit(.requestReceived(RequestID(number: id), Array(connection.incoming[start..<end])))
            start = end + 1
            connection.searchedCount = start
        }
        connection.searchedCount = connection.incoming.count - start
        if start > 0 { connection.incoming.removeFirst(start) }
        if start > 0, !connection.incoming.isEmpty { setDeadline(id) }
    }

    private func flush(_ id: UInt64) {
        guard var connection = connections.removeValue(forKey: id) else { return }
        let before = connection.sentCount
        var failed = false
        while connection.sentCount < connection.outgoing.count {
            let result = connection.outgoing.withUnsafeBytes { bytes in
                hl_send(
                    connection.descriptor.number,
                    UnsafeRawBufferPointer(rebasing: bytes[connection.sentCount...]).baseAddress,
                    bytes.count - connection.sentCount
                )
            }
            if result == -EINTR { continue }
            if result == -EAGAIN { break }
            guard result > 0 else {
                failed = true
                break
            }
            connection.sentCount += Int(result)
        }
        let isDone = connection.sentCount >= connection.outgoing.count
        connections[id] = connection
        if failed { return hangUp(id) }
        if isDone, connection.closesWhenSent { return close(id) }
        if isDone == connection.isWaitingToWrite {
            connections[id]?.isWaitingToWrite = !isDone
            let readiness = isDone ? hl_epoll_in() : hl_epoll_in() | hl_epoll_out()
            reactor.changeWatch(connection.descriptor.number, EventSource(.controlConnection, id), for: readiness)
        }
        if !isDone, before != connection.sentCount || !connection.isWaitingToWrite { setDeadline(id) }
    }

    private func setDeadline(_ id: UInt64) {
        reactor.setTimer(EventSource(.controlConnection, id), at: reactor.now + Self.idleTimeout)
    }

    private func hangUp(_ id: UInt64) {
        guard let connection = connections[id] else { return }
        close(id)
        if !connection.closesWhenSent { reactor.emit(.clientDisconnected(RequestID(number: id))) }
    }

    private func close(_ id: UInt64) {
        guard let connection = connections.removeValue(forKey: id) else { return }
        reactor.cancelTimer(EventSource(.controlConnection, id))
        reactor.unwatch(connection.descriptor.number)
        // A closed connection makes a descriptor available for a waiting client.
        if isPaused { reactor.setTimer(EventSource(.controlListener), at: reactor.now) }
    }
}
