/// A TCP port that an action binds.
public struct BoundPort: Hashable, Sendable {
    /// The port, with or without an address; the address is a numeric one.
    public var endpoint: TCPEndpoint
    /// Whether others may listen on it beside the action.
    ///
    /// The kernel asks that every socket on it sets `SO_REUSEPORT`, and that one user owns them all (socket(7),
    /// reliability.md TP-4).
    public var isShared: Bool

    /// Makes a port that is the action's alone, unless said otherwise.
    public init(_ endpoint: TCPEndpoint, isShared: Bool = false) {
        self.endpoint = endpoint
        self.isShared = isShared
    }

    /// Makes a port that is the action's alone, unless said otherwise.
    public init(host: String? = nil, port: UInt16, isShared: Bool = false) {
        self.init(TCPEndpoint(host: host, port: port), isShared: isShared)
    }

    /// As canonical form has it: `127.0.0.1:80`, or `{port: 127.0.0.1:80, reuseport: true}`.
    var canonical: String {
        let port = Canonical.quotedIfNeeded(endpoint.description)
        return isShared ? "{port: \(port), reuseport: true}" : port
    }
}

/// Recorded as its endpoint is, with a word more where it is shared: so a port that older versions recorded stays what it was.
extension BoundPort: Codable {
    private enum CodingKeys: String, CodingKey {
        case host
        case port
        case isShared
    }

    /// Reads a recorded port; one of an older version is the action's alone.
    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            host: try fields.decodeIfPresent(String.self, forKey: .host),
            port: try fields.decode(UInt16.self, forKey: .port),
            isShared: try fields.decodeIfPresent(Bool.self, forKey: .isShared) ?? false
        )
    }

    /// Writes what a later version reads.
    public func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: CodingKeys.self)
        try fields.encodeIfPresent(endpoint.host, forKey: .host)
        try fields.encode(endpoint.port, forKey: .port)
        if isShared { try fields.encode(true, forKey: .isShared) }
    }
}
