import HeroJSON

/// An error of JSON-RPC 2.0.
struct RPCError: Error, Hashable, Sendable {
    /// The codes of the specification, and those of this server.
    enum Code: Int64, CaseIterable, Sendable {
        case parseError = -32700
        case invalidRequest = -32600
        case methodNotFound = -32601
        case invalidParams = -32602
        case internalError = -32603
        /// No reconciler is running, so nothing can be changed.
        case noReconciler = -32000
        /// heroproc has refused the request and changed nothing.
        case refused = -32001
        /// The client may not call the method.
        case forbidden = -32003
        /// There is no service, job or other object of this name.
        case notFound = -32004
    }

    var code: Code
    var message: String
    /// Further facts.
    var data: JSONValue?

    init(_ code: Code, _ message: String, data: JSONValue? = nil) {
        self.code = code
        self.message = message
        self.data = data
    }

    /// An unknown name or number.
    static func notFound(_ message: String) -> RPCError {
        RPCError(.notFound, message, data: ["status": 404])
    }

    /// The error object.
    var json: JSONValue {
        let object: JSONValue = ["code": .integer(code.rawValue), "message": .string(message)]
        return data.map { object.adding([JSONValue.Member("data", $0)]) } ?? object
    }
}
