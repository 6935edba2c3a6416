import CHeroServer
import Glibc
import HeroModel

/// The context of a request.
struct RequestContext: Sendable {
    /// What the client may do; nil on a TCP listener without a valid token.
    var role: Role?
    /// Whether the connection came through a TCP listener.
    var isTCP: Bool
}

/// What is sent for a request.
enum Reply: Sendable {
    /// A complete response.
    case response(HTTPResponse)
    /// A response whose body is written until the closure returns; then the connection is closed.
    case stream(HTTPResponse, @Sendable (StreamWriter) -> Void)
}

/// Serves one connection in its own thread, so that a slow client delays no other client.
struct Connection: Sendable {
    /// The time in which a request must arrive, or a response must be taken, in milliseconds.
    static let timeLimit: Int64 = 30_000

    let descriptor: Int32
    /// Returns the role of the client of a request.
    let access: @Sendable (HTTPRequest) -> Result<RequestContext, AccessRefusal>
    let respond: @Sendable (HTTPRequest, RequestContext) -> Reply
    var timeLimit = Self.timeLimit

    /// Serves requests until the client or the server ends the connection.
    func serve() {
        var reader = HTTPRequestReader()
        while let request = receive(&reader) {
            let isPersistent = request.isPersistent
            let withBody = request.method != "HEAD"
            switch reply(to: request) {
            case .response(let response):
                guard send(response.bytes(isPersistent: isPersistent, withBody: withBody)), isPersistent else {
                    return closeGently()
                }
            case .stream(let head, let write):
                if send(head.streamHead), withBody { write(StreamWriter(connection: self)) }
                return closeGently()
            }
        }
        closeGently()
    }

    private func reply(to request: HTTPRequest) -> Reply {
        switch access(request) {
        case .success(let context): respond(request, context)
        case .failure(let refusal): .response(refusal.response)
        }
    }

    /// Receives the next request; nil when the connection ends.
    private func receive(_ reader: inout HTTPRequestReader) -> HTTPRequest? {
        let deadline = Self.now() + timeLimit
        var chunk = [UInt8](repeating: 0, count: 16_384)
        while true {
            switch reader.next() {
            case .request(let request): return request
            case .refused(let status, let text):
                _ = send(HTTPResponse.error(status, text).bytes(isPersistent: false))
                return nil
            case .awaitsContinue:
                guard send(Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)) else { return nil }
            case .incomplete: break
            }
            let rest = deadline - Self.now()
            guard rest > 0 else {
                if !reader.isIdle {
                    let text = "the request did not arrive within \(timeLimit / 1000) s"
                    _ = send(HTTPResponse.error(.requestTimeout, text).bytes(isPersistent: false))
                }
                return nil
            }
            guard hs_wait_readable(descriptor, Int32(rest)) >= 0 else { return nil }
            let count = hs_receive(descriptor, &chunk, chunk.count)
            if count == -Int(EAGAIN) || count == -Int(EINTR) { continue }
            guard count > 0 else { return nil }
            reader.append(chunk[..<count])
        }
    }

    /// Sends bytes; returns false if the client does not take them in time.
    func send(_ bytes: [UInt8]) -> Bool {
        // A large response may take longer, but not without end.
        let deadline = Self.now() + timeLimit + Int64(bytes.count / 65_536) * 1000
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes { hs_send(descriptor, $0.baseAddress, $0.count) }
            if count > 0 {
                sent += count
            } else if count == -Int(EAGAIN) {
                let rest = deadline - Self.now()
                guard rest > 0, hs_wait_writable(descriptor, Int32(min(rest, timeLimit))) >= 0 else { return false }
            } else if count != -Int(EINTR) {
                return false
            }
        }
        return true
    }

    /// Waits, and returns false as soon as the client has closed the connection.
    func wait(milliseconds: Int32) -> Bool {
        guard hs_wait_readable(descriptor, milliseconds) != 0 else { return true }
        if hs_is_closed(descriptor) == 1 { return false }
        // A client of a stream has nothing more to say; without this pause its bytes would keep the loop awake.
        hs_pause(milliseconds)
        return true
    }

    /// Ends the connection so that the client can still read the last response.
    ///
    /// Closing a socket with unread bytes would discard the response on its way.
    private func closeGently() {
        shutdown(descriptor, Int32(SHUT_WR))
        var chunk = [UInt8](repeating: 0, count: 16_384)
        let deadline = Self.now() + 2000
        var rest = 4 << 20
        while rest > 0, Self.now() < deadline {
            guard hs_wait_readable(descriptor, 200) > 0 else { break }
            let count = hs_receive(descriptor, &chunk, chunk.count)
            guard count > 0 else { break }
            rest -= count
        }
    }

    /// The monotonic clock in milliseconds.
    static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}

/// Writes the body of a stream.
struct StreamWriter: Sendable {
    fileprivate let connection: Connection

    /// Sends bytes; returns false when the client is gone.
    func write(_ text: String) -> Bool { connection.send(Array(text.utf8)) }

    /// Waits, and returns false as soon as the client is gone.
    func wait(milliseconds: Int32) -> Bool { connection.wait(milliseconds: milliseconds) }
}

/// A request that the client may not make.
struct AccessRefusal: Error, Sendable {
    var response: HTTPResponse
}
