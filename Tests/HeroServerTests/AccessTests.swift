import Testing

@testable import HeroServer

@Suite("Access of clients to the server")
struct AccessTests {
    private func policy() -> AccessPolicy {
        var policy = AccessPolicy(owner: 1000)
        policy.adminGroup = 10
        policy.readGroup = 20
        policy.adminToken = AccessToken(fileContent: Array("admin-secret\n".utf8))
        policy.readToken = AccessToken(fileContent: Array("read-secret".utf8))
        return policy
    }

    @Test(
        "The user and the groups of a client decide its role",
        arguments: [
            (0, [], Role.admin), (1000, [], .admin), (5, [10], .admin), (5, [20], .reader), (5, [10, 20], .admin),
            (5, [5], nil), (1001, [], nil),
        ] as [(UInt32, Set<UInt32>, Role?)]
    )
    func decidesByUser(_ user: UInt32, _ groups: Set<UInt32>, _ role: Role?) {
        #expect(policy().role(of: Peer(user: user, groups: groups)) == role)
    }

    @Test(
        "The token of a client decides its role",
        arguments: [
            ("Bearer admin-secret", Role.admin), ("bearer  read-secret ", .reader), ("Bearer admin-secre", nil),
            ("Bearer admin-secrets", nil), ("Bearer ", nil), ("Basic admin-secret", nil), ("admin-secret", nil),
            (nil, nil),
        ] as [(String?, Role?)]
    )
    func decidesByToken(_ header: String?, _ role: Role?) {
        #expect(policy().role(authorization: header) == role)
    }

    @Test("A read-only server has no admins")
    func limitsAdmins() {
        var policy = policy()
        policy.isReadOnly = true
        #expect(policy.role(of: Peer(user: 0, groups: [])) == .reader)
        #expect(policy.role(authorization: "Bearer admin-secret") == .reader)
    }

    @Test(
        "A token file holds one line of printable characters",
        arguments: ["", "\n", " \n", "a\nb\n", "a b", "\u{1}"]
    )
    func refusesTokens(_ content: String) {
        #expect(AccessToken(fileContent: Array(content.utf8)) == nil)
    }

    @Test(
        "Only Host headers of the listener and Origin headers of the same host are accepted",
        arguments: [
            ("127.0.0.1:80", nil, true), ("127.0.0.1", nil, true), ("localhost:80", nil, true),
            ("[::1]:80", nil, true),
            ("LOCALHOST:80", "http://localhost:80", true), ("127.0.0.1:81", nil, false), ("example.org:80", nil, false),
            ("", nil, false), ("localhost:80", "http://example.org", false), ("localhost:80", "null", false),
            ("localhost:80", "https://localhost:80", false), ("localhost:80", "http://127.0.0.1:80", false),
        ] as [(String, String?, Bool)]
    )
    func checksHost(_ host: String, _ origin: String?, _ isAccepted: Bool) {
        var request = HTTPRequest(method: "GET", path: "/", headers: [("host", host)])
        if let origin { request.headers.append(("origin", origin)) }
        #expect((HostCheck(port: 80, address: "127.0.0.1").problem(of: request) == nil) == isAccepted)
    }

    @Test(
        "The server listens only on Unix sockets and loopback addresses",
        arguments: [
            ("unix:/run/a.sock", true), ("127.0.0.1:0", true), ("127.1.2.3:8080", true), ("[::1]:80", true),
            ("localhost:80", true), ("unix:a.sock", false), ("0.0.0.0:80", false), ("[::]:80", false), (":80", false),
            ("192.168.1.1:80", false), ("example.org:80", false), ("127.0.0.1", false), ("127.0.0.1:65536", false),
            ("127.0.0.1:-1", false), ("127.0.0.1.5:80", false), ("128.0.0.1:80", false), ("", false),
        ]
    )
    func checksAddresses(_ text: String, _ isAccepted: Bool) {
        #expect(((try? ListenAddress(text)) != nil) == isAccepted)
    }

    @Test("No client uses more than a quarter of the connections")
    func limitsConnections() {
        let limits = ConnectionLimits(maximum: 8)
        #expect(limits.admit(.user(1)) && limits.admit(.user(1)))
        #expect(!limits.admit(.user(1)))
        for user in [2, 3, 4] as [UInt32] { #expect(limits.admit(.user(user)) && limits.admit(.user(user))) }
        #expect(!limits.admit(.loopback))
        limits.release(.user(1))
        #expect(limits.admit(.user(1)))
    }
}
