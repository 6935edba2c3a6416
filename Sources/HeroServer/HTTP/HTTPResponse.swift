import HeroJSON

/// The status of a response.
struct HTTPStatus: Hashable, Sendable {
    /// The number.
    var code: Int
    /// The text after it.
    var reason: String

    static let ok = HTTPStatus(code: 200, reason: "OK")
    static let noContent = HTTPStatus(code: 204, reason: "No Content")
    static let notModified = HTTPStatus(code: 304, reason: "Not Modified")
    static let badRequest = HTTPStatus(code: 400, reason: "Bad Request")
    static let unauthorized = HTTPStatus(code: 401, reason: "Unauthorized")
    static let forbidden = HTTPStatus(code: 403, reason: "Forbidden")
    static let notFound = HTTPStatus(code: 404, reason: "Not Found")
    static let methodNotAllowed = HTTPStatus(code: 405, reason: "Method Not Allowed")
    static let requestTimeout = HTTPStatus(code: 408, reason: "Request Timeout")
    static let lengthRequired = HTTPStatus(code: 411, reason: "Length Required")
    static let contentTooLarge = HTTPStatus(code: 413, reason: "Content Too Large")
    static let headersTooLarge = HTTPStatus(code: 431, reason: "Request Header Fields Too Large")
    static let internalError = HTTPStatus(code: 500, reason: "Internal Server Error")
    static let unavailable = HTTPStatus(code: 503, reason: "Service Unavailable")
}

/// A response with a complete body.
struct HTTPResponse: Sendable {
    var status: HTTPStatus
    var contentType: String?
    var body: [UInt8] = []
    /// Further header fields.
    var headers: [(name: String, value: String)] = []

    /// A response without a body.
    static func empty(_ status: HTTPStatus) -> HTTPResponse { HTTPResponse(status: status) }

    /// A JSON document.
    static func json(_ value: JSONValue, _ status: HTTPStatus = .ok) -> HTTPResponse {
        HTTPResponse(status: status, contentType: "application/json", body: Array((value.text() + "\n").utf8))
    }

    /// An error, as a JSON object with its text.
    static func error(_ status: HTTPStatus, _ text: String) -> HTTPResponse {
        .json(["error": .string(text)], status)
    }

    /// A path that does not have this method.
    static func notAllowed(_ methods: String) -> HTTPResponse {
        var response = HTTPResponse.error(.methodNotAllowed, "this path accepts only \(methods)")
        response.headers.append(("Allow", methods))
        return response
    }

    /// The bytes to send.
    func bytes(isPersistent: Bool, withBody: Bool = true) -> [UInt8] {
        var text = head(isPersistent: isPersistent)
        if status != .noContent, status != .notModified { text += "Content-Length: \(body.count)\r\n" }
        return Array((text + "\r\n").utf8) + (withBody ? body : [])
    }

    /// The head of a response whose body ends with the connection.
    var streamHead: [UInt8] { Array((head(isPersistent: false) + "\r\n").utf8) }

    private func head(isPersistent: Bool) -> String {
        var text = "HTTP/1.1 \(status.code) \(status.reason)\r\n"
        let isCacheable = headers.contains { $0.name == "Cache-Control" }
        var fields = headers
        if let contentType { fields.append(("Content-Type", contentType)) }
        if !isCacheable { fields.append(("Cache-Control", "no-store")) }
        fields.append(("X-Content-Type-Options", "nosniff"))
        if !isPersistent { fields.append(("Connection", "close")) }
        for field in fields { text += "\(field.name): \(field.value)\r\n" }
        return text
    }
}
