import Testing

/// One row of the table of exit codes.
///
/// Nothing was ever applied in these cases.
struct ExitCodeCase: Sendable, CustomTestStringConvertible {
    let arguments: [String]
    let code: Int32
    var manifests: [String: String] = [:]

    init(_ arguments: String, _ manifests: [String: String] = [:], exits code: Int32) {
        self.arguments = arguments.split(separator: " ").map(String.init)
        self.manifests = manifests
        self.code = code
    }

    var testDescription: String { arguments.joined(separator: " ") + " -> \(code)" }

    static let validSet = ["web.yaml": Sandbox.service("web")]
    static let invalidSet = ["web.yaml": "kind: Service\nname: Web\nrequire: [db]\n"]
    static let setWithWarning = ["web.yaml": Sandbox.service("web", "after: [unknown]")]

    static let all: [ExitCodeCase] = [
        ExitCodeCase("validate", validSet, exits: 0),
        ExitCodeCase("validate", setWithWarning, exits: 0),
        ExitCodeCase("validate", invalidSet, exits: 2),
        ExitCodeCase("validate --strict", validSet, exits: 0),
        ExitCodeCase("validate --strict", setWithWarning, exits: 2),
        ExitCodeCase("validate --dir nowhere", validSet, exits: 2),
        ExitCodeCase("diff", exits: 0),
        ExitCodeCase("diff", validSet, exits: 1),
        ExitCodeCase("diff -v --no-prune", setWithWarning, exits: 1),
        ExitCodeCase("diff", invalidSet, exits: 2),
        ExitCodeCase("diff --dir nowhere", exits: 2),
        ExitCodeCase("diff --detailed-exitcode", validSet, exits: 1),
        ExitCodeCase("diff --only web --no-kill --allow-protected --allow-disruption", validSet, exits: 1),
        ExitCodeCase("diff --only wbe", validSet, exits: 2),
        ExitCodeCase("diff --revision 1", validSet, exits: 2),
        ExitCodeCase("diff --against dir:services.d", validSet, exits: 0),
        ExitCodeCase("diff --against dir:run", validSet, exits: 1),
        ExitCodeCase("diff --against dir:nowhere", validSet, exits: 2),
        ExitCodeCase("diff --against dir:services.d", invalidSet, exits: 2),
        ExitCodeCase("diff --against dir:run --dir services.d", invalidSet, exits: 2),
        ExitCodeCase("diff --against dir:services.d --dir run", invalidSet, exits: 2),
        ExitCodeCase("diff --against revision:1", validSet, exits: 2),
        ExitCodeCase("diff --against git:main", validSet, exits: 2),
        ExitCodeCase("apply --dry-run", exits: 0),
        ExitCodeCase("apply --dry-run", validSet, exits: 1),
        ExitCodeCase("apply --dry-run", invalidSet, exits: 2),
        ExitCodeCase("apply --revision 1", validSet, exits: 2),
        ExitCodeCase("apply --plan plan.json", validSet, exits: 2),
        ExitCodeCase("why web", validSet, exits: 0),
        ExitCodeCase("why wbe", validSet, exits: 2),
        ExitCodeCase("tree", validSet, exits: 0),
        ExitCodeCase("tree web", validSet, exits: 0),
        ExitCodeCase("tree wbe", validSet, exits: 2),
        ExitCodeCase("tree", invalidSet, exits: 2),
        ExitCodeCase("graph --format mermaid", validSet, exits: 0),
        ExitCodeCase("graph", invalidSet, exits: 2),
        ExitCodeCase("apply", invalidSet, exits: 2),
        ExitCodeCase("apply --no-wait", invalidSet, exits: 2),
        ExitCodeCase("apply --dir nowhere", exits: 2),
        ExitCodeCase("reconcile", invalidSet, exits: 2),
        ExitCodeCase("reconcile --dir nowhere", exits: 2),
        ExitCodeCase("down", validSet, exits: 0),
        ExitCodeCase("down --all", exits: 0),
        ExitCodeCase("status", validSet, exits: 0),
        ExitCodeCase("status web", validSet, exits: 2),
        ExitCodeCase("logs web", validSet, exits: 2),
        ExitCodeCase("jobs", validSet, exits: 0),
        ExitCodeCase("jobs --service web", validSet, exits: 2),
        ExitCodeCase("jobs show 1", validSet, exits: 2),
        ExitCodeCase("events", exits: 0),
        ExitCodeCase("history", exits: 0),
    ]
}

