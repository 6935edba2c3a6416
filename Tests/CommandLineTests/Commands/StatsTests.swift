import Foundation
import HeroJSON
import Testing

/// `stats` and `tree --processes` on real processes.
@Suite("Stats and processes")
struct StatsTests {
    private static let web = Sandbox.service(
        "web",
        script: "sleep 1000 & exec python3 -c 'import time; time.sleep(1000)'"
    )

    private func processes(_ sandbox: Sandbox, _ name: String) async throws -> [[String: Any]] {
        try await sandbox.run("tree", name, "--processes", "-o", "json").json["processes"] as? [[String: Any]] ?? []
    }

    /// The entry of a service in `stats -o json`.
    private func stats(_ sandbox: Sandbox, _ name: String) async throws -> [String: Any] {
        let services = try await sandbox.run("stats", name, "-o", "json").json["services"] as? [[String: Any]]
        return try #require(services?.first)
    }

    @Test("Stats and the tree show all processes of a service, also without a reconciler")
    func showsProcesses() async throws {
        let idle = Sandbox.service("idle", "status: stop")
        try await Sandbox.with(["web.yaml": Self.web, "idle.yaml": idle]) { sandbox in
            #expect(try await sandbox.run("stats").output == "No service was applied yet.\n")
            #expect(try await sandbox.run("apply").exitCode == 0)
            try await eventually("python runs") {
                try await processes(sandbox, "web").contains { ($0["command"] as? String)?.hasPrefix("python") == true }
            }
            try await sandbox.killReconciler()
            let web = try await stats(sandbox, "web")
            #expect(web["processes"] as? Int == 2)
            #expect(web["threads"] as? Int == 2)
            for key in ["cpu_microseconds", "memory_bytes", "descriptors"] {
                #expect(web[key] as? Int ?? 0 > 0, "\(key): \(web)")
            }
            let table = try await sandbox.run("stats")
            #expect(table.exitCode == 0)
            #expect(table.output.hasPrefix("NAME"), "\(table.output)")
            #expect(table.output.contains(/core\/idle\n/) && table.output.contains("1 of 2 run: 2 processes, "))
            let pid = try #require(try await sandbox.firstAction("web")?.pid)
            let tree = try await sandbox.run("tree", "web", "--processes").output
            #expect(tree.hasPrefix("core/web\n└── run  job 1\n    └── \(pid)  python3"), "\(tree)")
            #expect(tree.contains(#/\n        └── \d+  sleep  /#), "\(tree)")
            #expect(try await processes(sandbox, "idle").isEmpty)
            #expect(try await sandbox.run("tree", "--processes").output.contains("core/idle\n"))
        }
    }

    @Test("A standalone action has an entry while it runs")
    func showsStandaloneAction() async throws {
        let manifest = "kind: Action\nname: backup\nexec: [sleep, '1000']\nrun_on: apply\n"
        try await Sandbox.with(["backup.yaml": manifest]) { sandbox in
            #expect(try await sandbox.run("apply", "--no-wait").exitCode == 0)
            try await eventually("backup runs") {
                let all = try await sandbox.run("stats", "-o", "json").json["standalone"] as? [[String: Any]] ?? []
                return all.first?["processes"] as? Int == 1
            }
            #expect(try await processes(sandbox, "backup").first?["service"] is NSNull)
        }
    }

    @Test("Numbers that this user may not read are unknown, and never zero")
    func showsUnknownNumbers() async throws {
        // The kernel hides the memory and the descriptors of a process that has set this from its own user.
        let script = "exec python3 -c 'import ctypes, time; ctypes.CDLL(None).prctl(4, 0); print(1); time.sleep(1000)'"
        try await Sandbox.with(["agent.yaml": Sandbox.service("agent", script: script)]) { sandbox in
            #expect(try await sandbox.run("apply").exitCode == 0)
            let isRoot = geteuid() == 0
            try await eventually("the process has hidden itself") {
                let agent = try await stats(sandbox, "agent")
                return isRoot ? agent["memory_bytes"] is Int : agent["memory_bytes"] is NSNull
            }
            let agent = try await stats(sandbox, "agent")
            #expect(agent["processes"] as? Int == 1)
            #expect(isRoot ? agent["descriptors"] is Int : agent["descriptors"] is NSNull)
            let text = try await sandbox.run("stats").output
            #expect(text.contains("? is unknown: this user may not read all processes") == !isRoot, "\(text)")
        }
    }

    @Test("With --watch each refresh has the share of a processor since the last one")
    func refreshes() async throws {
        try await Sandbox.with(["web.yaml": Self.web]) { sandbox in
            #expect(try await sandbox.run("apply").exitCode == 0)
            let text = try sandbox.start(["stats", "--watch"])
            let json = try sandbox.start(["stats", "--watch", "-o", "json"])
            try await eventually("a second table and a second document are written") {
                sandbox.readText(text.outputPath).contains("CPU%")
                    && sandbox.readText(json.outputPath).split(separator: "\n").count >= 2
            }
            for running in [text, json] {
                #expect(kill(running.pid, SIGKILL) == 0)
                _ = try await sandbox.exitCode(of: running)
            }
            let lines = sandbox.readText(json.outputPath).split(separator: "\n").prefix(2)
            for line in lines { expectSchema(String(line), of: ["stats", "-o", "json"]) }
        }
    }

    @Test("Stats and the tree of processes refuse an unknown name and suggest a similar one")
    func refusesUnknownName() async throws {
        try await Sandbox.with(["web.yaml": Self.web]) { sandbox in
            #expect(try await sandbox.run("apply").exitCode == 0)
            for arguments in [["stats", "wbe"], ["tree", "wbe", "--processes"]] {
                let result = try await sandbox.result(of: sandbox.start(arguments))
                #expect(result.exitCode == 2)
                #expect(result.errorOutput.contains("did you mean `web`?"), "\(result.errorOutput)")
            }
        }
    }
}
