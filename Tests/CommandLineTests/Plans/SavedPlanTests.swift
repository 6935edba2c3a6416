import Foundation
import HeroLinux
import HeroModel
import Testing

/// `diff -o json > plan.json`, then `apply --plan plan.json`.
@Suite("Saved plans")
struct SavedPlanTests {
    private static let manifests = ["web.yaml": Sandbox.service("web", "env: {PORT: 1}")]

    /// Saves a plan made with some options.
    private func savePlan(_ sandbox: Sandbox, _ options: String = "") async throws {
        try await sandbox.shell("heroproc diff -o json \(options) > plan.json || [ $? = 1 ]")
    }

    /// Applies the plan and expects a refusal that changes nothing.
    private func expectRefusal(_ sandbox: Sandbox, _ text: String, _ location: SourceLocation = #_sourceLocation)
        async throws
    {
        let before = try await sandbox.run("history", "-o", "json").output
        for format in ["text", "json"] {
            let answer = try await sandbox.run("apply", "--plan", "plan.json", "-o", format)
            #expect(answer.exitCode == 2, sourceLocation: location)
            #expect(answer.errorOutput.contains("cannot apply plan.json"), sourceLocation: location)
            #expect(answer.errorOutput.contains(text), "\(answer.errorOutput)", sourceLocation: location)
        }
        #expect(try await sandbox.run("history", "-o", "json").output == before, sourceLocation: location)
    }

    @Test("A saved plan is applied once and refused afterwards")
    func appliesOnce() async throws {
        try await Sandbox.with(Self.manifests) { sandbox in
            try await savePlan(sandbox)
            let shown = try await sandbox.run("apply", "--plan", "plan.json", "--dry-run")
            #expect(shown.exitCode == 1)
            #expect(shown.output.contains("Plan: 1 to start."))
            #expect(!sandbox.hasState)
            let applied = try await sandbox.run("apply", "--plan", "plan.json", "-o", "json")
            #expect(applied.exitCode == 0, "\(applied.errorOutput)")
            #expect(applied.json["revision"] as? Int == 1)
            #expect(try await sandbox.run("diff").exitCode == 0)
            try await expectRefusal(sandbox, "it starts from revision 0, but revision 1 is applied now")
        }
    }

    @Test("A saved plan is refused if a file was changed, added or removed")
    func refusesChangedFiles() async throws {
        try await Sandbox.with(Self.manifests) { sandbox in
            try await savePlan(sandbox)
            try sandbox.writeManifest("web.yaml", Sandbox.service("web", "env: {PORT: 2}"))
            try await expectRefusal(sandbox, "services.d/web.yaml has changed since the plan was made")
            try await savePlan(sandbox)
            try sandbox.writeManifest("more.yaml", Sandbox.service("more"))
            try await expectRefusal(sandbox, "services.d/more.yaml is new since the plan was made")
            try await savePlan(sandbox)
            sandbox.removeManifest("more")
            try await expectRefusal(sandbox, "services.d/more.yaml was removed since the plan was made")
        }
    }

    @Test("A saved plan is refused if a changed runtime would change the plan")
    func refusesChangedRuntime() async throws {
        let once = Sandbox.service("web").replacing("retry: {delay: 10ms, jitter: 0}", with: "restart: never")
        try await Sandbox.with(["web.yaml": once]) { sandbox in
            #expect(try await sandbox.run("apply").exitCode == 0)
            try sandbox.writeManifest("more.yaml", Sandbox.service("more"))
            try await savePlan(sandbox)
            let web = try #require(try await sandbox.firstAction("web"))
            #expect(kill(web.pid, SIGKILL) == 0)
            try await eventually("the service has failed") {
                try await sandbox.run("why", "web").output.contains("has failed")
            }
            try await expectRefusal(
                sandbox,
                "the running services have changed since it was made: core/web would start now"
            )
        }
    }

    @Test("A saved plan keeps its options and directory when applied from elsewhere")
    func keepsOptions() async throws {
        try await Sandbox.with(Self.manifests) { sandbox in
            #expect(try await sandbox.run("apply").exitCode == 0)
            sandbox.removeManifest("web")
            try sandbox.writeManifest("more.yaml", Sandbox.service("more"))
            try await savePlan(sandbox, "--no-prune")
            let answer = try await sandbox.shell("mkdir there && cd there && heroproc apply --plan ../plan.json")
            #expect(answer.exitCode == 0)
            #expect(try await sandbox.firstAction("web") != nil)
            #expect(try await sandbox.firstAction("more") != nil)
        }
    }

    @Test("A saved plan is refused if a variable has another value")
    func refusesChangedVariables() async throws {
        let manifests = ["web.yaml": Sandbox.service("web", "env: {PORT: \"${PORT:-1}\"}")]
        try await Sandbox.with(manifests) { sandbox in
            try await savePlan(sandbox, "--var PORT=26")
            try await expectRefusal(sandbox, "a variable has another value than when the plan was made")
            #expect(try await sandbox.run("apply", "--plan", "plan.json", "--var", "PORT=26").exitCode == 0)
            #expect(try await sandbox.run("diff", "--var", "PORT=26").exitCode == 0)
            let both = try await sandbox.run("diff", "--against", "dir:services.d", "--var", "PORT=27")
            #expect(both.exitCode == 0, "the base is read with the same values")
            try sandbox.writeManifest("web.yaml", Sandbox.service("web", "env: {PORT: 3}"))
            #expect(try await sandbox.run("apply").exitCode == 0)
            let back = try await sandbox.run("apply", "--revision", "1")
            #expect(back.exitCode == 0)
            #expect(back.errorOutput.contains("\"3\" -> \"26\""), "a revision keeps its values: \(back.errorOutput)")
        }
    }

    @Test("Files that are no plan, other bases and refused plans cannot be applied")
    func refusesOtherPlans() async throws {
        try await Sandbox.with(Self.manifests) { sandbox in
            try await sandbox.shell("echo '{}' > plan.json")
            try await expectRefusal(sandbox, "it is not a plan of schema heroproc/plan/v1")
            try await savePlan(sandbox, "--against dir:run")
            try await expectRefusal(sandbox, "it compares with dir:run, not with the running services")
            try sandbox.writeManifest("web.yaml", "kind: Service\nname: Web\n")
            try await sandbox.shell("heroproc diff -o json > plan.json || [ $? = 2 ]")
            try await expectRefusal(sandbox, "the plan was already refused by `diff`")
            #expect(!sandbox.hasState)
        }
    }

    @Test("The reconciler refuses a plan whose base revision is wrong")
    func reconcilerChecksExpectation() async throws {
        try await Sandbox.with(Self.manifests) { sandbox in
            #expect(try await sandbox.run("apply").exitCode == 0)
            let client = try #require(try ControlClient.connect(sandbox.paths))
            let file: [String: Any] = [
                "path": sandbox.servicesDirectory + "/web.yaml", "folder": sandbox.servicesDirectory,
                "text": Self.manifests["web.yaml"] ?? "",
            ]
            let request: [String: Any] = [
                "verb": "apply", "directory": sandbox.servicesDirectory, "files": [file], "actor": "a", "all": false,
                "prunes": true,
                "requiresCore": false, "variables": [String: String](), "only": [String](), "kills": true,
                "allowsProtected": false, "allowsDisruption": false,
                "promise": ["baseRevision": 7, "actions": [String: String]()],
            ]
            try client.send(Array(try JSONSerialization.data(withJSONObject: request)))
            guard case .line(let line) = client.nextLine(timeout: .seconds(20)) else {
                Issue.record("the reconciler does not reply")
                return
            }
            let answer = String(decoding: line, as: UTF8.self)
            #expect(answer.contains("refused") && answer.contains("it starts from revision 7"), "\(answer)")
        }
    }

    @Test("Exactly one of several simultaneous applies of the same plan succeeds")
    func oneOfManyAppliesWins() async throws {
        try await Sandbox.with(Self.manifests) { sandbox in
            #expect(try await sandbox.run("apply").exitCode == 0)
            try sandbox.writeManifest("web.yaml", Sandbox.service("web", "env: {PORT: 2}"))
            try await savePlan(sandbox)
            let running = try (0..<6).map { _ in try sandbox.start(["apply", "--plan", "plan.json"]) }
            var codes: [Int32] = []
            for each in running { codes.append(try await sandbox.exitCode(of: each)) }
            #expect(codes.sorted() == [0, 2, 2, 2, 2, 2])
            let history = try await sandbox.run("history", "-o", "json").json["revisions"] as? [Any]
            #expect(history?.count == 2)
        }
    }

    @Test("Apply --only changes nothing else and respects protected services")
    func respectsProtection() async throws {
        let manifests = [
            "web.yaml": Sandbox.service("web", "env: {PORT: 1}\nprotect: true"),
            "more.yaml": Sandbox.service("more", "env: {PORT: 1}"),
        ]
        try await Sandbox.with(manifests) { sandbox in
            #expect(try await sandbox.run("apply").exitCode == 0)
            for (name, text) in manifests {
                try sandbox.writeManifest(name, text.replacing("PORT: 1", with: "PORT: 2"))
            }
            let web = try #require(try await sandbox.firstAction("web"))
            for format in ["text", "json", "markdown", "github"] {
                #expect(try await sandbox.run("diff", "-o", format).exitCode == 2, "\(format)")
                #expect(try await sandbox.run("diff", "--only", "more", "-o", format).exitCode == 1, "\(format)")
                #expect(try await sandbox.run("diff", "--allow-protected", "-o", format).exitCode == 1, "\(format)")
            }
            let refused = try await sandbox.run("apply")
            #expect(refused.exitCode == 2)
            #expect(
                refused.errorOutput.contains("cannot restart core/web, which is protected")
                    && refused.errorOutput.contains("--allow-protected")
            )
            let narrowed = try await sandbox.run("apply", "--only", "more")
            #expect(narrowed.exitCode == 0, "\(narrowed.errorOutput)")
            #expect(narrowed.output.contains("all is as planned"))
            #expect(try await sandbox.firstAction("web")?.pid == web.pid)
            #expect(try await sandbox.run("diff", "--only", "more").exitCode == 0)

            // A new reconciler respects it too.
            try await sandbox.killReconciler()
            let reconciler = try sandbox.start(["reconcile", "--watch", "--no-sync"])
            try await eventually("the reconciler holds the lock") {
                ReconcilerLock.holder(sandbox.paths)?.pid == reconciler.pid
            }
            #expect(try await sandbox.run("apply", "--only", "more").exitCode == 0)
            #expect(try await sandbox.firstAction("web")?.pid == web.pid)
            #expect(try await sandbox.run("apply", "--allow-protected").exitCode == 0)
            #expect(try await sandbox.firstAction("web")?.pid != web.pid)
            #expect(try await sandbox.run("diff").exitCode == 0)
            #expect(kill(reconciler.pid, SIGTERM) == 0)
            #expect(try await sandbox.exitCode(of: reconciler) == 0)
        }
    }
}
