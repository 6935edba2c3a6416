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
    func examples(_ command: String) async throws {
        try await Sandbox.with { sandbox in
            let words = command.split(separator: " ").map(String.init)
            let running = try sandbox.start(words + ["--help"])
            #expect(try await sandbox.code(of: running) == 0)
            let text = sandbox.text(running.out)
            #expect(text.contains("EXAMPLES:\n  heroproc \(words.first ?? "validate")"))
            #expect(text.contains("EXIT CODES:\n  0   "))
            #expect(!text.contains("--background"))
        }
    }

    @Test("the version is told")
    func version() async throws {
        try await Sandbox.with { sandbox in
            let running = try sandbox.start(["--version"])
            #expect(try await sandbox.code(of: running) == 0)
            #expect(sandbox.text(running.out).hasPrefix("heroproc "))
        }
    }
}
