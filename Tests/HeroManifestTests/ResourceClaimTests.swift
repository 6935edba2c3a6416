import HeroManifest
import HeroModel
import Testing

/// What two actions of a set may not both bind, and what nobody can bind (reliability.md TP-6, SK-7).
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
        "TP-6: two that bind the same are a mistake that names both files",
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
    func duplicateClaims(_ first: String, _ second: String, _ isMistake: Bool) {
        let found = diagnostics([("one", first), ("two", second)])
        guard isMistake else {
            #expect(found.isEmpty, "\(found)")
            return
        }
        #expect(found.count == 1 && found.first?.code.hasSuffix("-claimed-twice") == true, "\(found)")
        let files = [found.first?.location?.file] + (found.first?.notes ?? []).map(\.location.file)
        #expect(Set(files) == ["one.yaml", "two.yaml"])
    }

    @Test(
        "TP-4, TP-6: a group that shares a port has no room for one that does not, whoever comes first",
        arguments: 0..<4
    )
    func sharedPortGroup(_ place: Int) {
        var keys = Array(repeating: "tcp_ports: [{port: 8080, reuseport: true}]", count: 3)
        #expect(diagnostics(keys.enumerated().map { ("s\($0)", $1) }).isEmpty)
        keys.insert("tcp_ports: [\"127.0.0.1:8080\"]", at: place)
        let found = diagnostics(keys.enumerated().map { ("s\($0)", $1) })
        // Whoever comes later meets the first that is there.
        #expect(found.count == (place == 0 ? 3 : 1), "\(found)")
        #expect(found.allSatisfy { $0.code == "port-claimed-twice" && $0.help?.contains("reuseport: true") == true })
    }

    @Test("SK-7: a path that fits into no socket address is a mistake; one that just fits is none")
    func socketPathLength() {
        let fits = "/" + String(repeating: "a", count: 106)
        #expect(diagnostics([("one", "sockets: [\(fits)]")]).isEmpty)
        #expect(diagnostics([("one", "sockets: [\(fits)a]")]).map(\.code) == ["socket-path-too-long"])
    }
}
