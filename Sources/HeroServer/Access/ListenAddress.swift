/// An address on which the server listens.
enum ListenAddress: Hashable, Sendable {
    /// A Unix socket with an absolute path.
    case unix(path: String)
    /// A TCP port of a loopback address; port 0 lets the kernel choose.
    case tcp(address: LoopbackAddress, port: Int)

    /// Reads `unix:PATH`, `127.0.0.1:PORT`, `localhost:PORT` or `[::1]:PORT`.
    init(_ text: String) throws(ServerError) {
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst(5))
            guard path.hasPrefix("/") else {
                throw ServerError("cannot listen on \(text): the path of a socket must be absolute")
            }
            guard path.utf8.count <= 107, !path.utf8.contains(0) else {
                throw ServerError("cannot listen on \(text): a socket path has at most 107 bytes")
            }
            self = .unix(path: path)
            return
        }
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
            (0...65_535).contains(port), !text[..<colon].isEmpty
        else {
            throw ServerError("cannot listen on \(text): write `unix:PATH` or `127.0.0.1:PORT`")
        }
        guard let address = LoopbackAddress(String(text[..<colon])) else {
            throw ServerError(
                "cannot listen on \(text): only loopback addresses are accepted",
                help: "use 127.0.0.1 or [::1]; a proxy with TLS can forward requests from other machines"
            )
        }
        self = .tcp(address: address, port: port)
    }
}

/// An address of 127.0.0.0/8, or ::1.
struct LoopbackAddress: Hashable, Sendable {
    /// 4 or 6.
    var family: Int32
    var bytes: [UInt8]
    /// The address without brackets.
    var text: String

    /// Reads a numeric address or `localhost`; nil for any other.
    init?(_ text: String) {
        switch text.lowercased() {
        case "[::1]":
            family = 6
            bytes = [UInt8](repeating: 0, count: 15) + [1]
            self.text = "::1"
        case "localhost":
            family = 4
            bytes = [127, 0, 0, 1]
            self.text = "127.0.0.1"
        default:
            let parts = text.split(separator: ".", omittingEmptySubsequences: false)
            let numbers = parts.compactMap { $0.allSatisfy(\.isNumber) ? UInt8($0) : nil }
            guard parts.count == 4, numbers.count == 4, numbers[0] == 127 else { return nil }
            family = 4
            bytes = numbers
            self.text = numbers.map(String.init).joined(separator: ".")
        }
    }
}

/// A problem that ends the server at its start, with exit code 2.
struct ServerError: Error, Hashable, Sendable {
    var message: String
    /// What the user can do.
    var help: String?

    init(_ message: String, help: String? = nil) {
        self.message = message
        self.help = help
    }
}
