internal import HeroModel

/// The readers of TCP addresses and URLs.
extension FileDecoder {
    /// A port to bind: `8080`, `127.0.0.1:8080` or `[::1]:8080`.
    mutating func boundEndpoint(_ node: YAMLNode, _ key: String) -> TCPEndpoint? {
        guard let endpoint = endpoint(node, key) else { return nil }
        guard let host = endpoint.host, NumericAddress(host) == nil else { return endpoint }
        report(
            .invalidAddress,
            "`\(key)` must name a numeric address, not \(quoted(host))",
            help: host == "localhost"
                ? "write `127.0.0.1:\(endpoint.port)` or `[::1]:\(endpoint.port)`"
                : "write the port alone for every address, or an address as in `127.0.0.1:\(endpoint.port)`",
            at: node.span
        )
        return nil
    }

    /// A port, with a numeric address or a host name.
    mutating func endpoint(_ node: YAMLNode, _ key: String) -> TCPEndpoint? {
        guard let (text, _) = scalar(node) else {
            reportWrongType(node, key, "a port or an address", example: "127.0.0.1:8080")
            return nil
        }
        if let endpoint = TCPEndpoint(text), endpoint.host.map(HTTPAddress.isHost) ?? true { return endpoint }
        let port = text.split(separator: ":").last.map(String.init) ?? ""
        let hasLeadingZero = port.utf8.count > 1 && port.utf8.first == UInt8(ascii: "0")
        // With a port that is one, would it be an address?
        let isOnlyPort =
            TCPEndpoint(text.dropLast(port.utf8.count) + "1")?.host.map(HTTPAddress.isHost) ?? (port == text)
        let isOutOfRange = isOnlyPort && !hasLeadingZero && Scalars.isDecimalInteger(port)
        report(
            isOutOfRange ? .outOfRange : .invalidAddress,
            isOutOfRange
                ? "`\(key)` must be a port from 1 to 65535, not \(quoted(port))"
                : "`\(key)` is no port and no address: \(quoted(text))",
            help: "write `8080`, `\"127.0.0.1:8080\"` or `\"[::1]:8080\"`",
            at: node.span
        )
        return nil
    }

    /// `http://host[:port]/path`.
    mutating func httpURL(_ node: YAMLNode, _ key: String) -> HTTPTarget? {
        let example = "http://127.0.0.1:8080/health"
        guard let text = singleLineText(node, key, example: example) else { return nil }
        if let target = HTTPAddress.parse(text) { return target }
        let isSecure = text.hasPrefix("https://")
        report(
            .invalidURL,
            isSecure ? "`\(key)` cannot ask over TLS: \(quoted(text))" : "`\(key)` is no URL: \(quoted(text))",
            help: isSecure
                ? "ask a plain `http://` address, or use an `exec` probe"
                : "write `\(example)`; user names and fragments are not allowed",
            at: node.span
        )
        return nil
    }

    /// The path of a request: begins with `/`, printable, without blanks.
    mutating func requestPath(_ node: YAMLNode, _ key: String) -> String? {
        guard let text = singleLineText(node, key, example: "/health") else { return nil }
        if HTTPAddress.isRequestPath(text) { return text }
        report(
            .invalidURL,
            "`\(key)` is no path of a request: \(quoted(text))",
            help: "begin it with `/` and write other characters than printable ASCII as `%20`",
            at: node.span
        )
        return nil
    }
}

/// The parts of an HTTP URL.
enum HTTPAddress {
    /// Reads `http://host[:port]/path`; the port is 80 and the path `/` where they are missing.
    static func parse(_ text: String) -> HTTPTarget? {
        guard text.utf8.starts(with: "http://".utf8) else { return nil }
        let rest = text.utf8.dropFirst(7)
        let end =
            rest.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") }
            ?? rest.endIndex
        let authority = rest[..<end]
        var path = String(text[end...])
        if path.utf8.first != UInt8(ascii: "/") { path = "/" + path }
        guard isRequestPath(path) else { return nil }
        let hasPort = authority.last != UInt8(ascii: "]") && authority.contains(UInt8(ascii: ":"))
        let server = String(text[authority.startIndex..<end])
        guard let endpoint = TCPEndpoint(hasPort ? server : server + ":80"),
            let host = endpoint.host, isHost(host)
        else { return nil }
        return HTTPTarget(.tcp(host: host, port: endpoint.port), path: path)
    }

