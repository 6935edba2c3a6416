internal import HeroModel

/// Parses HTTP URLs.
enum HTTPAddress {
    /// Parses `http://host[:port]/path`.
    ///
    /// The default port is 80, the default path `/`.
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

    /// Whether the text is valid in the request line of HTTP.
    static func isRequestPath(_ text: String) -> Bool {
        text.utf8.first == UInt8(ascii: "/") && text.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != 0x23 }
    }

    /// Whether the text is a numeric address or has the form of a host name.
    static func isHost(_ text: String) -> Bool {
        if NumericAddress(text) != nil { return true }
        // A text of digits and dots only is a mistyped address, not a host name.
        return text.utf8.count <= 253
            && text.utf8.allSatisfy {
                (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || $0 == UInt8(ascii: "-")
                    || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "_")
            }
            && !text.utf8.allSatisfy { (48...57).contains($0) || $0 == UInt8(ascii: ".") }
    }
}
