import Foundation
import HeroModel
import Testing

/// Ports as they are recorded and compared (reliability.md TP-4).
@Suite("The ports of an action")
struct BoundPortTests {
    @Test("TP-4: a shared port is recorded as such; one that is not is recorded as all earlier versions did")
    func recorded() throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        func text(_ value: some Encodable) throws -> String {
            String(decoding: try encoder.encode(value), as: UTF8.self)
        }
        for endpoint in [TCPEndpoint(port: 80), TCPEndpoint(host: "::1", port: 8080)] {
            #expect(try text(BoundPort(endpoint)) == text(endpoint))
            for isShared in [false, true] {
                let port = BoundPort(endpoint, isShared: isShared)
                #expect(try JSONDecoder().decode(BoundPort.self, from: encoder.encode(port)) == port)
            }
        }
        #expect(try text(BoundPort(port: 80, isShared: true)) == #"{"isShared":true,"port":80}"#)
    }

    @Test("TP-4: a port that is shared from now on is a change of `tcp_ports`, which costs a restart")
    func compared() {
        func canonical(_ ports: [BoundPort]) -> CanonicalSpec {
            var action = ActionSpec("main", .exec(["web"]), isProcess: true)
            action.tcpPorts = ports
            return CanonicalSpec(ServiceSpec(QualifiedName("web"), actions: [action]))
        }
        let (own, shared) = (BoundPort(host: "::1", port: 80), BoundPort(host: "::1", port: 80, isShared: true))
        #expect(canonical([own, BoundPort(port: 8080)]).values["actions.main.tcp_ports"] == "[::1]:80 8080")
        let field = canonical([BoundPort(port: 8080), shared]).values["actions.main.tcp_ports"]
        #expect(field == "8080 {port: [::1]:80, reuseport: true}")
        #expect(CanonicalSpec.cost(of: "actions.main.tcp_ports") == .restart)
    }
}
