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
        them. Anchors, aliases, tags, duplicate keys and unknown keys are mistakes.

        - `cost` is what changing a field asks of a service that runs: `none`, `in place` (it runs on), or `restart`. A key within a map
          costs what its map costs.
        - Durations are `250ms 3s 10m 2h 7d`, sizes `512B 64KiB 10MiB 1GiB 64KB 10MB 1GB`. Numbers are decimal; `octal text` is octal
          whether it begins with a zero or not.
        - A reference is `name`, in the context of its document, or `context/name`.
        - Relative paths (`cwd`, `env_file`, `from_file`, `sockets`, `pid_file`, `unix`) are relative to the folder of the manifest they
          stand in. `~` is not expanded.
        - `heroproc schema manifest` prints the same as a JSON Schema, for editors.

        ## kind: Service

        \(table(ServiceSpec.fields))

        A requirement that nobody declares is an error; in `after`, `wants` and `conflicts` it is a warning. Two services that conflict
        and both have `status: start` are an error, and so is a conflict with a service that one of the two requires. Conflicting
        services may not declare the same port or socket either: the set would claim it twice.

        ## kind: Action, also written in place below `actions`

        \(table(ActionSpec.fields))

        - An action has `exec` or `script`, never both.
        - `ready` and `health` ask exactly one question: `tcp`, `http`, `exec`, `unix` or `log`; or the program speaks for itself, with
          `notify` in `ready` and `watchdog` in `health` ([probes](probes.md#programs-that-speak)). `health` is for processes: nobody asks
          a one-shot whether it is alive.
        - A port of `tcp_ports` is `8080`, `"127.0.0.1:8080"` or `"[::1]:8080"`, or a map that says more of it: `{port: 8080, reuseport:
          true}` is [shared](../how-to/share-a-port.md) with whoever listens there as well. Two actions that declare one port or socket are
          a mistake, unless both share the port.
        - `context` is for actions of their own document; one that is written in place belongs to its service's context.
        - `schedule` and `run_on` make an action of its own document run by itself, outside of services. Such an action is a one-shot, and
          no service may list it: to run one program in both ways, write a second action.
        - `timeout` is for one-shots; a process has `start_timeout` and `stop.timeout`.

        ## kind: Settings, at most one

        \(table(Settings.fields))

        `defaults` hold for every action of the set that does not say the key itself; a change of them is a change of those actions.

        """
    }

    private static func table<Subject>(_ fields: [Field<Subject>]) -> String {
        let head = "| key | type | default | range | cost | meaning |\n|---|---|---|---|---|---|\n"
        let rows = fields.flatMap(\.paths).map { path in
            let property = path.property
            let type = property.valueSchema.typeName.replacingOccurrences(of: "|", with: "\\|")
            let range = property.valueSchema.range.map { "`\($0.least)` to `\($0.most)`" } ?? ""
            return
                "| `\(path.path)` | \(type) | \(text(property.defaultValue)) | \(range) | \(path.cost) | \(property.summary) |"
        }
        return head + rows.joined(separator: "\n")
    }

    private static func text(_ standard: DefaultValue) -> String {
        switch standard {
        case .none: ""
        case .described(let words): words
        case .bool, .integer, .number, .text, .list: "`\(standard.text)`"
        }
    }
}
