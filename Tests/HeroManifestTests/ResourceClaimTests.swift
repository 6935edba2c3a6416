import HeroManifest
import HeroModel
import Testing

/// Ports and sockets that two actions of a set must not both bind, and paths that cannot be bound (TP-6, SK-7).
@Suite("Claims on ports and sockets")
struct ResourceClaimTests {
    private func diagnostics(_ files: [(name: String, keys: String)]) -> [Diagnostic] {
        let read = files.map { file in
            let text =
                "kind: Service\nname: \(file.name)\nactions: [{name: run, exec: [a], is_process: true, \(file.keys)}]"
            return ManifestFile(path: "\(file.name).yaml", baseDirectory: "/srv/demo", bytes: Array(text.utf8))
        }
        return Manifests.read(read, options: ManifestOptions(requiresCore: false)).diagnostics
    }

    @Test(
        "TP-6: Two actions with the same port or socket are an error naming both files",
        arguments: [
            ("tcp_ports: [8080]", "tcp_ports: [8080]", true),
            ("tcp_ports: [8080]", "tcp_ports: [\"127.0.0.1:8080\"]", true),
            ("tcp_ports: [\"0.0.0.0:8080\"]", "tcp_ports: [\"127.0.0.1:8080\"]", true),
            ("tcp_ports: [\"127.0.0.1:8080\"]", "tcp_ports: [\"127.0.0.2:8080\"]", false),
            ("tcp_ports: [\"127.0.0.1:8080\"]", "tcp_ports: [\"[::1]:8080\"]", false),
            ("tcp_ports: [8080]", "tcp_ports: [8081]", false),
            ("tcp_ports: [8080]", "tcp_ports: [{port: 8080}]", true),
            ("tcp_ports: [8080]", "tcp_ports: [{port: 8080, reuseport: true}]", true),
            ("tcp_ports: [{port: 8080, reuseport: true}]", "tcp_ports: [8080]", true),
            ("tcp_ports: [{port: 8080, reuseport: true}]", "tcp_ports: [{port: 8080, reuseport: false}]", true),
            ("tcp_ports: [{port: 8080, reuseport: true}]", "tcp_ports: [\"127.0.0.1:8080\"]", true),
            ("tcp_ports: [{port: 8080, reuseport: true}]", "tcp_ports: [{port: 8080, reuseport: true}]", false),
            (
                "tcp_ports: [{port: 8080, reuseport: true}]", "tcp_ports: [{port: \"[::1]:8080\", reuseport: true}]",
                false
            ),
            ("sockets: [/run/a.sock]", "sockets: [/run/a.sock]", true),
            ("sockets: [/run/a.sock]", "sockets: [/run/./x/../a.sock]", true),
            ("sockets: [/run/a.sock]", "sockets: [/run/b.sock]", false),
            ("sockets: [\"@a\"]", "sockets: [\"@a\"]", true), ("sockets: [\"@a\"]", "sockets: [\"@b\"]", false),
        ]
    )
    func duplicateClaims(_ first: String, _ second: String, _ isError: Bool) {
        let found = diagnostics([("one", first), ("two", second)])
        guard isError else {
            #expect(found.isEmpty, "\(found)")
            return
        }
        #expect(found.count == 1 && found.first?.code.hasSuffix("-claimed-twice") == true, "\(found)")
        let files = [found.first?.location?.file] + (found.first?.notes ?? []).map(\.location.file)
        #expect(Set(files) == ["one.yaml", "two.yaml"])
    }

    @Test(
        "TP-4, TP-6: A shared port cannot also be bound exclusively, whichever service is declared first",
        arguments: 0..<4
    )
    func sharedPortGroup(_ position: Int) {
        var keys = Array(repeating: "tcp_ports: [{port: 8080, reuseport: true}]", count: 3)
        #expect(diagnostics(keys.enumerated().map { ("s\($0)", $1) }).isEmpty)
        keys.insert("tcp_ports: [\"127.0.0.1:8080\"]", at: position)
        let found = diagnostics(keys.enumerated().map { ("s\($0)", $1) })
        // Each later claim is reported against the first one.
        #expect(found.count == (position == 0 ? 3 : 1), "\(found)")
        #expect(found.allSatisfy { $0.code == "port-claimed-twice" && $0.help?.contains("reuseport: true") == true })
    }

    @Test("SK-7: A socket path of 107 bytes is valid, one of 108 is an error")
    func socketPathLength() {
        let fits = "/" + String(repeating: "a", count: 106)
        #expect(diagnostics([("one", "sockets: [\(fits)]")]).isEmpty)
        #expect(diagnostics([("one", "sockets: [\(fits)a]")]).map(\.code) == ["socket-path-too-long"])
    }
}