@Suite("Exit codes")
struct ExitCodeTests {
    @Test(
        "A command exits with its documented code in every format and creates no state",
        arguments: ExitCodeCase.all
    )
    func exitsWithDocumentedCode(_ row: ExitCodeCase) async throws {
        try await Sandbox.with(row.manifests) { sandbox in
            for format in [[], ["-o", "json"], ["--quiet", "--no-color"]] {
                let running = try sandbox.start(row.arguments + format)
                let code = try await sandbox.exitCode(of: running)
                #expect(
                    code == row.code,
                    "\(format): \(sandbox.readText(running.outputPath)) \(sandbox.readText(running.errorPath))"
                )
                expectSchema(sandbox.readText(running.outputPath), of: row.arguments + format)
            }
            #expect(!sandbox.hasState)
        }
    }

    @Test(
        "A usage error exits with 64 and an explanation",
        arguments: [
            "frobnicate", "apply --bogus", "logs -n -1", "reconcile --no-sync", "reconcile --down-on-exit",
            "diff -o yaml",
            "diff -o sarif", "schema", "schema yaml", "jobs --phase asleep", "apply --timeout soon", "logs Web!",
            "logs web --previous -f", "events -n -1",
            "status a/b/c", "diff --against main", "diff --against revision:0", "diff --against git:",
            "diff --revision 0",
            "status -o markdown", "apply -o github", "apply --plan p.json --only web",
            "apply --plan p.json -d services.d",
            "graph --format svg", "why", "why a b",
        ]
    )
    func usageErrorExits64(_ line: String) async throws {
        try await Sandbox.with { sandbox in
            let running = try sandbox.start(line.split(separator: " ").map(String.init))
            let code = try await sandbox.exitCode(of: running)
            #expect(code == 64)
            #expect(sandbox.readText(running.errorPath).contains("heroproc"))
            #expect(sandbox.readText(running.outputPath) == "")
        }
    }

    @Test(
        "A path that is not UTF-8 is a usage error and not another path",
        arguments: ["\"$0\" validate -d \"$x\"", "HEROPROC_DIR=$x \"$0\" diff", "\"$0\" status --state \"$x\""]
    )
    func refusesBytes(_ line: String) async throws {
        try await Sandbox.with(ExitCodeCase.validSet) { sandbox in
            let script = "x=$(printf 'caf\\351'); mkdir \"$x\"; " + line
            let answer = try await sandbox.result(
                of: sandbox.start(["-c", script, Sandbox.binary], program: "/bin/sh")
            )
            #expect(answer.exitCode == 64)
            #expect(answer.errorOutput.contains("not valid UTF-8: 'caf\u{FFFD}'"), "\(answer.errorOutput)")
            #expect(!sandbox.hasState)
        }
    }

    @Test("One run reports all errors of all files with their places")
    func reportsAllErrors() async throws {
        let files = ["a.yaml": "kind: Service\nname: A\n", "b.yaml": "kind: Servce\n"]
        try await Sandbox.with(files) { sandbox in
            for command in ["validate", "diff", "apply", "reconcile"] {
                let answer = try await sandbox.run(command)
                #expect(answer.exitCode == 2)
                #expect(answer.errorOutput.contains("services.d/a.yaml:2:"))
                #expect(answer.errorOutput.contains("services.d/b.yaml:1:"))
            }
            let json = try await sandbox.run("validate", "-o", "json")
            #expect(json.json["valid"] as? Bool == false)
            #expect((json.json["diagnostics"] as? [Any])?.count ?? 0 >= 2)
            let refused = try await sandbox.run("apply", "-o", "json")
            #expect(refused.json["schema"] as? String == "heroproc/apply/v1")
            #expect(refused.json["converged"] as? Bool == false)
        }
    }

    @Test("The core manifest is required unless HERO_PROC_NO_AUTOSTART_DB=1 is set")
    func requiresCoreManifests() async throws {
        try await Sandbox.with(requiresCore: true, ExitCodeCase.validSet) { sandbox in
            for command in ["validate", "diff", "apply", "reconcile"] {
                let answer = try await sandbox.run(command)
                #expect(answer.exitCode == 2)
                #expect(answer.errorOutput.contains("hero_db"), "\(command)")
            }
            #expect(!sandbox.hasState)
            let free = try await sandbox.run("validate", environment: ["HERO_PROC_NO_AUTOSTART_DB": "1"])
            #expect(free.exitCode == 0)
        }
    }

    @Test("Directories come from options, then the environment, then defaults")
    func resolvesDirectories() async throws {
        try await Sandbox.with(ExitCodeCase.invalidSet) { sandbox in
            let elsewhere = sandbox.root + "/run"
            #expect(try await sandbox.run("validate").exitCode == 2)
            #expect(try await sandbox.run("validate", environment: ["HEROPROC_DIR": elsewhere]).exitCode == 0)
            #expect(
                try await sandbox.run("validate", "-d", "services.d", environment: ["HEROPROC_DIR": elsewhere]).exitCode
                    == 2
            )
            #expect(try await sandbox.run("validate", environment: ["HEROPROC_DIR": ""]).exitCode == 2)
            let state = try await sandbox.run("down", "--state", "other")
            #expect(state.output.contains("\(sandbox.root)/other"))
        }
    }
}
