import CHeroLinux
import Glibc
import HeroKernel
import HeroModel

/// The control socket: messages of one line each, from this user or root (reliability.md AP-1, AP-3).
final class ControlServer {
    private struct Connection {
        var descriptor: Descriptor
        var incoming: [UInt8] = []
        /// Where the search for the end of a line goes on.
        var searchedCount = 0
        var outgoing: [UInt8] = []
        var sentCount = 0
        var closesWhenSent = false
        var isWaitingToWrite = false
    }

    private let reactor: Reactor
    private let listener: Descriptor
    private var connections: [UInt64: Connection] = [:]
    private var lastID: UInt64 = 0
    private var buffer = [UInt8](repeating: 0, count: 65_536)
    /// Whether nobody is let in for lack of room.
    private var isPaused = false
    /// Connections with answers that wait for the end of the turn.
    private var connectionsToFlush: [UInt64] = []

    /// A message with its line feed: enough for all manifests of a large set.
    static let maximumMessageSize = 64 << 20
    private static let maximumIncomingTotal = 128 << 20
    private static let maximumBacklog = 32 << 20
    private static let maximumConnections = 64
    /// So many bytes of answers do not wait for the end of a turn: a thousand starts are one turn.
    private static let flushThreshold = 4096
    private static let idleTimeout = Duration.seconds(10)

    /// Binds the socket; a stale one is replaced (the reconciler lock is held, so nobody uses it).
    init(_ reactor: Reactor, path: String) throws(LinuxError) {
        self.reactor = reactor
        if unlink(path) != 0, errno != ENOENT { throw LinuxError(cannot: "replace the socket \(path)", errno) }
        listener = Descriptor(try check(hl_listen_unix(path), "listen on \(path)"))
        guard reactor.watch(listener.number, EventSource(.controlListener)) else {
            throw LinuxError(cannot: "watch \(path)", errno)
        }
    }

    /// Takes new connections; strangers and those beyond the limit are closed at once.
    func accept() {
        while true {
            let left = connections.isEmpty ? FileDescriptorBudget.onlyClientReserve : FileDescriptorBudget.clientReserve
            guard FileDescriptorBudget.available > left else { return pauseListening() }
            var user: UInt32 = .max
            let number = hl_accept(listener.number, &user)
            guard number >= 0 else {
                if FileDescriptorBudget.isExhaustion(0 &- number) { pauseListening() }
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

    /// Nobody can be let in now, and asking again at once would only burn time: they wait in the kernel's queue meanwhile
    /// (reliability.md RX-1).
    private func pauseListening() {
        isPaused = true
        reactor.unwatch(listener.number)
        reactor.setTimer(EventSource(.controlListener), at: reactor.now + .seconds(1))
    }

    /// Listens again after there was no room.
    func resumeListening() {
        isPaused = false
        reactor.watch(listener.number, EventSource(.controlListener))
        accept()
    }

    /// A connection can be read or written.
    func handleReadiness(_ number: UInt64) {
        if connections[number]?.isWaitingToWrite == true { flush(number) }
        readMessages(number)
    }

    /// A deadline passed: half a message, or an answer nobody reads.
    func handleTimeout(_ number: UInt64) {
        guard let connection = connections[number] else { return }
        if !connection.incoming.isEmpty || connection.sentCount < connection.outgoing.count { hangUp(number) }
    }

    /// Queues an answer; it leaves with those of the same turn, the last one of a connection at once.
    func reply(_ request: RequestID, _ message: [UInt8], isLast: Bool) {
        let number = request.number
        // Taken out, so that the bytes that wait are appended to in place, not copied.
        guard var connection = connections.removeValue(forKey: number) else { return }
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
        connections[number] = connection
        guard isAcceptable else { return hangUp(number) }
        // Once the kernel has taken what it can, only the reader makes room for more: `isReady` goes on then.
        if connection.isWaitingToWrite { return }
        if isLast || backlog + message.count >= Self.flushThreshold { return flush(number) }
        if wasIdle { connectionsToFlush.append(number) }
    }

    /// Sends what the turn has queued.
    func flush() {
        guard !connectionsToFlush.isEmpty else { return }
        for number in connectionsToFlush where connections[number]?.isWaitingToWrite == false { flush(number) }
        connectionsToFlush.removeAll(keepingCapacity: true)
    }

    private func readMessages(_ number: UInt64) {
        while let descriptor = connections[number]?.descriptor {
            let count = buffer.withUnsafeMutableBytes { read(descriptor.number, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN { return }
            guard count > 0 else { return hangUp(number) }
            connections[number]?.incoming += buffer[..<count]
            takeMessages(number)
            let total = connections.values.reduce(0) { $0 + $1.incoming.count }
            if (connections[number]?.incoming.count ?? 0) > Self.maximumMessageSize || total > Self.maximumIncomingTotal
            {
                return hangUp(number)
            }
        }
    }

    private func takeMessages(_ number: UInt64) {
        guard var connection = connections.removeValue(forKey: number) else { return }
        defer { connections[number] = connection }
        var begin = 0
        while let end = connection.incoming[max(begin, connection.searchedCount)...].firstIndex(of: UInt8(ascii: "\n"))
        {
            reactor.emit(.requestReceived(RequestID(number: number), Array(connection.incoming[begin..<end])))
            begin = end + 1
            connection.searchedCount = begin
        }
        connection.searchedCount = connection.incoming.count - begin
        if begin > 0 { connection.incoming.removeFirst(begin) }
        if begin > 0, !connection.incoming.isEmpty { setDeadline(number) }
    }

    private func flush(_ number: UInt64) {
        guard var connection = connections.removeValue(forKey: number) else { return }
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
        connections[number] = connection
        if failed { return hangUp(number) }
        if isDone, connection.closesWhenSent { return close(number) }
        if isDone == connection.isWaitingToWrite {
            connections[number]?.isWaitingToWrite = !isDone
            let readiness = isDone ? hl_epoll_in() : hl_epoll_in() | hl_epoll_out()
            reactor.changeWatch(connection.descriptor.number, EventSource(.controlConnection, number), for: readiness)
        }
        if !isDone, before != connection.sentCount || !connection.isWaitingToWrite { setDeadline(number) }
    }

    private func setDeadline(_ number: UInt64) {
        reactor.setTimer(EventSource(.controlConnection, number), at: reactor.now + Self.idleTimeout)
    }

    private func hangUp(_ number: UInt64) {
        guard let connection = connections[number] else { return }
        close(number)
        if !connection.closesWhenSent { reactor.emit(.clientDisconnected(RequestID(number: number))) }
    }

    private func close(_ number: UInt64) {
        guard let connection = connections.removeValue(forKey: number) else { return }
        reactor.cancelTimer(EventSource(.controlConnection, number))
        reactor.unwatch(connection.descriptor.number)
        // Whoever waits is let in at once.
        if isPaused { reactor.setTimer(EventSource(.controlListener), at: reactor.now) }
    }
}
