import HeroJSON
import HeroLinux
import Testing

@testable import HeroServer

@Suite("JSON-RPC 2.0")
struct DispatcherTests {
    private let dispatcher: RPCDispatcher

    init() {
        let program = HeroprocProgram(path: "/nonexistent", state: "/nonexistent", environment: [])
        let paths = RuntimePaths(state: "/nonexistent", uid: 0, environment: [:])
        let data = ServerData(program, paths, namedDirectory: "/nonexistent", defaultDirectory: "/nonexistent")
        let echo = RPCMethod(
            name: "echo",
            summary: "",
            parameters: [RPCParameter("value", .integer(1...10), "").required],
            result: .object([])
        ) { arguments, _ in JSONValue(arguments.integer("value")) }
        let change = RPCMethod(name: "change", summary: "", parameters: [], result: .null, role: .admin) { _, _ in true
        }
        dispatcher = RPCDispatcher([echo, change], data)
    }

    private func respond(_ text: String, _ role: Role = .reader) -> String? {
        dispatcher.respond(to: Array(text.utf8), role: role)?.text()
    }

    /// The codes of the errors in a response; 0 for a result.
    private func codes(_ text: String, _ role: Role = .reader) throws -> [Int64] {
        let response = try #require(dispatcher.respond(to: Array(text.utf8), role: role))
        let responses = if case .array(let items) = response { items } else { [response] }
        return responses.map { $0["error"]?.integer(of: "code") ?? 0 }
    }

    @Test("A request with named parameters receives its result and its own id")
    func answers() {
        for id in ["1", "\"a\"", "null", "1.5"] {
            let text = "{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"params\":{\"value\":7},\"id\":\(id)}"
            #expect(respond(text) == "{\"jsonrpc\":\"2.0\",\"result\":7,\"id\":\(id)}")
        }
    }

    @Test(
        "Every kind of error has the code of the specification",
        arguments: [
            ("{", -32700), ("[]", -32600), ("1", -32600), ("{}", -32600), ("[1,2]", -32600),
            ("{\"jsonrpc\":\"1.0\",\"method\":\"echo\",\"id\":1}", -32600),
            ("{\"jsonrpc\":\"2.0\",\"method\":1,\"id\":1}", -32600),
            ("{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"id\":{}}", -32600),
            ("{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"params\":1,\"id\":1}", -32600),
            ("{\"jsonrpc\":\"2.0\",\"method\":\"nothing\",\"id\":1}", -32601),
            ("{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"id\":1}", -32602),
            ("{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"params\":[7],\"id\":1}", -32602),
            ("{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"params\":{\"value\":11},\"id\":1}", -32602),
            ("{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"params\":{\"value\":7,\"x\":1},\"id\":1}", -32602),
            ("{\"jsonrpc\":\"2.0\",\"method\":\"change\",\"id\":1}", -32003),
        ]
    )
    func reportsErrors(_ text: String, _ code: Int64) throws {
        #expect(Set(try codes(text)) == [code])
    }

    @Test("Notifications receive no response, alone and in a batch")
    func omitsNotifications() throws {
        let notification = "{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"params\":{\"value\":1}}"
        let request = "{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"params\":{\"value\":1},\"id\":1}"
        #expect(respond(notification) == nil)
        #expect(respond("[\(notification),\(notification)]") == nil)
        #expect(try codes("[\(notification),\(request),1]") == [0, -32600])
        let many = Array(repeating: request, count: 101).joined(separator: ",")
        #expect(respond("[\(many)]")?.hasPrefix("{") == true)
    }

    @Test("Only an admin calls a method that changes something")
    func checksRole() throws {
        let text = "{\"jsonrpc\":\"2.0\",\"method\":\"change\",\"id\":1}"
        #expect(try codes(text, .admin) == [0])
        #expect(try codes(text, .reader) == [-32003])
    }

    @Test(
        "An imperative method of hero_proc names the manifest to edit",
        arguments: [
            "service.start", "service.stop", "service.restart", "service.kill", "service.set", "service.delete",
            "service.start_all", "service.stop_all", "action.set", "action.delete", "job.create", "job.cancel",
            "job.retry", "job.delete", "quick_service.add",
        ]
    )
    func namesRemedy(_ method: String) throws {
        let text = "{\"jsonrpc\":\"2.0\",\"method\":\"\(method)\",\"params\":{\"name\":\"web\"},\"id\":1}"
        let response = try #require(respond(text))
        #expect(response.contains("-32601"))
        #expect(response.contains("manifest"))
    }
}