    /// Whether it can stand in a request line.
    static func isRequestPath(_ text: String) -> Bool {
        text.utf8.first == UInt8(ascii: "/") && text.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != 0x23 }
    }

    /// Whether it is a numeric address or could be a host name.
    static func isHost(_ text: String) -> Bool {
        if NumericAddress(text) != nil { return true }
        // Digits and dots alone are a mistyped address, never a name.
        return text.utf8.count <= 253
            && text.utf8.allSatisfy {
                (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || $0 == UInt8(ascii: "-")
                    || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "_")
            }
            && !text.utf8.allSatisfy { (48...57).contains($0) || $0 == UInt8(ascii: ".") }
    }
}

/// An IPv4 or IPv6 address by its value: two spellings of one address are equal.
///
/// Sixteen bytes in network order; an IPv4 address is kept in its IPv6 form (RFC 4291, 2.5.5.2).
struct NumericAddress: Hashable {
    private let high: UInt64
    private let low: UInt64

    /// Reads `127.0.0.1`, `::1` or `::ffff:127.0.0.1`; nil when it is none.
    init?(_ text: String) {
        guard text.utf8.count <= 45 else { return nil }
        if let value = Self.version4(text.utf8) {
            (high, low) = (0, 0xFFFF << 32 | UInt64(value))
        } else {
            guard text.utf8.contains(UInt8(ascii: ":")), let groups = Self.version6(text) else { return nil }
            high = Self.join(groups.prefix(4))
            low = Self.join(groups.suffix(4))
        }
    }

    /// `0.0.0.0`: every IPv4 address.
    var isAny4: Bool { high == 0 && low == 0xFFFF << 32 }

    /// `::`: every address.
    var isAny6: Bool { high == 0 && low == 0 }

    /// Whether it is an IPv4 address, also in its IPv6 form.
    var isVersion4: Bool { high == 0 && low >> 32 == 0xFFFF }

    private static func join(_ groups: ArraySlice<UInt16>) -> UInt64 {
        groups.reduce(0) { $0 << 16 | UInt64($1) }
    }

    private static func version4(_ bytes: some Sequence<UInt8>) -> UInt32? {
        var value: UInt32 = 0
        var part: UInt32?
        var dots = 0
        for byte in bytes {
            switch (byte, part) {
            case (UInt8(ascii: "."), let done?) where dots < 3:
                value = value << 8 | done
                part = nil
                dots += 1
            case (48...57, nil): part = UInt32(byte) - 48
            // After a zero comes nothing: `010` is eight to one reader and ten to the next.
            case (48...57, let begun?) where begun > 0 && begun < 26:
                let longer = begun * 10 + UInt32(byte) - 48
                guard longer <= 255 else { return nil }
                part = longer
            default: return nil
            }
        }
        guard dots == 3, let part else { return nil }
        return value << 8 | part
    }

    private static func version6(_ text: String) -> [UInt16]? {
        // At most one `::`, which stands for as many zeros as are missing.
        var halves: [Substring] = []
        var rest = text[...]
        var index = rest.startIndex
        while index < rest.endIndex {
            let next = rest.index(after: index)
            if rest[index] == ":", next < rest.endIndex, rest[next] == ":" {
                halves.append(rest[..<index])
                rest = rest[rest.index(after: next)...]
                index = rest.startIndex
            } else {
                index = next
            }
        }
        halves.append(rest)
        guard halves.count <= 2, let first = groups(halves[0], mayEndIn4: halves.count == 1) else { return nil }
        if halves.count == 1 { return first.count == 8 ? first : nil }
        guard let second = groups(halves[1], mayEndIn4: true), first.count + second.count < 8 else { return nil }
        return first + Array(repeating: 0, count: 8 - first.count - second.count) + second
    }

    private static func groups(_ text: Substring, mayEndIn4: Bool) -> [UInt16]? {
        guard !text.isEmpty else { return [] }
        var result: [UInt16] = []
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            if mayEndIn4, index == parts.count - 1, part.contains(".") {
                guard let tail = version4(part.utf8) else { return nil }
                result += [UInt16(truncatingIfNeeded: tail >> 16), UInt16(truncatingIfNeeded: tail)]
            } else {
                guard (1...4).contains(part.utf8.count), part.first != "+", part.first != "-",
                    let group = UInt16(part, radix: 16)
                else { return nil }
                result.append(group)
            }
        }
        return result.count <= 8 ? result : nil
    }
}
