import Testing

/// One row of the table of exit codes (contract section 4): nothing was ever applied here.
struct ExitCodeCase: Sendable, CustomTestStringConvertible {
    let arguments: [String]
    let code: Int32
    var manifests: [String: String] = [:]

    init(_ arguments: String, _ manifests: [String: String] = [:], leaves code: Int32) {
        self.arguments = arguments.split(separator: " ").map(String.init)
        self.manifests = manifests
        self.code = code
    }

    var testDescription: String { arguments.joined(separator: " ") + " -> \(code)" }

    static let good = ["web.yaml": Sandbox.service("web")]
    static let bad = ["web.yaml": "kind: Service\nname: Web\nrequire: [db]\n"]
    static let warned = ["web.yaml": Sandbox.service("web", "after: [nobody]")]

    static let all: [ExitCodeCase] = [
        ExitCodeCase("validate", good, leaves: 0),
        ExitCodeCase("validate", warned, leaves: 0),
        ExitCodeCase("validate", bad, leaves: 2),
        ExitCodeCase("validate --strict", good, leaves: 0),
        ExitCodeCase("validate --strict", warned, leaves: 2),
        ExitCodeCase("validate --dir nowhere", good, leaves: 2),
        ExitCodeCase("diff", leaves: 0),
        ExitCodeCase("diff", good, leaves: 1),
        ExitCodeCase("diff -v --no-prune", warned, leaves: 1),
        ExitCodeCase("diff", bad, leaves: 2),
        ExitCodeCase("diff --dir nowhere", leaves: 2),
        ExitCodeCase("diff --detailed-exitcode", good, leaves: 1),
        ExitCodeCase("diff --only web --no-kill --allow-protected --allow-disruption", good, leaves: 1),
        ExitCodeCase("diff --only wbe", good, leaves: 2),
        ExitCodeCase("diff --revision 1", good, leaves: 2),
        ExitCodeCase("diff --against dir:services.d", good, leaves: 0),
        ExitCodeCase("diff --against dir:run", good, leaves: 1),
        ExitCodeCase("diff --against dir:nowhere", good, leaves: 2),
        ExitCodeCase("diff --against dir:services.d", bad, leaves: 2),
        ExitCodeCase("diff --against dir:run --dir services.d", bad, leaves: 2),
        ExitCodeCase("diff --against dir:services.d --dir run", bad, leaves: 2),
        ExitCodeCase("diff --against revision:1", good, leaves: 2),
        ExitCodeCase("diff --against git:main", good, leaves: 2),
        ExitCodeCase("apply --dry-run", leaves: 0),
        ExitCodeCase("apply --dry-run", good, leaves: 1),
        ExitCodeCase("apply --dry-run", bad, leaves: 2),
        ExitCodeCase("apply --revision 1", good, leaves: 2),
        ExitCodeCase("apply --plan plan.json", good, leaves: 2),
        ExitCodeCase("why web", good, leaves: 0),
        ExitCodeCase("why wbe", good, leaves: 2),
        ExitCodeCase("tree", good, leaves: 0),
        ExitCodeCase("tree web", good, leaves: 0),
        ExitCodeCase("tree wbe", good, leaves: 2),
        ExitCodeCase("tree", bad, leaves: 2),
        ExitCodeCase("graph --format mermaid", good, leaves: 0),
        ExitCodeCase("graph", bad, leaves: 2),
        ExitCodeCase("apply", bad, leaves: 2),
        ExitCodeCase("apply --no-wait", bad, leaves: 2),
        ExitCodeCase("apply --dir nowhere", leaves: 2),
        ExitCodeCase("reconcile", bad, leaves: 2),
        ExitCodeCase("reconcile --dir nowhere", leaves: 2),
        ExitCodeCase("down", good, leaves: 0),
        ExitCodeCase("down --all", leaves: 0),
        ExitCodeCase("status", good, leaves: 0),
        ExitCodeCase("status web", good, leaves: 2),
        ExitCodeCase("logs web", good, leaves: 2),
        ExitCodeCase("jobs", good, leaves: 0),
        ExitCodeCase("jobs --service web", good, leaves: 2),
        ExitCodeCase("jobs show 1", good, leaves: 2),
        ExitCodeCase("events", leaves: 0),
        ExitCodeCase("history", leaves: 0),
    ]
}

