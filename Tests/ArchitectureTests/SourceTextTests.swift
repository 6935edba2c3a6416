import Testing

@Suite("Source text")
struct SourceTextTests {
    @Test(
        "The import parser finds every form of an import",
        arguments: [
            ("import Foundation", ["Foundation"]),
            ("public import HeroModel", ["HeroModel"]),
            ("@testable internal import HeroPlan", ["HeroPlan"]),
            ("@preconcurrency import Dispatch", ["Dispatch"]),
            ("@_spi(Testing) import GRDB", ["GRDB"]),
            ("import struct Foundation.Date", ["Foundation"]),
            ("import A; import B", ["A", "B"]),
            ("#if canImport(Glibc)\n    import Glibc\n#endif", ["Glibc"]),
            ("// import Foundation", []),
            ("/* import Foundation\nimport Glibc */", []),
            (#"let text = "import Foundation""#, []),
            ("let text = \"\"\"\nimport Foundation\n\"\"\"", []),
            ("let important = 1", []),
        ]
    )
    func findsImports(text: String, expected: [String]) {
        #expect(SourceText(text).imports.map(\.module) == expected)
    }

    @Test("The import parser reports the line of an import")
    func findsImportLine() {
        #expect(SourceText("// Rule: none\n\nimport Foundation\n").imports.first?.line == 3)
    }

    @Test(
        "Comments and string contents are removed from code",
        arguments: [
            ("a // b", "a "),
            ("a /* b */ c", "a  c"),
            (#"print("try! // \" no") // c"#, #"print("") "#),
            (#"f("a", "b")"#, #"f("", "")"#),
            ("f(#\"a \" try! \"#, b)", "f(\"\", b)"),
        ]
    )
    func blanksCommentsAndStrings(line: String, expected: String) {
        #expect(SourceText(line).code == [expected])
    }

    @Test("A final newline does not start another line")
    func finalNewlineIsNoLine() {
        #expect(SourceText("a\nb\n").lineCount == 2)
        #expect(SourceText("a\nb").lineCount == 2)
    }
}
