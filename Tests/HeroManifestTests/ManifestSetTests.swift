import HeroManifest
import HeroModel
import Testing

@Suite("Sets of manifests")
struct ManifestSetTests {
    private func read(_ texts: [String], requiresCore: Bool = false) -> ManifestResult {
        let files = texts.enumerated().map { number, text in
            ManifestFile(path: "f\(number).yaml", baseDirectory: "/srv/demo", bytes: Array(text.utf8))
        }
        return Manifests.read(files, options: ManifestOptions(requiresCore: requiresCore))
    }

    private func service(_ name: String, _ extra: String = "") -> String {
        "kind: Service\nname: \(name)\n\(extra)actions: [{name: main, exec: [a]}]\n"
    }

    @Test("An invalid file among fifty neither hides nor causes errors in the others")
    func oneInvalidFile() {
        var texts = (0..<50).map { service("s\($0)", $0 > 0 ? "requires: [s0]\n" : "") }
        texts[0] = "kind: Service\nname: s0\nactions: [\n"
        texts[7] = service("s7", "requires: [s0]\nstatus: begin\n")
        let result = read(texts)
        #expect(result.desired == nil)
        #expect(result.diagnostics.map(\.code) == ["syntax", "unknown-value"])
    }

    @Test("A document with invalid values still counts as declared for references")
    func invalidDocumentIsStillDeclared() {
        let result = read([service("db", "status: begin\n"), service("web", "requires: [db]\n")])
        #expect(result.diagnostics.map(\.code) == ["unknown-value"])
    }

    @Test("The required core must be declared, unless the caller or the settings opt out")
    func requiredCore() {
        #expect(read([service("web")], requiresCore: true).diagnostics.map(\.code) == ["required-core-missing"])
        #expect(read([service("web")], requiresCore: false).diagnostics.isEmpty)
        #expect(read([service("web"), "kind: Settings\nrequired: []\n"], requiresCore: true).diagnostics.isEmpty)
        #expect(read([service("hero_db")], requiresCore: true).diagnostics.isEmpty)
    }

    @Test("The order of the files does not change the desired state")
    func fileOrder() {
        let texts = [service("a", "requires: [b]\n"), service("b", "after: [c]\n"), service("c")]
        let files = texts.enumerated().map { number, text in
            ManifestFile(path: "f\(number).yaml", baseDirectory: "/srv/demo", bytes: Array(text.utf8))
        }
        let options = ManifestOptions(requiresCore: false)
        #expect(
            Manifests.read(files, options: options).desired
                == Manifests.read(files.reversed(), options: options).desired
        )
    }

    @Test("A set with warnings only is accepted")
    func warningsDoNotRefuse() {
        let result = read([service("web", "after: [missing]\ntags: [a, a]\n")])
        #expect(result.diagnostics.map(\.severity) == [.warning, .warning])
        #expect(result.desired != nil)
    }

    @Test("A diagnostic contains the file, line and column of the error")
    func diagnosticLocation() throws {
        let found = try #require(read([service("web", "require: [hero_db]\n")]).diagnostics.first)
        #expect(found.location == ManifestLocation(file: "f0.yaml", line: 3, column: 1))
        #expect(found.message == "unknown key `require`; did you mean `requires`?")
        #expect(found.code == "unknown-key")
        #expect(found.excerpt == "require: [hero_db]")
        #expect(found.length == 7)
    }
}
