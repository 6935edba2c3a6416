/// The target of an HTTP probe.
public struct HTTPTarget: Hashable, Sendable, Codable {
    /// The address of the server.
    public enum Server: Hashable, Sendable, Codable {
        /// Over TCP.
        case tcp(host: String, port: UInt16)
        /// Over a Unix stream socket.
        case unix(String)
    }

    /// The address of the server.
    public var server: Server
    /// The path with an optional query; it begins with `/`.
    public var path: String

    /// Makes a target.
    public init(_ server: Server, path: String) {
        self.server = server
        self.path = path
    }
}

extension HTTPTarget: CustomStringConvertible {
    /// The target as a URL, or as `unix:PATH /path`.
    public var description: String {
        switch server {
        case .tcp(let host, let port): "http://\(TCPEndpoint(host: host, port: port))\(path)"
        case .unix(let socket): "unix:\(socket) \(path)"
        }
    }
}
