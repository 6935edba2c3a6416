internal import HeroModel

/// Parses HTTP URLs.
enum HTTPAddress {
    /// The reason why a text is not the URL of a probe, with what to do.
    struct Problem: Error {
        /// What is wrong, as the end of a sentence about the key.
        var text: String
        /// What to write.
        var help: String
    }

    /// Parses `http://host[:port]/path`.
    ///
    /// The default port is 80, the default path `/`.
    static func parse(_ text: String) throws(Problem) -> HTTPTarget {
        let rest = try afterScheme(of: text)
        let end =
            rest.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") }
            ?? rest.endIndex
        let authority = String(text[rest.startIndex..<end])
        var path = String(text[end...])
        if path.utf8.first != UInt8(ascii: "/") { path = "/" + path }
        guard !path.utf8.contains(UInt8(ascii: "#")) else {
            let plain = text.prefix { $0 != "#" }
            throw Problem(text: "has a fragment, which no server receives", help: "write it as `http: \(plain)`")
        }
        guard !authority.utf8.contains(UInt8(ascii: "@")) else {
            throw Problem(
                text: "has a user name",
                help: "remove it, and write `headers: {Authorization: Basic ...}` in the map form of `http`"
            )
        }
        let (host, port) = try server(authority)
        guard isRequestPath(path) else {
            throw Problem(
                text: "has a space or another character that a URL cannot contain",
                help: "percent-encode all other characters than printable ASCII, such as `%20`"
            )
        }
        return HTTPTarget(.tcp(host: host, port: port), path: path)
    }

    /// Returns the bytes after `http://`.
    private static func afterScheme(of text: String) throws(Problem) -> Substring.UTF8View {
        if text.utf8.starts(with: "http://".utf8) { return text.utf8.dropFirst(7) }
        let scheme = text.prefix { $0 != ":" && $0 != "/" }
        guard text.dropFirst(scheme.count).hasPrefix("://") else {
            let proposal = text.utf8.first == UInt8(ascii: "/") ? "http://127.0.0.1:8080\(text)" : "http://\(text)"
            let isPort = Scalars.isDecimalInteger(text)
            let corrected = isPort ? "http://127.0.0.1:\(text)/" : proposal
            let isValid = text.utf8.first != UInt8(ascii: "/") && (try? parse(corrected)) != nil
            throw Problem(
                text: "has no scheme",
                help: isValid ? "write it as `http: \(corrected)`" : "begin it with `http://` and the host"
            )
        }
        switch scheme.lowercased() {
        case "http":
            throw Problem(
                text: "has a scheme in capitals",
                help: "write it as `http: http\(text.dropFirst(4))`"
            )
        case "https":
            throw Problem(
                text: "does not support HTTPS",
                help: "use a plain `http://` address, or an `exec` probe"
            )
        case "unix", "http+unix":
            throw Problem(
                text: "has a socket as its URL",
                help: "write a map, such as `http: {unix: /run/web.sock, path: /health}`"
            )
        default:
            throw Problem(
                text: "has the unknown scheme `\(scheme.prefix(20))`",
                help: "write a URL that begins with `http://`"
            )
        }
    }

    /// Parses `host`, `host:port` or `[address]:port`.
    private static func server(_ authority: String) throws(Problem) -> (host: String, port: UInt16) {
        let colons = authority.utf8.count { $0 == UInt8(ascii: ":") }
        let isBracketed = authority.utf8.first == UInt8(ascii: "[")
        guard colons < 2 || isBracketed else {
            throw Problem(
                text: "has an IPv6 address without brackets",
                help: "write the address in brackets, as in `http://[::1]:8080/`"
            )
        }
        let hasPort = authority.utf8.last != UInt8(ascii: "]") && colons > 0
        guard !authority.isEmpty, authority.utf8.first != UInt8(ascii: ":") else {
            throw Problem(text: "has no host", help: "write a host, such as `http://127.0.0.1:8080/`")
        }
        if let endpoint = TCPEndpoint(hasPort ? authority : authority + ":80"), let host = endpoint.host, isHost(host) {
            return (host, endpoint.port)
        }
        let port = authority.split(separator: ":", omittingEmptySubsequences: false).last.map(String.init) ?? ""
        guard hasPort, TCPEndpoint(port)?.host != nil || TCPEndpoint(port) == nil else {
            throw Problem(
                text: "has a host that is neither a name nor an address",
                help: "write a host name, an IPv4 address, or an IPv6 address in brackets"
            )
        }
        throw Problem(
            text: port.isEmpty ? "has no port after the colon" : "has the invalid port `\(port.prefix(20))`",
            help: "write a port from 1 to 65535, or remove the colon for port 80"
        )
    }

    /// Whether the text is valid in the request line of HTTP.
    static func isRequestPath(_ text: String) -> Bool {
        text.utf8.first == UInt8(ascii: "/") && text.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != 0x23 }
    }

    /// Whether the text is the name of a header field (RFC 9110 5.6.2).
    static func isHeaderName(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy {
                (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0)
                    || "!#$%&'*+-.^_`|~".utf8.contains($0)
            }
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
