import Foundation
import HeroManifest
import HeroModel
import HeroView
import Testing

/// Renders `docs/reference/diagnostics.md` from the diagnostics about the files in `Examples`.
@Suite("Reference page of diagnostics")
struct DiagnosticReferenceTests {
    /// `CODE.wrong.yaml` contains the error; `CODE.right.yaml` is the corrected manifest.
    static let directory = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Examples")
    static let page = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../docs/reference/diagnostics.md").standardized

    @Test(
        "An example has exactly the diagnostics of its code, and the corrected one has none",
        arguments: DiagnosticCode.allCases
    )
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

    @Test("Every example belongs to a diagnostic code")
    func everyExampleHasACode() throws {
        let known = Set(DiagnosticCode.allCases.map(\.rawValue))
        for name in try FileManager.default.contentsOfDirectory(atPath: Self.directory.path(percentEncoded: false)) {
            #expect(known.contains(String(name.prefix { $0 != "." })), "\(name)")
        }
    }

    @Test("The reference page shows every diagnostic code; RECORD_GOLDENS=1 writes it")
    func referencePageIsCurrent() throws {
        let text = try Self.rendered()
        guard (try? String(contentsOf: Self.page, encoding: .utf8)) != text else { return }
        if ProcessInfo.processInfo.environment["RECORD_GOLDENS"] == "1" {
            try text.write(to: Self.page, atomically: true, encoding: .utf8)
        }
        Issue.record("docs/reference/diagnostics.md is not current; RECORD_GOLDENS=1 writes it")
    }

    private static func rendered() throws -> String {
        var text = """
            # Diagnostics about manifests

            Every error and warning has a stable code, which is printed in brackets after the message. The
            code is `code` in JSON and `ruleId` in SARIF. `heroproc validate` reports all errors of all files
            in one run and exits with 2. Warnings do not change the exit code, unless `--strict` is set.

            For each code, this page shows an example, the output of `validate`, and the corrected example.

            | code | problem |
            |---|---|

            """
        for code in DiagnosticCode.allCases {
            text += "| [`\(code.rawValue)`](#\(code.rawValue)) | \(code.explanation) |\n"
        }
        for code in DiagnosticCode.allCases {
            let wrong = try DiagnosticExample(code, "wrong")
            text += "\n## \(code.rawValue)\n\n\(code.explanation)\n\n"
            text += wrong.isGenerated ? "\(wrong.displayedText)\n\n" : "```yaml\n\(wrong.displayedText)```\n\n"
            for (name, value) in wrong.environment { text += "With `\(name)=\(value)` in the environment:\n\n" }
            for (name, value) in wrong.variables { text += "With `--var \(name)=\(value)`:\n\n" }
            text += "```text\n\(wrong.output)```\n"
            if let right = try? DiagnosticExample(code, "right") {
                text += "\nCorrected:\n\n```yaml\n\(right.displayedText)```\n"
            }
        }
        return text
    }
}

/// A manifest of the reference page with its diagnostics.
private struct DiagnosticExample {
    /// Whether the manifest is generated, because it is too large for a file.
    let isGenerated: Bool
    /// The text on the page.
    let displayedText: String
    /// The codes of the expected diagnostics.
    let expectedCodes: Set<String>
    /// The values of `--var`.
    let variables: [String: String]
    /// The environment of the caller.
    let environment: [String: String]
    let diagnostics: [Diagnostic]

    /// The output of `validate` without the summary.
    var output: String {
        diagnostics.prefix(3).map { DiagnosticView(OutputStyle(width: 110)).text($0) }.joined(separator: "\n")
            + (diagnostics.count > 3 ? "\n(and \(diagnostics.count - 3) more)\n" : "")
    }

    init(_ code: DiagnosticCode, _ kind: String) throws {
        if kind == "wrong", let skipped = Self.skippedExamples[code] {
            (isGenerated, displayedText, expectedCodes) = (true, skipped.description, [code.rawValue])
            (variables, environment, diagnostics) = ([:], [:], skipped.diagnostics)
            return
        }
        let bytes: [UInt8]
        var codes: Set = [code.rawValue]
        if kind == "wrong", let generated = Self.generatedExamples[code] {
            isGenerated = true
            displayedText = generated.description
            bytes = Array(generated.text.utf8)
            if code == .tooManyMistakes { codes.insert(DiagnosticCode.unknownKey.rawValue) }
        } else {
            let file = DiagnosticReferenceTests.directory.appending(path: "\(code.rawValue).\(kind).yaml")
            bytes = Array(try Data(contentsOf: file))
            isGenerated = false
            displayedText = Self.displayable(bytes)
        }
        self.expectedCodes = codes
        let file = ManifestFile(path: "services.d/web.yaml", baseDirectory: "/srv/services.d", bytes: bytes)
        variables = code == .unusedVariable ? ["LEVEL": "debug"] : [:]
        environment = code == .unlistedVariable ? ["DATA": "/data"] : [:]
        var options = ManifestOptions(
            requiresCore: [.requiredCoreMissing, .requiredNotStarted].contains(code),
            variables: variables,
            environment: environment,
            zoneExists: { ["UTC", "Europe/Brussels"].contains($0) },
            readVariableFile: { _ in .failure(VariableFileError("No such file or directory")) }
        )
        options.now = WallTime(rfc3339: "2026-12-01T00:00:00Z")
        diagnostics = Manifests.read([file], options: options).diagnostics
    }

    /// Examples that are no text, with a description.
    private static let skippedExamples: [DiagnosticCode: (description: String, diagnostics: [Diagnostic])] = {
        let skip = { (name: String, reason: SkippedManifest.Reason) in
            SkippedManifest(path: "services.d/\(name)", absolutePath: "/srv/services.d/\(name)", reason)
        }
        let file = ManifestFile(
            path: "/srv/services.d/web.yaml",
            baseDirectory: "/srv/services.d",
            bytes: Array("kind: Service\nname: web\nactions: [{name: main, exec: [web]}]\n".utf8)
        )
        let before = Manifests.read([file], options: ManifestOptions(requiresCore: false)).desired ?? DesiredState()
        let link = skip("web.yaml", .linkOutside(target: "/etc/web.yaml"))
        return [
            .linkNotFollowed: (
                "A link to a file, and one to a folder.",
                [link.warning, skip("team", .folderLink(target: "/home/team")).warning]
            ),
            .notAFile: ("A FIFO.", [skip("web.yaml", .notAFile(kind: "a FIFO")).warning]),
            .nameNotUTF8: ("A file with a name in Latin-1.", [skip("caf\u{FFFD}.yaml", .nameNotUTF8).warning]),
            .folderTooDeep: ("A copy of a whole disk.", [skip("disk/.../lib", .tooDeep).warning]),
            .declarationNotRead: (
                "The manifest of a running service was replaced by a link.",
                SkippedManifest.errors([link], before: before, now: DesiredState()) { _ in true }
            ),
        ]
    }()

    /// Examples that are too large for the page, with a description.
    private static let generatedExamples: [DiagnosticCode: (description: String, text: String)] = {
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

    /// Returns bytes in a form that the page can show.
    private static func displayable(_ bytes: [UInt8]) -> String {
        let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false).map { line -> String in
            if let text = String(validating: line, as: UTF8.self) { return text.printable }
            return line.map { $0 < 0x80 ? String(UnicodeScalar($0)) : "\\x" + String($0, radix: 16) }.joined()
        }
        return lines.joined(separator: "\n")
    }
}
