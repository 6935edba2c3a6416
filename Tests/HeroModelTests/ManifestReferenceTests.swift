import Foundation
import HeroModel
import Testing

/// `docs/reference/manifest.md` is rendered from the fields themselves, so that no field can be missing in it.
@Suite("The reference of manifests")
struct ManifestReferenceTests {
    @Test("says what the fields say; RECORD_GOLDENS=1 writes it anew")
    func page() throws {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../docs/reference/manifest.md").standardized
        if ProcessInfo.processInfo.environment["RECORD_GOLDENS"] != nil {
            try Self.rendered.write(to: file, atomically: true, encoding: .utf8)
            Issue.record("docs/reference/manifest.md was written; read it, and run the tests again")
        }
        let committed = try String(contentsOf: file, encoding: .utf8)
        #expect(committed == Self.rendered, "docs/reference/manifest.md is not what the fields say")
    }

    private static var rendered: String {
        """
        # Manifests

        One YAML document is one manifest: `kind: Service`, `kind: Action` or `kind: Settings`. A file may hold several, with `---` between
        them. Anchors, aliases, tags, duplicate keys and unknown keys are mistakes. `cost` is what changing a field asks of a service that
        runs: `none`, `in place` (it runs on), or `restart`. Durations are `250ms 3s 10m 2h 7d`, sizes `64KiB 10MiB 1GiB`; relative paths are
        relative to the folder of the manifest.

        ## kind: Service

        \(table(ServiceSpec.fields))

        ## kind: Action, also written in place below `actions`

        \(table(ActionSpec.fields))

        A probe is one of `tcp: 8080`, `http: http://127.0.0.1:8080/health` (or `{unix: path, path: /health}`), `exec: [command, argument]` and
        `unix: path`, with `interval` (250ms), `timeout` (1s), `failures` (3), `successes` (1) and `start_period` (0s).

        ## kind: Settings, at most one

        | key | type | default | meaning |
        |---|---|---|---|
        | `required` | list of references | `[core/hero_db]` | Services that must be declared. |

        """
    }

    private static func table<Subject>(_ fields: [Field<Subject>]) -> String {
        let head = "| key | type | default | cost | meaning |\n|---|---|---|---|---|\n"
        let rows = fields.map { field in
            let type = field.type.replacingOccurrences(of: "|", with: "\\|")
            let standard = field.defaultText.isEmpty ? "" : "`\(field.defaultText)`"
            return "| `\(field.key)` | \(type) | \(standard) | \(field.cost) | \(field.summary) |"
        }
        return head + rows.joined(separator: "\n")
    }
}
