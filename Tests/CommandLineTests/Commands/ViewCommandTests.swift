import Foundation
import HeroLinux
import Testing

/// `why`, `tree` and `graph` on real services.
@Suite("Why, tree and graph")
struct ViewCommandTests {
    @Test("Followed events begin with the next one if none of the recorded events is wanted")
    func followsOnlyNewEvents() async throws {
        try await Sandbox.with(["web.yaml": Sandbox.service("web")]) { sandbox in
            #expect(try await sandbox.run("apply", "--quiet").exitCode == 0)
            for options in [["-n", "0"], ["--since", "0s"]] {
                let follower = try sandbox.start(["events", "-f"] + options)
                defer { kill(follower.pid, SIGKILL) }
                let shown = { sandbox.readText(follower.outputPath) }
                // The follower reads four times a second; each apply is an event.
                var number = 0
                try await eventually("a new event is shown") {
                    number += 1
                    let description = "description: with \(options[0]) \(number)"
                    try sandbox.writeManifest("web.yaml", Sandbox.service("web", description))
                    _ = try await sandbox.run("apply", "--quiet")
                    return !shown().isEmpty
                }
                #expect(!shown().contains("revision 1 applied"), "\(shown())")
            }
        }
    }

    @Test("Why explains a standalone action by its last run and its next one")
    func whyExplainsActions() async throws {
        let manifests = [
            "backup.yaml": """
            kind: Action
            name: backup
            script: "echo no disk >&2; exit 3"
            retry: {max_attempts: 1}
            schedule: {every: 1h}
            """,
            "migrate.yaml": "kind: Action\nname: migrate\nexec: ['false']\nretry: {max_attempts: 1}\nrun_on: apply\n",
            "seed.yaml": "kind: Action\nname: seed\nexec: ['true']\n---\nkind: Service\nname: web\nactions: [seed]\n",
        ]
        try await Sandbox.with(manifests) { sandbox in
            let early = try await sandbox.run("why", "backup")
            #expect(early.exitCode == 0)
            #expect(early.output.hasPrefix("core/backup was never applied: "), "\(early.output)")
            _ = try await sandbox.run("apply")
            let scheduled = try await sandbox.run("why", "backup").output
            #expect(scheduled.contains(/^core\/backup has not run yet; next run in \d/), "\(scheduled)")
            #expect(scheduled.contains("services.d/backup.yaml:5)"), "\(scheduled)")
            try await eventually("migrate has failed") {
                try await sandbox.run("why", "migrate").output.hasPrefix(
                    "core/migrate has failed: it ended with exit code 1; it runs again when its spec changes"
                )
            }
            let part = try await sandbox.run("why", "seed").output
            #expect(part.hasPrefix("core/seed runs as a part of core/web.\n"), "\(part)")
            let json = try await sandbox.run("why", "migrate", "-o", "json").json
            #expect((json["standalone"] as? [String: Any])?["phase"] as? String == "failed")
            #expect(try await sandbox.run("why", "backups").errorOutput.contains("did you mean `backup`?"))
        }
    }

    @Test("Why explains a blocked service by its failing dependency and the next retry")
    func whyFollowsDependencies() async throws {
        let manifests = [
            "base.yaml": Sandbox.service("base", script: "for n in 1 2 3 4; do echo cannot $n >&2; done; exit 7")
                .replacing(
                    "retry: {delay: 10ms, jitter: 0}",
                    with: "retry: {delay: 1h, max_delay: 1h, jitter: 0}\n    ready: {exec: ['false']}"
                ),
            "mid.yaml": Sandbox.service("mid", "requires: [base]"),
            "top.yaml": Sandbox.service("top", "requires: [mid]"),
        ]
        try await Sandbox.with(manifests) { sandbox in
            let early = try await sandbox.run("why", "top")
            #expect(early.exitCode == 0)
            #expect(early.output.contains("core/top was never applied (services.d/top.yaml:2)"))
            #expect(try await sandbox.run("apply", "--no-wait").exitCode == 0)
            try await eventually("base keeps failing") {
                let text = try await sandbox.run("why", "base").output
                return text.hasPrefix("core/base keeps failing: ") && text.contains("exit code 7")
            }
            let base = try await sandbox.run("why", "base").output
            #expect(base.contains("next retry") && base.contains("(attempt 2)"), "\(base)")
            #expect(base.contains("wrote       run: cannot 2\n"), "\(base)")
            #expect(base.contains("              run: cannot 3\n              run: cannot 4\n"), "\(base)")
            #expect(!base.contains("cannot 1"), "only the last three lines are shown")
            try await eventually("top is blocked") {
                try await sandbox.run("why", "top").output.contains("core/base keeps failing")
            }
            let top = try await sandbox.run("why", "top").output
            #expect(top.contains(#/^core\/top (is|has been) blocked/#), "\(top)")
            #expect(top.contains("up: its status is start"))
            let json = try await sandbox.run("why", "top", "-o", "json").json
            #expect(json["schema"] as? String == "heroproc/why/v1")
            #expect(json["state"] as? String == "blocked")
            #expect(json["reconciler_alive"] as? Bool == true)
            let unknown = try await sandbox.run("why", "tpo")
            #expect(unknown.exitCode == 2)
            #expect(unknown.errorOutput.contains("did you mean `top`?"))
        }
    }

    @Test("Why names the down that stopped a service")
    func whyNamesDown() async throws {
        try await Sandbox.with(["web.yaml": Sandbox.service("web")]) { sandbox in
            #expect(try await sandbox.run("apply").exitCode == 0)
            #expect(try await sandbox.run("why", "web").output.contains(#/^core\/web (is|has been) running/#))
            #expect(try await sandbox.run("down").exitCode == 0)
            let text = try await sandbox.run("why", "web").output
            #expect(text.contains("down: revision 2 is a `down`") && text.contains("none is running"), "\(text)")
        }
    }

    @Test("Tree and graph show dependencies and start waves without any state")
    func treeNeedsNoState() async throws {
        let manifests = [
            "base.yaml": Sandbox.service("base"),
            "web.yaml": Sandbox.service("web", "requires: [base]\nafter: [log]"),
            "log.yaml": Sandbox.service("log", "status: stop"),
        ]
        try await Sandbox.with(manifests) { sandbox in
            let tree = try await sandbox.run("tree")
            #expect(
                tree.output == """
                    core/web  never applied  wave 2
                    ├── core/base  never applied  wave 1
                    └── core/log  never applied  status: stop  (after)

                    """
            )
            #expect(try await sandbox.run("tree", "base").output == "core/base  never applied  wave 1\n")
            let json = try await sandbox.run("graph", "web", "-o", "json").json
            #expect((json["services"] as? [Any])?.count == 3)
            #expect(try await sandbox.run("graph").output.contains("\"core/web\" -> \"core/base\";"))
            #expect(try await sandbox.run("graph", "--format", "mermaid").output.hasPrefix("flowchart RL\n"))
            #expect(try await sandbox.run("tree", "bsae").errorOutput.contains("did you mean `base`?"))
            #expect(!sandbox.hasState)
        }
    }
}
