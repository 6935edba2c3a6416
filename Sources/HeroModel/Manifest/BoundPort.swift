/// A TCP port that an action binds.
public struct BoundPort: Hashable, Sendable {
    /// The port, with an optional numeric address.
    public var endpoint: TCPEndpoint
    /// Whether other processes may listen on the port at the same time.
    ///
    /// The kernel requires `SO_REUSEPORT` on every socket of the port, and one owner of all of them (socket(7),
    /// TP-4).
    public var isShared: Bool

    /// Makes a port; by default it is not shared.
    public init(_ endpoint: TCPEndpoint, isShared: Bool = false) {
        self.endpoint = endpoint
        self.isShared = isShared
    }

    /// Makes a port; by default it is not shared.
    public init(host: String? = nil, port: UInt16, isShared: Bool = false) {
        self.init(TCPEndpoint(host: host, port: port), isShared: isShared)
    }

    /// The canonical form: `127.0.0.1:80`, or `{port: 127.0.0.1:80, reuseport: true}`.
    var canonical: String {
        let port = Canonical.quotedIfNeeded(endpoint.description)
        return isShared ? "{port: \(port), reuseport: true}" : port
    }
}

/// Stored like its endpoint, with one more key if it is shared, so that ports of older versions can be decoded.
extension BoundPort: Codable {
    private enum CodingKeys: String, CodingKey {
        case host
        case port
        case isShared
    }

    /// Decodes a stored port; a port of an older version is not shared.
    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            host: try fields.decodeIfPresent(String.self, forKey: .host),
            port: try fields.decode(UInt16.self, forKey: .port),
            isShared: try fields.decodeIfPresent(Bool.self, forKey: .isShared) ?? false
        )
    }

    /// Encodes the port.
    public func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: CodingKeys.self)
        try fields.encodeIfPresent(endpoint.host, forKey: .host)
        try fields.encode(endpoint.port, forKey: .port)
        if isShared { try fields.encode(true, forKey: .isShared) }
    }
}
