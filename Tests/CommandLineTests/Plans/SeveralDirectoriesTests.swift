import Foundation
import Testing

/// `validate` and `diff` with the services directories of several hosts (contract section 4).
@Suite("Several directories")
struct SeveralDirectoriesTests {
    /// Two hosts; `--against` compares both with the first one, so only the second one differs.
    private static let hosts = [
        "a/web.yaml": Sandbox.service("web", "env: {HOST: a}"),
        "b/web.yaml": Sandbox.service("web", "env: {HOST: b}"),
    ]

    private static func with(
        _ manifests: [String: String] = hosts,
        _ body: (Sandbox, _ directories: [String]) async throws -> Void
    ) async throws {
        try await Sandbox.with { sandbox in
            for name in ["a", "b"] { mkdir("\(sandbox.servicesDirectory)/\(name)", 0o700) }
            for (name, text) in manifests { try sandbox.writeManifest(name, text) }
            try await body(sandbox, ["a", "b"].map { "services.d/\($0)" })
        }
    }

    private static func diff(_ sandbox: Sandbox, _ directories: [String], _ format: String) async throws
        -> CommandResult
    {
        try await sandbox.run(
            "diff",
            "--dir",
            directories[0],
            "--dir",
            directories[1],
            "--against",
            "dir:\(directories[0])",
            "-o",
            format
        )
    }

    @Test("Each directory has its plan, and an overview follows with the highest exit code")
    func plans() async throws {
        try await Self.with { sandbox, directories in
            let text = try await Self.diff(sandbox, directories, "text")
            #expect(text.exitCode == 1, "\(text.errorOutput)")
            let overview = text.output.split(separator: "\n").suffix(2)
            #expect(overview.first?.hasPrefix("services.d/a  Nothing to do") ?? false, "\(text.output)")
            #expect(overview.last == "services.d/b  Plan: 1 to restart.", "\(text.output)")
            let markdown = try await Self.diff(sandbox, directories, "markdown").output
            #expect(markdown.contains("## `services.d/b`\n"), "\(markdown)")
            #expect(markdown.hasSuffix("| `services.d/b` | Plan: 1 to restart. |\n"), "\(markdown)")
        }
    }

    @Test("JSON has one line for each directory with the document of that directory")
    func json() async throws {
        try await Self.with { sandbox, directories in
            let lines = try await Self.diff(sandbox, directories, "json").output.split(separator: "\n")
            let documents = try lines.map {
                try #require(JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
            }
            #expect(documents.map { $0["directory"] as? String } == directories)
            #expect(documents.map { $0["exit_code"] as? Int } == [0, 1])
            for document in documents {
                let result = try JSONSerialization.data(withJSONObject: try #require(document["result"]))
                expectSchema(String(decoding: result, as: UTF8.self), of: ["diff", "-o", "json"])
            }
        }
    }

    @Test("A directory with an error does not hide the others")
    func errors() async throws {
        let manifests = ["a/web.yaml": "kind: Service\nnam: web\n", "b/web.yaml": Sandbox.service("web")]
        try await Self.with(manifests) { sandbox, directories in
            let arguments = ["--dir", directories[0], "--dir", directories[1]]
            let text = try await sandbox.run("validate", arguments[0], arguments[1], arguments[2], arguments[3])
            #expect(text.exitCode == 2)
            #expect(text.output.hasSuffix("services.d/b  1 service in 1 file: no errors.\n"), "\(text.output)")
            #expect(text.errorOutput.contains("services.d/a/web.yaml:2:1: error:"), "\(text.errorOutput)")
            let log = try await sandbox.run("validate", "--dir", directories[0], "--dir", directories[1], "-o", "sarif")
            let sarif = try JSONSerialization.jsonObject(with: Data(log.output.utf8)) as? [String: Any]
            #expect((sarif?["runs"] as? [Any])?.count == 2)
            let missing = try await sandbox.run("diff", "--dir", directories[1], "--dir", "services.d/c")
            #expect(missing.exitCode == 2)
            #expect(missing.errorOutput.contains("services.d/c"), "\(missing.errorOutput)")
        }
    }

    @Test("Other commands refuse a second directory", arguments: ["apply", "status", "why"])
    func refused(_ command: String) async throws {
        try await Self.with { sandbox, directories in
            let names = command == "why" ? ["web"] : []
            let arguments = [command, "--dir", directories[0], "--dir", directories[1]] + names
            let answer = try await sandbox.result(of: sandbox.start(arguments, environment: [:]))
            #expect(answer.exitCode == 64)
            #expect(answer.errorOutput.contains("only validate and diff accept several"), "\(answer.errorOutput)")
        }
    }
}