@Suite("Exit codes")
struct ExitCodeTests {
    @Test(
        "a command leaves with the code of the contract, whatever the format, and makes nothing",
        arguments: ExitCodeCase.all
    )
    func codes(_ row: ExitCodeCase) async throws {
        try await Sandbox.with(row.manifests) { sandbox in
            for format in [[], ["-o", "json"], ["--quiet", "--no-color"]] {
                let running = try sandbox.start(row.arguments + format)
                let code = try await sandbox.code(of: running)
                #expect(code == row.code, "\(format): \(sandbox.text(running.out)) \(sandbox.text(running.err))")
                expectSchema(sandbox.text(running.out), of: row.arguments + format)
            }
            #expect(!sandbox.hasState)
        }
    }

    @Test(
        "a mistake in the command line is 64, and says which",
        arguments: [
            "frobnicate", "apply --bogus", "logs", "reconcile --no-sync", "reconcile --down-on-exit", "diff -o yaml",
            "diff -o sarif", "schema", "schema yaml", "jobs --phase asleep", "apply --timeout soon", "logs Web!",
            "logs web --previous -f", "events -n -1",
            "status a/b/c", "diff --against main", "diff --against revision:0", "diff --against git:",
            "diff --revision 0",
            "status -o markdown", "apply -o github", "apply --plan p.json --only web",
            "apply --plan p.json -d services.d",
            "graph --format svg", "why", "why a b",
        ]
    )
    func usage(_ line: String) async throws {
        try await Sandbox.with { sandbox in
            let running = try sandbox.start(line.split(separator: " ").map(String.init))
            let code = try await sandbox.code(of: running)
            #expect(code == 64)
            #expect(sandbox.text(running.err).contains("heroproc"))
            #expect(sandbox.text(running.out) == "")
        }
    }

    @Test("all mistakes of all files come in one run, each with the place as it was typed")
    func allMistakes() async throws {
        let files = ["a.yaml": "kind: Service\nname: A\n", "b.yaml": "kind: Servce\n"]
        try await Sandbox.with(files) { sandbox in
            for command in ["validate", "diff", "apply", "reconcile"] {
                let answer = try await sandbox.run(command)
                #expect(answer.code == 2)
                #expect(answer.err.contains("services.d/a.yaml:2:"))
                #expect(answer.err.contains("services.d/b.yaml:1:"))
            }
            let json = try await sandbox.run("validate", "-o", "json")
            #expect(json.json["valid"] as? Bool == false)
            #expect((json.json["diagnostics"] as? [Any])?.count ?? 0 >= 2)
            let refused = try await sandbox.run("apply", "-o", "json")
            #expect(refused.json["schema"] as? String == "heroproc/apply/v1")
            #expect(refused.json["converged"] as? Bool == false)
        }
    }

    @Test("the required core is asked for, and HERO_PROC_NO_AUTOSTART_DB=1 opts out")
    func requiredCore() async throws {
        try await Sandbox.with(requiresCore: true, ExitCodeCase.good) { sandbox in
            for command in ["validate", "diff", "apply", "reconcile"] {
                let answer = try await sandbox.run(command)
                #expect(answer.code == 2)
                #expect(answer.err.contains("hero_db"), "\(command)")
            }
            #expect(!sandbox.hasState)
            let free = try await sandbox.run("validate", extra: ["HERO_PROC_NO_AUTOSTART_DB": "1"])
            #expect(free.code == 0)
        }
    }

    @Test("directories come from options, then environment, then defaults")
    func directories() async throws {
        try await Sandbox.with(ExitCodeCase.bad) { sandbox in
            let elsewhere = sandbox.root + "/run"
            #expect(try await sandbox.run("validate").code == 2)
            #expect(try await sandbox.run("validate", extra: ["HEROPROC_DIR": elsewhere]).code == 0)
            #expect(try await sandbox.run("validate", "-d", "services.d", extra: ["HEROPROC_DIR": elsewhere]).code == 2)
            #expect(try await sandbox.run("validate", extra: ["HEROPROC_DIR": ""]).code == 2)
            let state = try await sandbox.run("down", "--state", "other")
            #expect(state.out.contains("\(sandbox.root)/other"))
        }
    }
}
