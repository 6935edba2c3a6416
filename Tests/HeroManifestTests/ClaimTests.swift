import HeroManifest
import HeroModel
import Testing

/// What two actions of a set may not both bind, and what nobody can bind (reliability.md TP-6, SK-7).
@Suite("Claims on ports and sockets")
struct ClaimTests {
    private func mistakes(_ files: [(name: String, keys: String)]) -> [Diagnostic] {
        let read = files.map { file in
            let text =
                "kind: Service\nname: \(file.name)\nactions: [{name: run, exec: [a], is_process: true, \(file.keys)}]"
            return ManifestFile(path: "\(file.name).yaml", folder: "/srv/demo", bytes: Array(text.utf8))
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
            ("sockets: [/run/a.sock]", "sockets: [/run/a.sock]", true),
            ("sockets: [/run/a.sock]", "sockets: [/run/./x/../a.sock]", true),
            ("sockets: [/run/a.sock]", "sockets: [/run/b.sock]", false),
            ("sockets: [\"@a\"]", "sockets: [\"@a\"]", true), ("sockets: [\"@a\"]", "sockets: [\"@b\"]", false),
        ]
    )
    func twice(_ first: String, _ second: String, _ isMistake: Bool) {
        let found = mistakes([("one", first), ("two", second)])
        guard isMistake else {
            #expect(found.isEmpty, "\(found)")
            return
        }
        #expect(found.count == 1 && found.first?.code.hasSuffix("-claimed-twice") == true, "\(found)")
        let files = [found.first?.place?.file] + (found.first?.notes ?? []).map(\.place.file)
        #expect(Set(files) == ["one.yaml", "two.yaml"])
    }

    @Test("SK-7: a path that fits into no socket address is a mistake; one that just fits is none")
    func length() {
        let fits = "/" + String(repeating: "a", count: 106)
        #expect(mistakes([("one", "sockets: [\(fits)]")]).isEmpty)
        #expect(mistakes([("one", "sockets: [\(fits)a]")]).map(\.code) == ["socket-path-too-long"])
    }
}
