/// Reads requests from the bytes of one connection.
///
/// It accepts a strict subset of HTTP/1.1 (RFC 9112): a request that two programs could read differently is refused.
struct HTTPRequestReader {
    /// What the bytes received so far are.
    enum Progress {
        /// The request is not complete.
        case incomplete
        /// The client waits for permission to send the body (`Expect: 100-continue`).
        case awaitsContinue
        /// A complete request, which is removed from the buffer.
        case request(HTTPRequest)
        /// A request that is refused with this status; the connection must be closed.
        case refused(HTTPStatus, String)
    }

    /// The largest request line with all header fields, in bytes.
    static let maximumHeadSize = 16 << 10
    /// The largest body, in bytes.
    static let maximumBodySize = 1 << 20

    private var buffer: [UInt8] = []
    private var head: HTTPRequest?
    private var bodySize = 0
    /// The number of bytes that are known not to contain the end of the head.
    private var searchedCount = 0
    private var isContinueSent = false

    /// Whether no byte of a next request has arrived.
    var isIdle: Bool { buffer.isEmpty && head == nil }

    /// Adds received bytes.
    mutating func append(_ bytes: ArraySlice<UInt8>) { buffer += bytes }

    /// Reads the next request as far as possible.
    mutating func next() -> Progress {
        if head == nil, let result = readHead() { return result }
        guard var request = head else { return .incomplete }
        guard buffer.count >= bodySize else {
            guard !isContinueSent, request.header("expect")?.lowercased() == "100-continue" else { return .incomplete }
            isContinueSent = true
            return .awaitsContinue
        }
        request.body = Array(buffer.prefix(bodySize))
        buffer.removeFirst(bodySize)
        head = nil
        bodySize = 0
        isContinueSent = false
        return .request(request)
    }

    /// Reads the head.
    ///
    /// - Returns: nil when the head is complete.
    private mutating func readHead() -> Progress? {
        // Empty lines before a request line are ignored.
        while buffer.starts(with: [13, 10]) { buffer.removeFirst(2) }
        guard let end = endOfHead() else {
            if buffer.count > Self.maximumHeadSize { return .refused(.headersTooLarge, "more than 16 KiB of headers") }
            return .incomplete
        }
        guard end <= Self.maximumHeadSize else { return .refused(.headersTooLarge, "more than 16 KiB of headers") }
        let bytes = buffer[..<end]
        buffer.removeFirst(end + 4)
        searchedCount = 0
        guard let text = String(validating: bytes, as: UTF8.self) else {
            return .refused(.badRequest, "the headers are not UTF-8")
        }
        return parseHead(text)
    }

    private mutating func endOfHead() -> Int? {
        var index = max(0, searchedCount - 3)
        while index + 3 < buffer.count {
            if buffer[index] == 13, buffer[index + 1] == 10, buffer[index + 2] == 13, buffer[index + 3] == 10 {
                return index
            }
            index += 1
        }
        searchedCount = buffer.count
        return nil
    }

    private mutating func parseHead(_ text: String) -> Progress? {
        var lines: [Substring] = []
        for line in text.split(separator: "\r\n", omittingEmptySubsequences: false) {
            // A line break of another kind, or a control character, could hide a header field.
            guard line.unicodeScalars.allSatisfy({ $0 == "\t" || ($0.value >= 32 && $0.value != 127) }) else {
                return .refused(.badRequest, "the headers contain a control character")
            }
            lines.append(line)
        }
        guard let first = lines.first, var request = parseRequestLine(first) else {
            return .refused(.badRequest, "the request line is not of the form `METHOD PATH HTTP/1.1`")
        }
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":"), line[..<colon].utf8.allSatisfy(Self.isTokenByte),
                colon > line.startIndex
            else { return .refused(.badRequest, "a header field is not of the form `NAME: VALUE`") }
            let value = line[line.index(after: colon)...]
            request.headers.append((line[..<colon].lowercased(), String(value.trimmingSpaces)))
        }
        return parseFraming(request)
    }

    private func parseRequestLine(_ line: Substring) -> HTTPRequest? {
        let parts = line.split(separator: " ", omittingEmptySubsequences: false)
        guard parts.count == 3, !parts[0].isEmpty, parts[0].utf8.allSatisfy(Self.isTokenByte),
            parts[1].hasPrefix("/"), parts[2] == "HTTP/1.1" || parts[2] == "HTTP/1.0"
        else { return nil }
        let target = parts[1].split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        guard let path = target.first.flatMap({ PercentCoding.decode($0) }) else { return nil }
        return HTTPRequest(
            method: String(parts[0]),
            path: path,
            query: target.count > 1 ? String(target[1]) : "",
            isPersistent: parts[2] == "HTTP/1.1"
        )
    }

    /// Finds the size of the body.
    private mutating func parseFraming(_ parsed: HTTPRequest) -> Progress? {
        var request = parsed
        if request.header("transfer-encoding") != nil {
            return .refused(.lengthRequired, "a body needs a Content-Length; Transfer-Encoding is not supported")
        }
        if let connection = request.header("connection")?.lowercased() {
            let options = connection.split(separator: ",").map { $0.trimmingSpaces }
            if options.contains("close") { request.isPersistent = false }
        }
        if request.isPersistent || request.header("host") != nil {
            guard request.headers.count(where: { $0.name == "host" }) == 1 else {
                return .refused(.badRequest, "exactly one Host header is necessary")
            }
        }
        let lengths = request.headers.filter { $0.name == "content-length" }
        if let length = lengths.first {
            guard lengths.count == 1, !length.value.isEmpty, length.value.utf8.allSatisfy({ (48...57).contains($0) })
            else { return .refused(.badRequest, "the Content-Length is not one number") }
            guard let size = Int(length.value), size <= Self.maximumBodySize else {
                return .refused(.contentTooLarge, "the body has more than 1 MiB")
            }
            bodySize = size
        }
        head = request
        return nil
    }

    /// Whether a byte may occur in a method or a header name (RFC 9110, `tchar`).
    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...57, 65...90, 97...122: true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}

extension StringProtocol {
    /// The text without spaces and tabs at both ends.
    var trimmingSpaces: SubSequence {
        var rest = self[...]
        while let first = rest.first, first == " " || first == "\t" { rest = rest.dropFirst() }
        while let last = rest.last, last == " " || last == "\t" { rest = rest.dropLast() }
        return rest
    }
}
