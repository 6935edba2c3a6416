import Testing

@Suite("Help")
struct HelpTests {
    @Test(
        "The help of every command contains examples and exit codes",
        arguments: [
            "", "validate", "diff", "apply", "reconcile", "sync", "down", "status", "logs", "jobs", "jobs show",
            "jobs cleanup", "events", "history", "why", "stats", "tree", "graph", "schema", "init", "import", "export",
            "doctor", "serve", "dev", "explain",
        ]
    )
    func helpHasExamples(_ command: String) async throws {
        try await Sandbox.with { sandbox in
            let arguments = command.split(separator: " ").map(String.init)
            let running = try sandbox.start(arguments + ["--help"])
            #expect(try await sandbox.exitCode(of: running) == 0)
            let text = sandbox.readText(running.outputPath)
            #expect(text.contains("EXAMPLES:\n  heroproc \(arguments.first ?? "validate")"))
            #expect(text.contains("EXIT CODES:\n  0   "))
            #expect(!text.contains("--background"))
            #expect(["", "serve"].contains(command) || text.contains("\nCOMMON OPTIONS:\n"))
        }
    }

    @Test("The --version option prints the version and the commit")
    func printsVersion() async throws {
        try await Sandbox.with { sandbox in
            let running = try sandbox.start(["--version"])
            #expect(try await sandbox.exitCode(of: running) == 0)
            let text = sandbox.readText(running.outputPath)
            // Only release builds know their commit.
            #expect(
                text.contains(/^heroproc \d+\.\d+\.\d+ \((development build|[0-9a-f]{7,}(-dirty)?)\)\n$/),
                "\(text)"
            )
        }
    }
}
