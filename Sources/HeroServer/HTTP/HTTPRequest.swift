/// A complete HTTP/1.1 request.
struct HTTPRequest: Sendable {
    /// The method, such as `GET`.
    var method: String
    /// The path without its query, percent-decoded.
    var path: String
    /// The query as it was sent; empty if there is none.
    var query = ""
    /// The header fields with lower-case names, in their order.
    var headers: [(name: String, value: String)] = []
    /// The body.
    var body: [UInt8] = []
    /// Whether the client wants to send another request on this connection.
    var isPersistent = true

    /// The value of a header field; the first one if there are several.
    func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }

    /// A parameter of the query, decoded.
    func parameter(_ name: String) -> String? {
        for part in query.split(separator: "&") {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let key = pair.first.flatMap({ PercentCoding.decode($0) }), key == name else { continue }
            return pair.count > 1 ? PercentCoding.decode(pair[1]) : ""
        }
        return nil
    }
}

/// Percent-encoding of URLs (RFC 3986).
enum PercentCoding {
    /// Decodes a text; nil if it is malformed, not UTF-8, or contains a NUL.
    static func decode(_ text: some StringProtocol) -> String? {
        var result: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                result.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(digit), let low = rest.popFirst().flatMap(digit) else {
                return nil
            }
            result.append(high << 4 | low)
        }
        guard !result.contains(0) else { return nil }
        return String(validating: result, as: UTF8.self)
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 48...57: byte - 48
        case 65...70: byte - 55
        case 97...102: byte - 87
        default: nil
        }
    }
}
