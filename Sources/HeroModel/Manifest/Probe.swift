/// A question asked of a running program again and again: does it answer.
public struct Probe: Hashable, Sendable, Codable {
    /// What is asked.
    public enum Check: Hashable, Sendable, Codable {
        /// Does somebody accept a TCP connection there?
        case tcp(TCPEndpoint)
        /// Does a GET answer with a status from 200 to 399?
        case http(HTTPTarget)
        /// Does the command exit 0?
        case exec([String])
        /// Does somebody accept a connection on this Unix stream socket?
        case unix(String)
        /// Has a line of its output since its start matched this regular expression?
        case log(String)
        /// Has it said `READY=1` on its `NOTIFY_SOCKET` (sd_notify(3))? Only for readiness.
        case notify
        /// Has it said `WATCHDOG=1` within the last so much time? Only for health.
        case watchdog(Duration)
    }

    /// What is asked.
    public var check: Check
    /// Time between the end of one try and the next.
    public var interval: Duration
    /// How long one try may take.
    public var timeout: Duration
    /// Failed tries in a row that count as a no.
    public var failures: Int
    /// Good tries in a row that count as a yes.
    public var successes: Int
    /// Time after the start in which nothing is asked.
    public var startPeriod: Duration

    /// The interval of a liveness probe that says none; all its other defaults are those of readiness.
    public static let healthInterval: Duration = .seconds(10)

    /// The names in stored JSON, which earlier versions wrote.
    private enum CodingKeys: String, CodingKey {
        case check = "question"
        case interval, timeout, failures, successes, startPeriod
    }

    /// Makes a probe with the defaults of a readiness probe.
    public init(
        _ question: Check,
        interval: Duration = .milliseconds(250),
        timeout: Duration = .seconds(1),
        failures: Int = 3,
        successes: Int = 1,
        startPeriod: Duration = .zero
    ) {
        self.check = question
        self.interval = interval
        self.timeout = timeout
        self.failures = failures
        self.successes = successes
        self.startPeriod = startPeriod
    }
}

/// A TCP address that a program binds or that a probe connects to.
public struct TCPEndpoint: Hashable, Sendable, Codable {
    /// A numeric address without brackets, or a name for probes; nil binds every address and probes loopback.
    public var host: String?
    /// The port, 1 to 65535.
    public var port: UInt16

    /// Makes an endpoint.
    public init(host: String? = nil, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// Reads `8080`, `127.0.0.1:8080` or `[::1]:8080`; nil where the port is not from 1 to 65535, in decimal.
    public init?(_ text: String) {
        let bytes = text.utf8
        var start = bytes.endIndex
        while start > bytes.startIndex {
            let before = bytes.index(before: start)
            guard (48...57).contains(bytes[before]) else { break }
            start = before
        }
        guard let port = Self.port(bytes[start...]) else { return nil }
        guard start > bytes.startIndex else {
            self.init(port: port)
            return
        }
        let colon = bytes.index(before: start)
        guard bytes[colon] == UInt8(ascii: ":"), let host = Self.host(text[..<colon]) else { return nil }
        self.init(host: host, port: port)
    }

    private static func port(_ digits: Substring.UTF8View) -> UInt16? {
        // `080` is no port: it may be octal to one reader and decimal to the next.
        guard let first = digits.first, first != UInt8(ascii: "0") else { return nil }
        var value: UInt32 = 0
        for digit in digits where value <= UInt32(UInt16.max) { value = value * 10 + UInt32(digit &- 48) }
        return UInt16(exactly: value)
    }

    /// What stands before the colon: a name, or an address, which is in brackets where it has colons itself.
    private static func host(_ text: Substring) -> String? {
        let bytes = text.utf8
        if bytes.first == UInt8(ascii: "["), bytes.last == UInt8(ascii: "]") {
            return bytes.count > 2 ? String(text.dropFirst().dropLast()) : nil
        }
        let isPlain = bytes.allSatisfy {
            $0 != UInt8(ascii: ":") && $0 != UInt8(ascii: "[") && $0 != UInt8(ascii: "]")
        }
        return isPlain && !bytes.isEmpty ? String(text) : nil
    }
}

extension TCPEndpoint: CustomStringConvertible {
    /// As manifests write it.
    public var description: String {
        guard let host else { return String(port) }
        return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}

/// Where an HTTP probe asks.
public struct HTTPTarget: Hashable, Sendable, Codable {
    /// The way to the server.
    public enum Server: Hashable, Sendable, Codable {
        /// Over TCP.
        case tcp(host: String, port: UInt16)
        /// Over a Unix stream socket.
        case unix(String)
    }

    /// The way to the server.
    public var server: Server
    /// The path with its query, beginning with `/`.
    public var path: String

    /// Makes a target.
    public init(_ server: Server, path: String) {
        self.server = server
        self.path = path
    }
}

extension HTTPTarget: CustomStringConvertible {
    /// As a URL, or `unix:PATH /path`.
    public var description: String {
        switch server {
        case .tcp(let host, let port): "http://\(TCPEndpoint(host: host, port: port))\(path)"
        case .unix(let socket): "unix:\(socket) \(path)"
        }
    }
}
