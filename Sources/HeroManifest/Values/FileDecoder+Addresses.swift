internal import HeroModel

/// Decodes TCP addresses and URLs.
extension FileDecoder {
    /// Decodes a port to bind: `8080`, `127.0.0.1:8080` or `[::1]:8080`.
    mutating func boundEndpoint(_ node: YAMLNode, _ key: String) -> TCPEndpoint? {
        guard let endpoint = endpoint(node, key) else { return nil }
        guard let host = endpoint.host, NumericAddress(host) == nil else { return endpoint }
        report(
            .invalidAddress,
            "`\(key)` must have a numeric address, not \(quoted(host))",
            help: host == "localhost"
                ? "write `127.0.0.1:\(endpoint.port)` or `[::1]:\(endpoint.port)`"
                : "write only the port to bind every address, or a numeric address as in `127.0.0.1:\(endpoint.port)`",
            at: node.span
        )
        return nil
    }

    /// Decodes a port, optionally with a numeric address or a host name.
    mutating func endpoint(_ node: YAMLNode, _ key: String) -> TCPEndpoint? {
        guard let (text, _) = scalar(node) else {
            reportWrongType(node, key, "a port or an address", example: "127.0.0.1:8080")
            return nil
        }
        if let endpoint = TCPEndpoint(text), endpoint.host.map(HTTPAddress.isHost) ?? true { return endpoint }
        let port = text.split(separator: ":").last.map(String.init) ?? ""
        let hasLeadingZero = port.utf8.count > 1 && port.utf8.first == UInt8(ascii: "0")
        // Whether the text would be valid with a valid port, so that only the port is wrong.
        let isOnlyPort =
            TCPEndpoint(text.dropLast(port.utf8.count) + "1")?.host.map(HTTPAddress.isHost) ?? (port == text)
        let isOutOfRange = isOnlyPort && !hasLeadingZero && Scalars.isDecimalInteger(port)
        report(
            isOutOfRange ? .outOfRange : .invalidAddress,
            isOutOfRange
                ? "`\(key)` must be a port from 1 to 65535, not \(quoted(port))"
                : "`\(key)` is neither a port nor an address: \(quoted(text))",
            help: Self.endpointHelp(text),
            at: node.span
        )
        return nil
    }

    /// Returns the help for a text that is neither a port nor an address, such as a port of docker compose.
    private static func endpointHelp(_ text: String) -> String {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        let isMapping = parts.count > 1 && parts.suffix(2).allSatisfy { UInt16($0) != nil }
        if isMapping, let port = parts.last {
            return "heroproc maps no ports: write the port that the program binds, such as `\(port)`"
        }
        var plain = text[...]
        if plain.hasSuffix("/tcp") { plain = plain.dropLast(4) }
        for prefix in ["tcp://", "*:", ":"] where plain.hasPrefix(prefix) { plain = plain.dropFirst(prefix.count) }
        if plain.utf8.count < text.utf8.count, let endpoint = TCPEndpoint(String(plain)), endpoint.host == nil {
            return "write it as `\(endpoint.port)`"
        }
        return "write `8080`, `\"127.0.0.1:8080\"` or `\"[::1]:8080\"`"
    }

    /// Decodes `http://host[:port]/path`.
    mutating func httpURL(_ node: YAMLNode, _ key: String) -> HTTPTarget? {
        let example = "http://127.0.0.1:8080/health"
        guard let text = singleLineText(node, key, example: example) else { return nil }
        do throws(HTTPAddress.Problem) {
            return try HTTPAddress.parse(text)
        } catch {
            report(.invalidURL, "`\(key)` \(error.text): \(quoted(text))", help: error.help, at: node.span)
            return nil
        }
    }

    /// Decodes the header fields of a request.
    mutating func httpHeaders(_ node: YAMLNode, _ key: String) -> [String: String] {
        valueMap(node, key, example: "Authorization: Bearer abc", written: { _, _ in }) { entry, decoder in
            let reserved = ["connection", "content-length", "transfer-encoding"]
            guard HTTPAddress.isHeaderName(entry.key), !reserved.contains(entry.key.lowercased()) else {
                let isReserved = HTTPAddress.isHeaderName(entry.key)
                decoder.report(
                    .invalidVariable,
                    isReserved
                        ? "`\(key)` cannot set \(quoted(entry.key)): heroproc sends it itself"
                        : "`\(key)` has an invalid header name: \(quoted(entry.key))",
                    help: isReserved ? "remove it" : "use letters, digits and `-`, as in `Accept-Language`",
                    at: entry.span
                )
                return nil
            }
            guard let value = decoder.entryText(entry, key) else { return nil }
            guard value.utf8.allSatisfy({ ($0 >= 32 && $0 < 127) || $0 == 9 }) else {
                decoder.report(
                    .controlCharacter,
                    "`\(key).\(entry.key)` contains a line break or another character that a header cannot contain",
                    help: "write printable ASCII on one line",
                    at: entry.value.span
                )
                return nil
            }
            return value
        }
    }

    /// Decodes the list of expected statuses; returns each once, sorted.
    mutating func httpStatuses(_ node: YAMLNode, _ key: String) -> [Int] {
        var statuses = OrderedSet<Int>()
        for item in items(node, key, of: "statuses", example: "200") {
            guard let status = integer(item, key, in: AllowedRanges.httpStatus) else { continue }
            if !statuses.append(status) { reportListedTwice(item, key, String(status)) }
        }
        if case .sequence(let items) = node.content, items.isEmpty {
            report(
                .emptyList,
                "`\(key)` is empty, so no response would count as a success",
                help: "remove it",
                at: node.span
            )
        }
        return statuses.items.sorted()
    }

    /// Decodes the path of a request: begins with `/`, printable ASCII, without spaces.
    mutating func requestPath(_ node: YAMLNode, _ key: String) -> String? {
        guard let text = singleLineText(node, key, example: "/health") else { return nil }
        if HTTPAddress.isRequestPath(text) { return text }
        report(
            .invalidURL,
            "`\(key)` is not a valid request path: \(quoted(text))",
            help: "begin it with `/`, and percent-encode all other characters than printable ASCII, such as `%20`",
            at: node.span
        )
        return nil
    }
}
