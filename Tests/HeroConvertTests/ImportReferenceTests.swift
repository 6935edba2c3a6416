import Foundation
import HeroConvert
import Testing

/// Renders `docs/reference/import.md` from the codes and the tables of keys.
@Suite("Reference page of imports")
struct ImportReferenceTests {
    private static let page = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../docs/reference/import.md").standardized

    @Test("The page of imports shows every code and key; RECORD_GOLDENS=1 writes it")
    func pageIsCurrent() throws {
        let text = Self.rendered
        guard (try? String(contentsOf: Self.page, encoding: .utf8)) != text else { return }
        if ProcessInfo.processInfo.environment["RECORD_GOLDENS"] == "1" {
            try text.write(to: Self.page, atomically: true, encoding: .utf8)
        }
        Issue.record("docs/reference/import.md is not current; RECORD_GOLDENS=1 writes it")
    }

    @Test("Every import code has a summary and an advice that end with a full stop")
    func codesHaveTexts() {
        for code in LossCode.allCases {
            #expect(code.summary.hasSuffix("."), "\(code.rawValue)")
            #expect(code.help.hasSuffix("."), "\(code.rawValue)")
        }
    }

    private static var rendered: String {
        var text = """
            # Imports

            `heroproc import FORMAT FILE... [--out DIR] [--accept CODE]` converts the files of another supervisor to
            manifests. See [Import a configuration](../how-to/import.md) for the steps. A test compares this page with the
            code; `RECORD_GOLDENS=1` writes it.

            ## The report

            Each line is `FILE:LINE KEY: class: what was written, what behaves differently [code]`, in the order of the
            files. Equivalent keys of one kind share a line. `-o json` has all lines and the manifests
            (`heroproc/import/v1`), and `-o markdown` is a table for a pull request.

            | class | meaning | exit code |
            |---|---|---|
            | `exact` | the same meaning; only counted | 0 |
            | `equivalent` | another form with the same effect in practice | 0 |
            | `approximated` | close to the original, with a difference | 0 |
            | `lost` | not in the manifests | 1 |
            | `dangerous` | refused without `--accept CODE` | 2, with `--accept` 1 |

            ## Codes

            | code | class | meaning | what to do |
            |---|---|---|---|

            """
        for code in LossCode.allCases {
            text += "| `\(code.rawValue)` | \(code.lossClass.rawValue) | \(code.summary) | \(code.help) |\n"
        }
        for format in ImportFormat.allCases {
            text += "\n## \(format.rawValue)\n"
            for table in format.tables {
                text += "\n### \(format.rawValue): \(table.section)\n\n"
                text += "| key | class | what is written |\n|---|---|---|\n"
                for rule in table.rules {
                    let key = rule.sample.isEmpty ? rule.key : "\(rule.key): \(rule.sample)"
                    let shown = key.replacingOccurrences(of: "|", with: "\\|")
                    text += "| `\(shown)` | \(rule.code.lossClass.rawValue), `\(rule.code.rawValue)` | \(rule.text) |\n"
                }
            }
        }
        return text
    }
}
