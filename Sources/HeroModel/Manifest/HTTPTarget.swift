/// The target of an HTTP probe: the server, the request and the expected response.
public struct HTTPTarget: Hashable, Sendable, Codable {
    /// The address of the server.
    public enum Server: Hashable, Sendable, Codable {
        /// Over TCP.
        case tcp(host: String, port: UInt16)
        /// Over a Unix stream socket.
        case unix(String)
    }

    /// The method of the request; the request has no content.
    public enum Method: String, Hashable, Sendable, Codable, CaseIterable {
        case get = "GET"
        case head = "HEAD"
        case post = "POST"
        case put = "PUT"
        case options = "OPTIONS"

        /// Whether the method has a meaning for content, so that its absence is stated (RFC 9110 8.6).
        public var takesContent: Bool {
            switch self {
            case .post, .put: true
            case .get, .head, .options: false
            }
        }
    }

    /// The address of the server.
    public var server: Server
    /// The path with an optional query; it begins with `/`.
    public var path: String
    /// The method.
    public var method: Method
    /// Additional header fields by name; they replace those that heroproc sends itself.
    public var headers: [String: String]
    /// The statuses that count as a success, sorted; empty means 200 to 399.
    public var expected: [Int]

    /// The names in stored JSON.
    private enum CodingKeys: String, CodingKey {
        case server, path, method, headers, expected
    }

    /// Makes a target.
    public init(
        _ server: Server,
        path: String,
        method: Method = .get,
        headers: [String: String] = [:],
        expected: [Int] = []
    ) {
        self.server = server
        self.path = path
        self.method = method
        self.headers = headers
        self.expected = expected
    }

    /// Decodes a stored target; earlier versions stored only the server and the path.
    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        server = try fields.decode(Server.self, forKey: .server)
        path = try fields.decode(String.self, forKey: .path)
        method = try fields.decodeIfPresent(Method.self, forKey: .method) ?? .get
        headers = try fields.decodeIfPresent([String: String].self, forKey: .headers) ?? [:]
        expected = try fields.decodeIfPresent([Int].self, forKey: .expected) ?? []
    }

    /// Encodes the target without default values.
    public func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: CodingKeys.self)
        try fields.encode(server, forKey: .server)
        try fields.encode(path, forKey: .path)
        if method != .get { try fields.encode(method, forKey: .method) }
        if !headers.isEmpty { try fields.encode(headers, forKey: .headers) }
        if !expected.isEmpty { try fields.encode(expected, forKey: .expected) }
    }

    /// Whether a status counts as a success.
    public func accepts(status: Int) -> Bool {
        expected.isEmpty ? (200...399).contains(status) : expected.contains(status)
    }

    /// The expected statuses as text: `from 200 to 399`, or `200 or 204`.
    public var expectedText: String {
        expected.isEmpty ? "from 200 to 399" : expected.map(String.init).joined(separator: " or ")
    }

    /// The request and the expected response in canonical form; a plain GET request is its URL.
    var canonical: String {
        var text = Canonical.quotedIfNeeded(method == .get ? url : "\(method.rawValue) \(url)")
        for (name, value) in headers.sorted(by: { $0.key < $1.key }) { text += " \(name): \(Canonical.quoted(value))" }
        if !expected.isEmpty { text += " expect \(expected.map(String.init).joined(separator: " "))" }
        return text
    }

    private var url: String {
        switch server {
        case .tcp(let host, let port): "http://\(TCPEndpoint(host: host, port: port))\(path)"
        case .unix(let socket): "unix:\(socket) \(path)"
        }
    }
}

extension HTTPTarget: CustomStringConvertible {
    /// The target as a URL, or as `unix:PATH /path`; another method than GET stands before it.
    public var description: String { method == .get ? url : "\(method.rawValue) \(url)" }
}
