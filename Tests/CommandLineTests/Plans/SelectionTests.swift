import Foundation
import Testing

/// Selecting services by name, context and tag.
@Suite("Selections of services")
struct SelectionTests {
    private static let manifests = [
        "web.yaml": Sandbox.service("web", "tags: [http]"),
        "api.yaml": Sandbox.service("api", "context: billing\ntags: [http, slow]"),
        "db.yaml": Sandbox.service("db", "context: billing"),
        "job.yaml": "kind: Action\nname: nightly\ntags: [slow]\nexec: [sleep, '0']\nschedule: {every: 1d}\n",
    ]

    /// The names that a plan changes.
    private func changes(_ result: CommandResult) -> [String] {
        let found = result.json["changes"] as? [[String: Any]] ?? []
        let changed = found.filter { $0["action"] as? String != "keep" }
        return changed.compactMap { $0["service"] as? String ?? $0["standalone"] as? String }.sorted()
    }

    @Test(
        "The option --only selects by name, context and tag, several together",
        arguments: [
            (["web"], ["core/web"]), (["billing/"], ["billing/api", "billing/db"]),
            (["tag:http"], ["billing/api", "core/web"]), (["tag:slow"], ["billing/api", "core/nightly"]),
            (["web", "billing/"], ["billing/api", "billing/db", "core/web"]),
        ]
    )
    func diff(_ selection: [String], _ names: [String]) async throws {
        try await Sandbox.with(Self.manifests) { sandbox in
            let arguments = ["diff", "-o", "json"] + selection.flatMap { ["--only", $0] }
            let result = try await sandbox.result(of: sandbox.start(arguments))
            #expect(changes(result) == names, "\(result.errorOutput)")
            #expect(result.exitCode == 1)
        }
    }

    @Test("A selection of nothing exits with 2, and a malformed one with 64")
    func nothing() async throws {
        try await Sandbox.with(Self.manifests) { sandbox in
            for (selection, message) in [
                ("tag:none", "no service has the tag none"), ("nowhere/", "there is no service in the context nowhere"),
                ("wbe", "there is no service wbe"),
            ] {
                for arguments in [["diff", "--only", selection], ["apply", "--only", selection]] {
                    let result = try await sandbox.result(of: sandbox.start(arguments))
                    #expect(result.exitCode == 2)
                    #expect(result.errorOutput.contains(message), "\(result.errorOutput)")
                }
                #expect(try await sandbox.run("status", selection).exitCode == 2)
            }
            for selection in ["tag:", "/", "A/"] {
                #expect(try await sandbox.run("status", selection).exitCode == 64)
                #expect(try await sandbox.run("diff", "--only", selection).exitCode == 64)
            }
        }
    }

    @Test("An apply of a tag starts exactly its services, and status shows selected ones")
    func apply() async throws {
        try await Sandbox.with(Self.manifests) { sandbox in
            _ = try await sandbox.run("apply", "--only", "tag:http")
            func shown(_ selection: String...) async throws -> [String] {
                let status = try await sandbox.result(of: sandbox.start(["status", "-o", "json"] + selection)).json
                let services = status["services"] as? [[String: Any]] ?? []
                return services.map { "\($0["name"] ?? "") \($0["state"] ?? "")" }.sorted()
            }
            #expect(try await shown("tag:http") == ["api running", "web running"])
            #expect(try await shown("billing/") == ["api running", "db stopped"])
            #expect(try await shown("web", "tag:slow") == ["api running", "web running"])
        }
    }
}
