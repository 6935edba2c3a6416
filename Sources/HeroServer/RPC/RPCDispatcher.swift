import HeroJSON

/// Answers JSON-RPC 2.0 requests, batches and notifications.
struct RPCDispatcher: Sendable {
    /// The largest number of requests in a batch.
    static let maximumBatch = 100

    let methods: [String: RPCMethod]
    let data: ServerData

    init(_ methods: [RPCMethod], _ data: ServerData) {
        self.methods = Dictionary(methods.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        self.data = data
    }

    /// The response to a body; nil if it contains only notifications.
    func respond(to body: [UInt8], role: Role) -> JSONValue? {
        let value: JSONValue
        do throws(JSONReadError) {
            value = try JSONReader.read(body)
        } catch {
            let text = "parse error: \(error.problem) (byte \(error.offset))"
            return Self.failure(RPCError(.parseError, text), id: .null)
        }
        guard case .array(let requests) = value else { return respond(to: value, role: role) }
        guard !requests.isEmpty, requests.count <= Self.maximumBatch else {
            return Self.failure(
                RPCError(.invalidRequest, "a batch has 1 to \(Self.maximumBatch) requests"),
                id: .null
            )
        }
        let responses = requests.compactMap { respond(to: $0, role: role) }
        return responses.isEmpty ? nil : .array(responses)
    }

    /// The response to one request; nil for a notification.
    private func respond(to request: JSONValue, role: Role) -> JSONValue? {
        let id = request["id"]
        guard case .object = request, request["jsonrpc"] == .string("2.0"),
            case .string(let method) = request["method"], Self.isIdentifier(id), Self.isStructured(request["params"])
        else {
            let known = Self.isIdentifier(id) ? id ?? .null : .null
            return Self.failure(RPCError(.invalidRequest, "this is not a request of JSON-RPC 2.0"), id: known)
        }
        do throws(RPCError) {
            let result = try call(method, request["params"], role)
            return id.map { ["jsonrpc": "2.0", "result": result, "id": $0] }
        } catch {
            return id.map { Self.failure(error, id: $0) }
        }
    }

    private func call(_ name: String, _ params: JSONValue?, _ role: Role) throws(RPCError) -> JSONValue {
        guard let method = methods[name] else {
            throw RPCError(.methodNotFound, RetiredMethods.answer(name, params, data) ?? "there is no method \(name)")
        }
        guard role >= method.role else {
            throw RPCError(.forbidden, "only an admin may call \(name)", data: ["status": 403])
        }
        return try method.body(try RPCArguments(params, for: method.parameters), data)
    }

    private static func isIdentifier(_ id: JSONValue?) -> Bool {
        switch id {
        case nil, .null, .integer, .number, .string: true
        case .bool, .array, .object: false
        }
    }

    private static func isStructured(_ params: JSONValue?) -> Bool {
        switch params {
        case nil, .array, .object: true
        case .null, .bool, .integer, .number, .string: false
        }
    }

    private static func failure(_ error: RPCError, id: JSONValue) -> JSONValue {
        ["jsonrpc": "2.0", "error": error.json, "id": id]
    }
}
