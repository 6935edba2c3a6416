import HeroJSON
import HeroModel
import HeroView
import Testing

@Suite struct DiagnosticViewTests {
    private let view = DiagnosticView()

    private func carets(_ line: String, _ column: Int, _ length: Int = 1, width: Int? = nil) -> [Substring] {
        let diagnostic = Diagnostic(
            .error,
            code: "c",
            "m",
            at: location("a.yaml", 7, column),
            excerpt: line,
            length: length
        )
        return DiagnosticView(OutputStyle(width: width)).text(diagnostic).split(separator: "\n").dropFirst()
            .map { $0.dropFirst(4) }
    }

    @Test("A diagnostic shows its location, excerpt, notes and help")
    func golden() {
        let diagnostics = [
            Diagnostic(
                .error,
                code: "unknown-key",
                "unknown key `require`; did you mean `requires`?",
                at: location("web.yaml", 4),
                excerpt: "require: [hero_db]",
                length: 7
            ),
            Diagnostic(
                .error,
                code: "duplicate-name",
                "service `core/web` is declared twice",
                help: "rename one of the two",
                at: location("web2.yaml", 12, 7),
                excerpt: "name: web",
                length: 3,
                notes: [.init("first declared here", at: location("web.yaml", 2, 7), excerpt: "name: web")]
            ),
            Diagnostic(.warning, code: "no-hero-db", "no manifest declares `core/hero_db`", help: "declare it"),
        ]
        expectGolden(view.text(diagnostics), "diagnostics.txt")
        expectGolden(DiagnosticView(OutputStyle(isColored: true)).text(diagnostics), "diagnostics-colour.txt")
        expectGolden(DiagnosticView.json(validating: diagnostics).text(.pretty) + "\n", "validate.json")
    }

    @Test(
        "The caret is below the character of the diagnostic",
        arguments: [
            ("name: web", 7, 3, "name: web", "      ^~~"),
            ("\tname: x", 2, 4, "    name: x", "    ^~~~"),
            ("ab\tcd", 4, 2, "ab  cd", "    ^~"),
            ("\tx", 1, 1, "    x", "^~~~"),
            ("名前: web", 5, 3, "名前: web", "      ^~~"),
            ("名前: x", 1, 2, "名前: x", "^~~~"),
            ("e\u{301}: x", 5, 1, "e\u{301}: x", "   ^"),
            ("a\u{1B}[2Jb", 6, 1, "a\\x1b[2Jb", "        ^"),
            ("key:", 6, 1, "key:", "    ^"),
            ("key:", 900, 1, "key:", "    ^"),
            ("key:", 0, -5, "key:", "^"),
            ("key:", 2, Int.max, "key:", " ^~~"),
            ("key:", Int.min, Int.max, "key:", "^~~~"),
        ]
    )
    func caret(_ line: String, _ column: Int, _ length: Int, _ text: String, _ caret: String) {
        let lines = carets(line, column, length)
        #expect(lines.first.map(String.init) == " \(text)")
        #expect(lines.last.map(String.init) == " \(caret)")
    }

    @Test("A long line is cut around the caret")
    func longLines() throws {
        let line = String(repeating: "x", count: 100_000) + "HERE" + String(repeating: "y", count: 100_000)
        for width in [nil, 60, 0] {
            let lines = carets(line, 100_001, 4, width: width)
            let text = Array(try #require(lines.first))
            let caret = Array(try #require(lines.last))
            #expect(text.count <= max(20, width ?? 160) + 1)
            let column = try #require(caret.firstIndex(of: "^"))
            #expect(String(text[column..<(column + 4)]) == "HERE")
            #expect(caret.count == column + 4)
        }
    }

    @Test("Diagnostics escape control characters of manifests (kubectl CVE-2021-25743)")
    func hostileTexts() {
        let diagnostic = Diagnostic(
            .error,
            code: hostile,
            hostile,
            help: hostile,
            at: ManifestLocation(file: hostile, line: 1, column: 3),
            excerpt: hostile,
            notes: [.init(hostile, at: ManifestLocation(file: hostile, line: 2, column: 1), excerpt: hostile)]
        )
        #expect(isHarmless(view.text(diagnostic)))
        #expect(view.text(diagnostic).split(separator: "\n").count == 7)
    }

    @Test("The size of a valid set counts its services, standalone actions and files")
    func goodSet() {
        #expect(view.sizeOfValidSet(services: 5, actions: 0, files: 1) == "5 services in 1 file: no errors.")
        #expect(view.sizeOfValidSet(services: 0, actions: 1, files: 1) == "1 standalone action in 1 file: no errors.")
        let both = "1 service and 2 standalone actions in 3 files: no errors."
        #expect(view.sizeOfValidSet(services: 1, actions: 2, files: 3) == both)
    }

    @Test("All diagnostics are followed by their number")
    func summary() {
        let warning = Diagnostic(.warning, code: "w", "odd")
        #expect(view.text([warning]) == "warning: odd [w]\n\n1 warning\n")
        #expect(view.text([Diagnostic(.error, code: "e", "bad")]).hasSuffix("1 error\n"))
    }
}
