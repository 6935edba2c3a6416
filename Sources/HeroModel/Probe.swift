/// A question asked of a running program again and again: does it answer.
public struct Probe: Hashable, Sendable, Codable {
    /// What is asked.
    public enum Question: Hashable, Sendable, Codable {
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
    }

    /// What is asked.
    public var question: Question
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

    /// Makes a probe with the defaults of a readiness probe.
    public init(
        _ question: Question,
        interval: Duration = .milliseconds(250),
        timeout: Duration = .seconds(1),
        failures: Int = 3,
        successes: Int = 1,
        startPeriod: Duration = .zero
    ) {
        self.question = question
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

    /// Reads `8080`, `127.0.0.1:8080` or `[::1]:8080`.
    public init?(_ text: String) {
        let host: Substring?
        let port: Substring
        if let colon = text.lastIndex(of: ":") {
            host = text[..<colon]
            port = text[text.index(after: colon)...]
        } else {
            host = nil
            port = text[...]
        }
        guard !port.isEmpty, port.utf8.allSatisfy({ (48...57).contains($0) }), let number = UInt16(port), number > 0
        else { return nil }
        guard let host else {
            self.init(port: number)
            return
        }
        if host.hasPrefix("["), host.hasSuffix("]"), host.count > 2 {
            self.init(host: String(host.dropFirst().dropLast()), port: number)
        } else if !host.isEmpty, !host.contains(":"), !host.contains("["), !host.contains("]") {
            self.init(host: String(host), port: number)
        } else {
            return nil
        }
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
