import Foundation
import HeroModel
import Testing

/// The stored and the canonical form of ports (TP-4).
@Suite("Bound ports")
struct BoundPortTests {
    @Test("TP-4: Only a shared port is stored differently from earlier versions")
    func stored() throws {
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

    @Test("TP-4: Sharing a port is a change of `tcp_ports` that needs a restart")
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
