import HeroModel
import Testing

@Suite("TCPListener")
struct TCPListenerTests {
    private static let v4Any = IPAddress.v4([0, 0, 0, 0])
    private static let v4Loopback = IPAddress.v4([127, 0, 0, 1])
    private static let v6Any = IPAddress.v6([UInt8](repeating: 0, count: 16))
    private static let v6Loopback = IPAddress.v6([UInt8](repeating: 0, count: 15) + [1])

    /// The numeric addresses of these tests; any other text is a name.
    private func parse(_ text: String) -> IPAddress? {
        switch text {
        case "0.0.0.0": Self.v4Any
        case "127.0.0.1": Self.v4Loopback
        case "127.0.0.2": .v4([127, 0, 0, 2])
        case "::": Self.v6Any
        case "::1": Self.v6Loopback
        default: nil
        }
    }

    @Test(
        "A listener blocks an endpoint and accepts its connections as the table shows (TP-1)",
        arguments: [
            // Address, IPv6 only, host of the endpoint, blocks, accepts.
            (v4Any, false, nil, true, true), (v4Any, false, "127.0.0.1", true, true),
            (v4Any, false, "::1", false, false),
            (v4Loopback, false, nil, true, true), (v4Loopback, false, "127.0.0.1", true, true),
            (v4Loopback, false, "127.0.0.2", false, false), (v4Loopback, false, "0.0.0.0", true, false),
            (v4Loopback, false, "::1", false, false), (v4Loopback, false, "::", true, false),
            (v4Loopback, false, "localhost", true, true), (v4Loopback, false, "db.example", true, true),
            (v6Any, false, nil, true, true), (v6Any, false, "127.0.0.1", true, true), (v6Any, false, "::1", true, true),
            (v6Any, true, "0.0.0.0", false, false), (v6Any, true, "::1", true, true),
            (v6Loopback, false, "127.0.0.1", false, false), (v6Loopback, false, "::1", true, true),
            (v6Loopback, false, "localhost", false, true),
        ] as [(IPAddress, Bool, String?, Bool, Bool)]
    )
    func table(address: IPAddress, isIPv6Only: Bool, host: String?, blocks: Bool, accepts: Bool) {
        let listener = TCPListener(address: address, port: 8080, isIPv6Only: isIPv6Only)
        #expect(listener.blocks(host: host, parse: parse) == blocks)
        #expect(listener.accepts(host: host, parse: parse) == accepts)
    }
}
