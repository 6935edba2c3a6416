import Foundation
import HeroManifest
import HeroModel
import HeroView
import Testing

/// `docs/reference/diagnostics.md` is what the reader really says of the files in `Examples`.
@Suite("The reference of mistakes")
struct DiagnosticReferenceTests {
    /// `CODE.wrong.yaml` makes the mistake, `CODE.right.yaml` is the same without it.
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Examples")
    static let page = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../docs/reference/diagnostics.md").standardized

    @Test("an example makes its mistake and no other, and mended it makes none", arguments: DiagnosticCode.allCases)
    func examples(_ code: DiagnosticCode) throws {
        let wrong = try DiagnosticExample(code, "wrong")
        #expect(Set(wrong.diagnostics.map(\.code)) == wrong.expectedCodes, "\(code.rawValue): \(wrong.output)")
        #expect(wrong.diagnostics.allSatisfy { $0.help != nil })
        if let right = try? DiagnosticExample(code, "right") {
            #expect(right.diagnostics.isEmpty, "\(code.rawValue): \(right.output)")
        } else {
            #expect(wrong.isGenerated, "\(code.rawValue).right.yaml is missing")
        }
    }

    @Test("no example is of a code that there is not")
    func everyExampleHasACode() throws {
        let known = Set(DiagnosticCode.allCases.map(\.rawValue))
        for name in try FileManager.default.contentsOfDirectory(atPath: Self.folder.path(percentEncoded: false)) {
            #expect(known.contains(String(name.prefix { $0 != "." })), "\(name)")
        }
    }

    @Test("the page shows every code with its example; RECORD_GOLDENS=1 writes it anew")
    func referencePageIsCurrent() throws {
        let text = try Self.rendered()
        guard (try? String(contentsOf: Self.page, encoding: .utf8)) != text else { return }
        if ProcessInfo.processInfo.environment["RECORD_GOLDENS"] == "1" {
            try text.write(to: Self.page, atomically: true, encoding: .utf8)
        }
        Issue.record("docs/reference/diagnostics.md is not what the reader says; RECORD_GOLDENS=1 writes it")
    }

    private static func rendered() throws -> String {
        var text = """
            # Mistakes in manifests

            Every mistake has a stable code: the word in brackets behind it, `code` in JSON, `ruleId` in SARIF. `heroproc validate`
            shows all mistakes of all files in one run and exits 2; warnings change nothing, unless `--strict` is given. Below stands for
            each code what an author may have written, what `validate` says of it, and how it is right.

            | code | what is wrong |
            |---|---|

            """
        for code in DiagnosticCode.allCases {
            text += "| [`\(code.rawValue)`](#\(code.rawValue)) | \(code.explanation) |\n"
        }
        for code in DiagnosticCode.allCases {
            let wrong = try DiagnosticExample(code, "wrong")
            text += "\n## \(code.rawValue)\n\n\(code.explanation)\n\n"
            text += wrong.isGenerated ? "\(wrong.displayedText)\n\n" : "```yaml\n\(wrong.displayedText)```\n\n"
            for (name, value) in wrong.variables { text += "With `--var \(name)=\(value)`:\n\n" }
            text += "```text\n\(wrong.output)```\n"
            if let right = try? DiagnosticExample(code, "right") {
                text += "\nRight:\n\n```yaml\n\(right.displayedText)```\n"
            }
        }
        return text
    }
}

/// A manifest of the reference page, and what the reader says of it.
private struct DiagnosticExample {
    /// Whether it is too large to be kept as a file.
    let isGenerated: Bool
    /// How the page shows it.
    let displayedText: String
    /// The codes that it must be given.
    let expectedCodes: Set<String>
    /// What was given with `--var`.
    let variables: [String: String]
    let diagnostics: [Diagnostic]

    /// What `validate` prints, without its summary.
    var output: String {
        diagnostics.prefix(3).map { DiagnosticView(OutputStyle(width: 110)).text($0) }.joined(separator: "\n")
            + (diagnostics.count > 3 ? "\n(and \(diagnostics.count - 3) more)\n" : "")
    }

    init(_ code: DiagnosticCode, _ kind: String) throws {
        let bytes: [UInt8]
        var codes: Set = [code.rawValue]
        if kind == "wrong", let made = Self.generatedExamples[code] {
            isGenerated = true
            displayedText = made.words
            bytes = Array(made.text.utf8)
            if code == .tooManyMistakes { codes.insert(DiagnosticCode.unknownKey.rawValue) }
        } else {
            let file = DiagnosticReferenceTests.folder.appending(path: "\(code.rawValue).\(kind).yaml")
            bytes = Array(try Data(contentsOf: file))
            isGenerated = false
            displayedText = Self.displayable(bytes)
        }
        self.expectedCodes = codes
        let file = ManifestFile(path: "services.d/web.yaml", baseDirectory: "/srv/services.d", bytes: bytes)
        variables = code == .unusedVariable ? ["LEVEL": "debug"] : [:]
        let options = ManifestOptions(
            requiresCore: [.requiredCoreMissing, .requiredNotStarted].contains(code),
            variables: variables,
            zoneExists: { ["UTC", "Europe/Brussels"].contains($0) }
        )
        diagnostics = Manifests.read([file], options: options).diagnostics
    }

    /// Examples that are too large for a page, in words and as text.
    private static let generatedExamples: [DiagnosticCode: (words: String, text: String)] = {
        let head = "kind: Service\nname: web\n"
        let names = (0..<60_000).map { "  - t\($0)\n" }.joined()
        let line = "      echo " + String(repeating: "123456789 ", count: 6) + "\n"
        let keys = (0..<200).map { "zz\($0): 1\n" }.joined()
        return [
            .fileTooLarge: ("A file of 1,048,577 bytes.", String(repeating: "#", count: 1_048_577)),
            .tooManyNodes: ("A list of 60,000 items.", "\(head)tags:\n\(names)"),
            .textTooLong: (
                "A script of 72,000 bytes, written into its manifest.",
                "\(head)actions:\n  - name: main\n    script: |\n" + String(repeating: line, count: 1100)
            ),
            .tooManyMistakes: (
                "A file with 200 unknown keys.", "\(head)actions: [{name: main, exec: [web]}]\n\(keys)"
            ),
        ]
    }()

    /// Bytes as a page can show them.
    private static func displayable(_ bytes: [UInt8]) -> String {
        let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false).map { line -> String in
            if let text = String(validating: line, as: UTF8.self) { return text.printable }
            return line.map { $0 < 0x80 ? String(UnicodeScalar($0)) : "\\x" + String($0, radix: 16) }.joined()
        }
        return lines.joined(separator: "\n")
    }
}
