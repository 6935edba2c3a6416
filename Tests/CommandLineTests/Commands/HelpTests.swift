import Testing

@Suite("Help")
struct HelpTests {
    @Test(
        "the help of a command has examples and says its exit codes",
        arguments: [
            "", "validate", "diff", "apply", "reconcile", "down", "status", "logs", "jobs", "jobs show", "jobs cleanup",
            "events", "history", "why", "tree", "graph", "schema", "init", "doctor",
        ]
    )
    func helpHasExamples(_ command: String) async throws {
        try await Sandbox.with { sandbox in
            let words = command.split(separator: " ").map(String.init)
            let running = try sandbox.start(words + ["--help"])
            #expect(try await sandbox.exitCode(of: running) == 0)
            let text = sandbox.readText(running.outputPath)
            #expect(text.contains("EXAMPLES:\n  heroproc \(words.first ?? "validate")"))
            #expect(text.contains("EXIT CODES:\n  0   "))
            #expect(!text.contains("--background"))
        }
    }

    @Test("the version is told")
    func printsVersion() async throws {
        try await Sandbox.with { sandbox in
            let running = try sandbox.start(["--version"])
            #expect(try await sandbox.exitCode(of: running) == 0)
            #expect(sandbox.readText(running.outputPath).hasPrefix("heroproc "))
        }
    }
}
