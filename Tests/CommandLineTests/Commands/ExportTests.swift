import Foundation
import HeroJSON
import SchemaValidation
import Testing

@Suite("Export")
struct ExportTests {
    private static let manifests = [
        "web.yaml": "kind: Service\nname: web\nrequires: [db]\nexec: [/bin/true]\nready: {tcp: 80}\n",
        "db.yaml": "kind: Service\nname: db\nis_process: false\nexec: [/bin/true]\n",
    ]

    @Test("Export writes one unit per service and reports what is lost")
    func writesUnits() async throws {
        try await Sandbox.with(Self.manifests) { sandbox in
            let written = try await sandbox.run("export", "systemd", "--out", "units", "-o", "json")
            #expect(written.exitCode == 1, "\(written.errorOutput)")
            #expect(try JSONValue(parsing: written.output)["refused"] == .bool(false))
            let unit = sandbox.readText(sandbox.root + "/units/web.service")
            #expect(unit.contains("Requires=db.service\nAfter=db.service\n"), "\(unit)")
            let one = try await sandbox.run("export", "systemd", "db")
            #expect(one.exitCode == 0, "\(one.errorOutput)")
            #expect(one.output.contains("RemainAfterExit=yes"))
            #expect(try await sandbox.run("export", "systemd", "unknown").exitCode == 2)
            #expect(try await sandbox.run("export", "kubernetes").exitCode == 64)
        }
    }
}
