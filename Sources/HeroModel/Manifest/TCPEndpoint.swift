/// A TCP address that a program binds or that a probe connects to.
public struct TCPEndpoint: Hashable, Sendable, Codable {
    /// A numeric address without brackets, or a host name for probes; nil means all addresses to bind, and loopback to
    /// probe.
    public var host: String?
    /// The port, 1 to 65535.
    public var port: UInt16

    /// Makes an endpoint.
    public init(host: String? = nil, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// Parses `8080`, `127.0.0.1:8080` or `[::1]:8080`; nil unless the port is a decimal number from 1 to 65535.
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
        // `080` is invalid, because some programs read it as octal.
        guard let first = digits.first, first != UInt8(ascii: "0") else { return nil }
        var value: UInt32 = 0
        for digit in digits where value <= UInt32(UInt16.max) { value = value * 10 + UInt32(digit &- 48) }
        return UInt16(exactly: value)
    }

    /// Parses the text before the colon: a name or an address; an address with colons is in brackets.
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
    /// The endpoint as written in a manifest.
    public var description: String {
        guard let host else { return String(port) }
        return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}
