import HeroJSON
import HeroModel

/// Finds the response to a request.
struct Router: Sendable {
    let data: ServerData
    let dispatcher: RPCDispatcher
    let openRPC: HTTPResponse
    let metrics: MetricsCollector
    let streams: StreamRouter

    init(_ data: ServerData) {
        self.data = data
        dispatcher = RPCDispatcher(Self.methods, data)
        openRPC = .json(Self.openRPCDocument)
        metrics = MetricsCollector(data)
        streams = StreamRouter(data: data)
    }

    /// All methods, in the order of the documentation.
    static var methods: [RPCMethod] {
        let methods = ServiceMethods.all + RecordMethods.all + PlanMethods.all
        let discover = RPCMethod(
            name: "rpc.discover",
            summary: "Return the OpenRPC document of this server.",
            parameters: [],
            result: ["type": "object"]
        ) { _, _ throws(RPCError) in openRPCDocument }
        return methods + [discover]
    }

    /// The document of `GET /openrpc.json` and of `schemas/openrpc.json`.
    static let openRPCDocument = OpenRPC.document(ServiceMethods.all + RecordMethods.all + PlanMethods.all)

    /// Responds to a request.
    func respond(_ request: HTTPRequest, _ context: RequestContext) -> Reply {
        let isRead = request.method == "GET" || request.method == "HEAD"
        // The page holds no data, so a browser may load it before it knows the token.
        if isRead, let file = PageFiles.response(request.path) { return .response(file) }
        guard let role = context.role else {
            var response = HTTPResponse.error(.unauthorized, "a token is necessary: `Authorization: Bearer TOKEN`")
            response.headers.append(("WWW-Authenticate", "Bearer realm=\"heroproc\""))
            return .response(response)
        }
        if request.path == "/rpc" {
            guard request.method == "POST" else { return .response(.notAllowed("POST")) }
            var response = respondToCall(request, role)
            response.headers.append(("Heroproc-Role", role == .admin ? "admin" : "reader"))
            return .response(response)
        }
        guard let reply = read(request) else { return .response(.error(.notFound, "there is no \(request.path)")) }
        return isRead ? reply() : .response(.notAllowed("GET, HEAD"))
    }

    /// What reading a path returns; nil for an unknown path.
    private func read(_ request: HTTPRequest) -> (() -> Reply)? {
        switch request.path {
        case "/health": { .response(health) }
        case "/openrpc.json": { .response(openRPC) }
        case "/metrics": { .response(metricsResponse(request)) }
        case "/events": { streams.events(request) }
        case let path where path.hasPrefix("/logs/"): { streams.logs(request) }
        default: nil
        }
    }

    private func metricsResponse(_ request: HTTPRequest) -> HTTPResponse {
        do throws(RPCError) {
            let format = MetricsText.Format(accept: request.header("accept"))
            let text = try metrics.render(format, now: Clock.now())
            return HTTPResponse(status: .ok, contentType: format.contentType, body: Array(text.utf8))
        } catch {
            return .error(.unavailable, error.message)
        }
    }

    private func respondToCall(_ request: HTTPRequest, _ role: Role) -> HTTPResponse {
        guard let response = dispatcher.respond(to: request.body, role: role) else { return .empty(.noContent) }
        return .json(response)
    }

    /// 200 when everything is as wanted, else 503 with the services that are not.
    private var health: HTTPResponse {
        do throws(RPCError) {
            let status = try data.status()
            guard !status.isAsWanted else { return .json(["status": "ok"]) }
            return .json(Self.problems(of: status.document), .unavailable)
        } catch {
            return .json(["status": "unknown", "error": .string(error.message)], .unavailable)
        }
    }

    private static func problems(of document: JSONValue) -> JSONValue {
        let services = document.items("services").filter { !isAsWanted($0) }.map { service -> JSONValue in
            [
                "name": .string(service.qualifiedName), "wanted": service["wanted"] ?? .null,
                "state": service["state"] ?? .null, "blocked_by": service["blocked_by"] ?? .array([]),
            ]
        }
        let actions = document.items("standalone").filter { $0["phase"] == "failed" || $0["phase"] == "retrying" }
        return [
            "status": "failing",
            "services": .array(services),
            "standalone": .array(actions.map { ["name": .string($0.qualifiedName), "phase": $0["phase"] ?? .null] }),
            "reconciler": document["reconciler"]?["alive"] ?? .null,
            "refused": document["refused"] ?? .null,
        ]
    }

    /// Whether the state of a service needs no explanation.
    private static func isAsWanted(_ service: JSONValue) -> Bool {
        switch service.text(of: "wanted") {
        case "start":
            ["running", "exited"].contains(service.text(of: "state"))
                && service.items("actions").allSatisfy { $0.text(of: "reload_failed") == nil }
        case "ignore": true
        case "stop", "spec", nil: ["stopped", "failed"].contains(service.text(of: "state"))
        case .some: true
        }
    }
}
