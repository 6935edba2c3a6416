import Foundation
import GRDB
import HeroLinux
import Testing

/// Values that come from outside of the manifests: `--var`, the environment, files.
@Suite("Variables", .serialized)
struct VariableTests {
    /// A one-shot that writes its environment down.
    private func printerManifest(_ world: TestHost, _ keys: [String] = [], action: [String] = []) -> String {
        let script = ["    script: env > \(world.root)/env.new && mv \(world.root)/env.new \(world.root)/env"]
        return (["kind: Service", "name: printer"] + keys + ["actions:", "  - name: print"] + script + action)
            .joined(separator: "\n") + "\n"
    }

    /// What the printer found.
    private func printedEnvironment(_ world: TestHost) -> [String: String] {
        let pairs = world.readText(world.root + "/env").split(separator: "\n").map {
            $0.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        }
        return Dictionary(pairs.map { ($0[0], $0.last ?? "") }, uniquingKeysWith: { $1 })
    }

    @Test(
        "--var belongs to the revision: diff wants it again, and a background reconciler with another environment keeps it"
    )
    func variablesBelongToTheRevision() async throws {
        try await TestHost.with { world in
            try world.writeManifest(
                "printer.yaml",
                printerManifest(world, ["env: {PORT: \"${PORT}\", RUN: \"${XDG_RUNTIME_DIR}\"}"])
            )
            try world.declare("web", "description: on ${PORT}")
            let refused = try await world.run("apply")
            #expect(refused.exitCode == 2)
            #expect(refused.errorOutput.contains("the variable `PORT` has no value"), "\(refused.errorOutput)")

            #expect(try await world.run("apply", "--var", "PORT=8080").exitCode == 0)
            #expect(printedEnvironment(world)["PORT"] == "8080")
            #expect(try await world.run("diff", "--var", "PORT=8080").exitCode == 0)
            #expect(try await world.run("diff", "--var", "PORT=8081").exitCode == 1)
            let without = try await world.run("diff")
            #expect(without.exitCode == 2)
            #expect(
                without.errorOutput.contains("was applied with a value of its own; give it again: --var PORT=..."),
                "\(without.errorOutput)"
            )
            #expect(try await world.run("status").exitCode == 0)

            let life = try await world.runningInstance("web")
            // The next reconciler has no PORT and another XDG_RUNTIME_DIR in its environment; it reads what was applied.
            try await world.killReconciler()
            unlink(world.root + "/env")
            let other = ["HOME": "/nowhere", "PORT": "1"]
            let keeper = try world.start(["reconcile", "--watch", "--no-sync"], extra: other)
            try await eventually("the keeper lives") { world.reconcilerPID == keeper.pid }
            #expect(try await world.run("diff", "--var", "PORT=8080").exitCode == 0)
            #expect(try await world.run("status").exitCode == 0)
            #expect(try await world.runningInstance("web").pid == life.pid)
            #expect(!(try await world.run("events").output.contains("cannot read the manifests")))
            #expect(try await world.run("history", "-o", "json").output.contains("\"PORT\""))

            #expect(try await world.run("apply", "--var", "PORT=8081").exitCode == 0)
            #expect(printedEnvironment(world)["PORT"] == "8081")
            #expect(printedEnvironment(world)["RUN"] == world.environment["XDG_RUNTIME_DIR"])
        }
    }

    @Test("a revision that cannot be read any more stops nothing")
    func unreadableRevision() async throws {
        try await TestHost.with { world in
            try world.declare("web", "description: on ${PORT}")
            #expect(try await world.run("apply", "--var", "PORT=1").exitCode == 0)
            let life = try await world.runningInstance("web")
            try await world.killReconciler()
            // As if a later version could not read what an earlier one has taken.
            try await DatabaseQueue(path: world.databasePath).write {
                try $0.execute(sql: "UPDATE revisions SET variables = '{}'")
            }
            let keeper = try world.start(["reconcile", "--watch", "--no-sync"])
            try await eventually("the keeper says so") {
                guard world.reconcilerPID == keeper.pid else { return false }
                return try await world.run("events").output.contains("cannot read the manifests of revision 1 any more")
            }
            #expect(try await world.run("apply", "--var", "PORT=1").exitCode == 0)
            #expect(isAlive(life.pid))
            #expect(world.instances("web", "run").count == 1)
        }
    }

    @Test("a reconciler that syncs uses its own values, and refuses an apply that means others")
    func reconcilerKeepsItsOwnValues() async throws {
        try await TestHost.with { world in
            try world.writeManifest("printer.yaml", printerManifest(world, ["env: {PORT: \"${PORT}\"}"]))
            let watcher = try world.start(["reconcile", "--watch", "--var", "PORT=1"])
            try await eventually("the printer has run") { printedEnvironment(world)["PORT"] == "1" }
            let other = try await world.run("apply", "--var", "PORT=2")
            #expect(other.exitCode == 2)
            #expect(other.errorOutput.contains("a different value of the variable `PORT`"), "\(other.errorOutput)")
            #expect(try await world.run("apply", "--var", "PORT=1").exitCode == 0)

            kill(watcher.pid, SIGTERM)
            #expect(try await world.exitCode(of: watcher) == 0)
            _ = try world.start(["reconcile", "--watch", "--var", "PORT=3"])
            try await eventually("the new value is applied") { printedEnvironment(world)["PORT"] == "3" }
        }
    }

    @Test("--var without `=` or without a name is a usage mistake", arguments: ["PORT", "=1", "A B=1", "1A=1", ""])
    func malformedVariables(_ text: String) async throws {
        try await TestHost.with { world in
            for command in [["validate"], ["diff"], ["apply"], ["reconcile"]] {
                let running = try world.start(command + ["--var", text])
                #expect(try await world.exitCode(of: running) == 64)
            }
        }
    }

    @Test("of five layers of an environment the stronger one counts")
    func environmentLayers() async throws {
        try await TestHost.with { world in
            let weak = ["HOME", "SF", "SE", "AF", "AE"].map { "export \($0)='service.env'\r\n" }.joined()
            try world.writeManifest("service.env", weak)
            try world.writeManifest("action.env", "AF=action.env # stronger than the service's own\nAE=action.env\n")
            let service = ["env_file: [service.env]", "env: {SE: service, AF: service, AE: service}"]
            let action = ["    env_file: [action.env]", "    env: {AE: action}"]
            try world.writeManifest("printer.yaml", printerManifest(world, service, action: action))
            #expect(try await world.run("apply").exitCode == 0)
            let found = printedEnvironment(world)
            #expect(found["USER"]?.isEmpty == false)
            #expect(found["HOME"] == "service.env")
            #expect(found["SF"] == "service.env")
            #expect(found["SE"] == "service")
            #expect(found["AF"] == "action.env")
            #expect(found["AE"] == "action")
        }
    }

    @Test("a program is looked up in the PATH of an env_file, too")
    func pathFromEnvironmentFile() async throws {
        try await TestHost.with { world in
            mkdir(world.root + "/bin", 0o700)
            let program = "#!/bin/sh\n/bin/echo found > \(world.root)/found\n"
            try Data(program.utf8).write(to: URL(fileURLWithPath: world.root + "/bin/my-own-program"))
            chmod(world.root + "/bin/my-own-program", 0o700)
            try world.writeManifest("path.env", "PATH=\(world.root)/bin\n")
            try world.writeManifest(
                "own.yaml",
                "kind: Service\nname: own\nenv_file: [path.env]\nactions: [{name: run, exec: [my-own-program]}]\n"
            )
            #expect(try await world.run("apply").exitCode == 0)
            #expect(world.readText(world.root + "/found") == "found\n")
        }
    }

    @Test("a file that is missing or wrong is a start that failed, is named, and is tried again until it is there")
    func missingEnvironmentFile() async throws {
        try await TestHost.with { world in
            let retry = ["    retry: {max_attempts: 0, delay: 100ms, factor: 1}"]
            let token = world.servicesDirectory + "/token"
            try world.writeManifest(
                "printer.yaml",
                printerManifest(world, ["env: {TOKEN: {from_file: token}}"], action: retry)
            )
            let answer = try await world.run("apply", "--timeout", "1s", "-o", "json")
            #expect(answer.exitCode == 1)
            let reason = "cannot read the environment: `TOKEN` from \(token): No such file or directory"
            try await eventually("the reason is told") {
                let jobs = try await world.run("jobs", "-o", "json").json["jobs"] as? [[String: Any]]
                return jobs?.contains { ($0["error"] as? String)?.hasPrefix(reason) ?? false } ?? false
            }
            try Data("let me in\n\n".utf8).write(to: URL(fileURLWithPath: token))
            try await eventually("it runs") { printedEnvironment(world)["TOKEN"] == "let me in" }
        }
    }

    @Test("SE-1: a secret is in the service's environment and nowhere else")
    func secretsStayInTheEnvironment() async throws {
        try await TestHost.with { world in
            let canaries = ["canary-one-6b0f", "canary-two-9d1c"]
            try Data("\(canaries[0])\n".utf8).write(to: URL(fileURLWithPath: world.servicesDirectory + "/token"))
            try world.writeManifest("web.env", "PASSWORD=\(canaries[1])\n")
            let probe = "ready: {exec: [sh, -c, \"test -n \\\"$TOKEN$PASSWORD\\\"\"]}"
            try world.declare(
                "web",
                "env_file: [web.env]",
                actions: .process("sleep -1", "env: {TOKEN: {from_file: token}}", probe)
            )
            // And one that cannot start, whose reason is told everywhere.
            try world.writeManifest("bad.env", "OTHER='\(canaries[1])\n")
            try world.declare("bad", "env_file: [bad.env]", actions: .oneShot("exit 0"))
            let applied = try await world.run("apply", "-o", "json")
            #expect(applied.exitCode == 1)
            #expect(
                applied.output.contains("bad.env, line 1: the quote that opens here is never closed"),
                "\(applied.output)"
            )

            let life = try await world.runningInstance("web")
            let environment = world.readText("/proc/\(life.pid)/environ")
            for canary in canaries { #expect(environment.contains(canary)) }

            var said = applied.output + applied.errorOutput
            for command in ["status", "events", "jobs", "history", "diff"] {
                let answer = try await world.run(command, "-o", "json")
                said += answer.output + answer.errorOutput
            }
            for canary in canaries { #expect(!said.contains(canary)) }
            for folder in [world.stateDirectory, world.paths.run] {
                for name in try FileManager.default.subpathsOfDirectory(atPath: folder) {
                    guard let bytes = try? Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)")) else { continue }
                    for canary in canaries { #expect(bytes.range(of: Data(canary.utf8)) == nil, "\(folder)/\(name)") }
                }
            }
            for pid in processIDs() {
                let words = world.readText("/proc/\(pid)/cmdline")
                let isOwn = pid == life.pid
                let variables = isOwn ? "" : world.readText("/proc/\(pid)/environ")
                for canary in canaries {
                    #expect(!words.contains(canary) && !variables.contains(canary), "\(pid) \(words)")
                }
            }
        }
    }
}
