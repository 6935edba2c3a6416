import Testing

/// Commands that tell what to do instead of doing it: verbs of other supervisors, and `explain`.
@Suite("Advice")
struct AdviceTests {
    private static let manifests = [
        "web.yaml": "kind: Service\nname: web\nexec: [sleep, \"1000\"]\ngeneration: 3\n",
        "db.yaml": "kind: Service\nname: db\nstatus: stop\nexec: [sleep, \"1000\"]\n",
        "backup.yaml": "kind: Action\nname: backup\nexec: [\"true\"]\nschedule: {every: 1h}\n",
    ]

    @Test(
        "An imperative verb exits with 64 and names the key, the file and the line",
        arguments: [
            ("restart web", "to restart web, raise `generation: 3` in services.d/web.yaml:4, then"),
            ("restart db", "to restart db, write `generation: 1` below `name` in services.d/db.yaml:2, then"),
            ("stop web", "to stop web, write `status: stop` below `name` in services.d/web.yaml:2, then"),
            ("kill web", "to stop web, write `status: stop` below `name` in services.d/web.yaml:2, then"),
            ("start db", "to start db, change it to `status: start` in services.d/db.yaml:3, then"),
            ("up db", "to start db, change it to `status: start` in services.d/db.yaml:3, then"),
            ("start web", "web is declared with `status: start` in services.d/web.yaml:2; `heroproc apply` starts it"),
            ("reload web", "to restart web nevertheless, raise `generation: 3` in services.d/web.yaml:4"),
            ("restart backup", "to run backup again, write `generation: 1` below `name` in services.d/backup.yaml:2"),
            ("stop backup", "to run backup no more, remove `schedule` in services.d/backup.yaml:4"),
            ("restart wbe", "there is no service wbe in services.d; did you mean `web`?"),
            ("up", "`heroproc apply` starts everything that services.d declares"),
            ("stop", "`heroproc down` stops everything"),
            ("restart", "to restart a service, raise `generation` in its manifest"),
        ]
    )
    func namesKey(_ command: String, _ advice: String) async throws {
        try await Sandbox.with(Self.manifests) { sandbox in
            let running = try sandbox.start(command.split(separator: " ").map(String.init))
            let answer = try await sandbox.result(of: running)
            #expect(answer.exitCode == 64)
            #expect(answer.output == "")
            #expect(answer.errorOutput.contains(advice), "\(answer.errorOutput)")
            #expect(answer.errorOutput.split(separator: "\n").count == 1, "one sentence")
            #expect(!sandbox.hasState)
        }
    }

    @Test("Explain prints the page of a code, lists all codes, and suggests a similar code")
    func explainsCode() async throws {
        try await Sandbox.with { sandbox in
            let page = try await sandbox.run("explain", "unknown-key")
            #expect(page.exitCode == 0)
            #expect(page.output.hasPrefix("unknown-key\n\nA key is unknown"))
            #expect(page.output.contains("\nCorrected:\n\n    kind: Service\n"))
            #expect(!page.output.contains("```") && !page.output.contains("## "))
            #expect(try await sandbox.run("explain", "[unknown-key]").output == page.output)
            let all = try await sandbox.run("explain")
            #expect(all.output.contains("\nunknown-key "))
            let unknown = try await sandbox.run("explain", "unknown-kex")
            #expect(unknown.exitCode == 2 && unknown.errorOutput.contains("did you mean `unknown-key`?"))
        }
    }

    @Test("Explain has a page for every code that it lists")
    func explainsEveryCode() async throws {
        try await Sandbox.with { sandbox in
            let codes = try await sandbox.run("explain").output.split(separator: "\n").compactMap { line in
                line.split(separator: " ").first.map(String.init)
            }
            #expect(codes.count > 80)
            for code in codes { #expect(try await sandbox.run("explain", code).exitCode == 0, "\(code)") }
        }
    }

    @Test("A missing services directory is reported in a sentence that names `heroproc init`")
    func reportsMissingDirectory() async throws {
        try await Sandbox.with { sandbox in
            for command in ["validate", "diff", "apply", "dev"] {
                let named = try await sandbox.run(command, "--dir", "none")
                #expect(named.exitCode == 2)
                #expect(
                    named.errorOutput.hasPrefix(
                        "error: the services directory none does not exist\n"
                            + "  help: `heroproc init --dir none` creates one with an example that runs"
                    ),
                    "\(named.errorOutput)"
                )
                runShell("rmdir \(shellQuoted(sandbox.servicesDirectory)) 2>/dev/null")
                let usual = try await sandbox.run(command)
                #expect(usual.errorOutput.contains("does not exist, and neither does ./services.d\n"))
            }
        }
    }
}
