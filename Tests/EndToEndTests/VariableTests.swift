import Foundation
import GRDB
import HeroLinux
import Testing

/// Values that come from outside of the manifests: `--var`, the environment, files.
@Suite("Variables", .serialized)
struct VariableTests {
    /// A one-shot that writes its environment down.
    private func printer(_ world: World, _ keys: [String] = [], action: [String] = []) -> String {
        let script = ["    script: env > \(world.root)/env.new && mv \(world.root)/env.new \(world.root)/env"]
        return (["kind: Service", "name: printer"] + keys + ["actions:", "  - name: print"] + script + action)
            .joined(separator: "\n") + "\n"
    }

    /// What the printer found.
    private func printed(_ world: World) -> [String: String] {
        let pairs = world.text(world.root + "/env").split(separator: "\n").map {
            $0.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        }
        return Dictionary(pairs.map { ($0[0], $0.last ?? "") }, uniquingKeysWith: { $1 })
    }

    @Test(
        "--var belongs to the revision: diff wants it again, and a background reconciler with another environment keeps it"
    )
    func revision() async throws {
        try await World.with { world in
            try world.write("printer.yaml", printer(world, ["env: {PORT: \"${PORT}\", RUN: \"${XDG_RUNTIME_DIR}\"}"]))
            try world.declare("web", "description: on ${PORT}")
            let refused = try await world.run("apply")
            #expect(refused.code == 2)
            #expect(refused.err.contains("the variable `PORT` has no value"), "\(refused.err)")

            #expect(try await world.run("apply", "--var", "PORT=8080").code == 0)
            #expect(printed(world)["PORT"] == "8080")
            #expect(try await world.run("diff", "--var", "PORT=8080").code == 0)
            #expect(try await world.run("diff", "--var", "PORT=8081").code == 1)
            let without = try await world.run("diff")
            #expect(without.code == 2)
            #expect(
                without.err.contains("was applied with a value of its own; give it again: --var PORT=..."),
                "\(without.err)"
            )
            #expect(try await world.run("status").code == 0)

            let life = try await world.life("web")
            // The next reconciler has no PORT and another XDG_RUNTIME_DIR in its environment; it reads what was applied.
            try await world.killReconciler()
            unlink(world.root + "/env")
            let other = ["HOME": "/nowhere", "PORT": "1"]
            let keeper = try world.start(["reconcile", "--watch", "--no-sync"], extra: other)
            try await eventually("the keeper lives") { world.reconciler == keeper.pid }
            #expect(try await world.run("diff", "--var", "PORT=8080").code == 0)
            #expect(try await world.run("status").code == 0)
            #expect(try await world.life("web").pid == life.pid)
            #expect(!(try await world.run("events").out.contains("cannot read the manifests")))
            #expect(try await world.run("history", "-o", "json").out.contains("\"PORT\""))

            #expect(try await world.run("apply", "--var", "PORT=8081").code == 0)
            #expect(printed(world)["PORT"] == "8081")
            #expect(printed(world)["RUN"] == world.environment["XDG_RUNTIME_DIR"])
        }
    }

    @Test("a revision that cannot be read any more stops nothing")
    func unreadable() async throws {
        try await World.with { world in
            try world.declare("web", "description: on ${PORT}")
            #expect(try await world.run("apply", "--var", "PORT=1").code == 0)
            let life = try await world.life("web")
            try await world.killReconciler()
            // As if a later version could not read what an earlier one has taken.
            try await DatabaseQueue(path: world.database).write {
                try $0.execute(sql: "UPDATE revisions SET variables = '{}'")
            }
            let keeper = try world.start(["reconcile", "--watch", "--no-sync"])
            try await eventually("the keeper says so") {
                guard world.reconciler == keeper.pid else { return false }
                return try await world.run("events").out.contains("cannot read the manifests of revision 1 any more")
            }
            #expect(try await world.run("apply", "--var", "PORT=1").code == 0)
            #expect(isAlive(life.pid))
            #expect(world.lives("web", "run").count == 1)
        }
    }

    @Test("a reconciler that syncs uses its own values, and refuses an apply that means others")
    func sync() async throws {
        try await World.with { world in
            try world.write("printer.yaml", printer(world, ["env: {PORT: \"${PORT}\"}"]))
            let watcher = try world.start(["reconcile", "--watch", "--var", "PORT=1"])
            try await eventually("the printer has run") { printed(world)["PORT"] == "1" }
            let other = try await world.run("apply", "--var", "PORT=2")
            #expect(other.code == 2)
            #expect(other.err.contains("another value of the variable `PORT`"), "\(other.err)")
            #expect(try await world.run("apply", "--var", "PORT=1").code == 0)

            kill(watcher.pid, SIGTERM)
            #expect(try await world.code(of: watcher) == 0)
            _ = try world.start(["reconcile", "--watch", "--var", "PORT=3"])
            try await eventually("the new value is applied") { printed(world)["PORT"] == "3" }
        }
    }

    @Test("--var without `=` or without a name is a usage mistake", arguments: ["PORT", "=1", "A B=1", "1A=1", ""])
    func usage(_ text: String) async throws {
        try await World.with { world in
            for command in [["validate"], ["diff"], ["apply"], ["reconcile"]] {
                let running = try world.start(command + ["--var", text])
                #expect(try await world.code(of: running) == 64)
            }
        }
    }

    @Test("of five layers of an environment the stronger one counts")
    func layers() async throws {
        try await World.with { world in
            let weak = ["HOME", "SF", "SE", "AF", "AE"].map { "export \($0)='service.env'\r\n" }.joined()
            try world.write("service.env", weak)
            try world.write("action.env", "AF=action.env # stronger than the service's own\nAE=action.env\n")
            let service = ["env_file: [service.env]", "env: {SE: service, AF: service, AE: service}"]
            let action = ["    env_file: [action.env]", "    env: {AE: action}"]
            try world.write("printer.yaml", printer(world, service, action: action))
            #expect(try await world.run("apply").code == 0)
            let found = printed(world)
            #expect(found["USER"]?.isEmpty == false)
            #expect(found["HOME"] == "service.env")
            #expect(found["SF"] == "service.env")
            #expect(found["SE"] == "service")
            #expect(found["AF"] == "action.env")
            #expect(found["AE"] == "action")
        }
    }

    @Test("a program is looked up in the PATH of an env_file, too")
    func path() async throws {
        try await World.with { world in
            mkdir(world.root + "/bin", 0o700)
            let program = "#!/bin/sh\n/bin/echo found > \(world.root)/found\n"
            try Data(program.utf8).write(to: URL(fileURLWithPath: world.root + "/bin/my-own-program"))
            chmod(world.root + "/bin/my-own-program", 0o700)
            try world.write("path.env", "PATH=\(world.root)/bin\n")
            try world.write(
                "own.yaml",
                "kind: Service\nname: own\nenv_file: [path.env]\nactions: [{name: run, exec: [my-own-program]}]\n"
            )
            #expect(try await world.run("apply").code == 0)
            #expect(world.text(world.root + "/found") == "found\n")
        }
    }

    @Test("a file that is missing or wrong is a start that failed, is named, and is tried again until it is there")
    func missing() async throws {
        try await World.with { world in
            let retry = ["    retry: {max_attempts: 0, delay: 100ms, factor: 1}"]
            let token = world.services + "/token"
            try world.write("printer.yaml", printer(world, ["env: {TOKEN: {from_file: token}}"], action: retry))
            let answer = try await world.run("apply", "--timeout", "1s", "-o", "json")
            #expect(answer.code == 1)
            let reason = "cannot read the environment: `TOKEN` from \(token): No such file or directory"
            try await eventually("the reason is told") {
                let jobs = try await world.run("jobs", "-o", "json").json["jobs"] as? [[String: Any]]
                return jobs?.contains { ($0["error"] as? String)?.hasPrefix(reason) ?? false } ?? false
            }
            try Data("let me in\n\n".utf8).write(to: URL(fileURLWithPath: token))
            try await eventually("it runs") { printed(world)["TOKEN"] == "let me in" }
        }
    }

    @Test("SE-1: a secret is in the service's environment and nowhere else")
    func secrets() async throws {
        try await World.with { world in
            let canaries = ["canary-one-6b0f", "canary-two-9d1c"]
            try Data("\(canaries[0])\n".utf8).write(to: URL(fileURLWithPath: world.services + "/token"))
            try world.write("web.env", "PASSWORD=\(canaries[1])\n")
            let probe = "ready: {exec: [sh, -c, \"test -n \\\"$TOKEN$PASSWORD\\\"\"]}"
            try world.declare(
                "web",
                "env_file: [web.env]",
                does: .process("sleep -1", "env: {TOKEN: {from_file: token}}", probe)
            )
            // And one that cannot start, whose reason is told everywhere.
            try world.write("bad.env", "OTHER='\(canaries[1])\n")
            try world.declare("bad", "env_file: [bad.env]", does: .once("exit 0"))
            let applied = try await world.run("apply", "-o", "json")
            #expect(applied.code == 1)
            #expect(
                applied.out.contains("bad.env, line 1: the quote that opens here is never closed"),
                "\(applied.out)"
            )

            let life = try await world.life("web")
            let environment = world.text("/proc/\(life.pid)/environ")
            for canary in canaries { #expect(environment.contains(canary)) }

            var said = applied.out + applied.err
            for command in ["status", "events", "jobs", "history", "diff"] {
                let answer = try await world.run(command, "-o", "json")
                said += answer.out + answer.err
            }
            for canary in canaries { #expect(!said.contains(canary)) }
            for folder in [world.state, world.paths.run] {
                for name in try FileManager.default.subpathsOfDirectory(atPath: folder) {
                    guard let bytes = try? Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)")) else { continue }
                    for canary in canaries { #expect(bytes.range(of: Data(canary.utf8)) == nil, "\(folder)/\(name)") }
                }
            }
            for pid in processIDs() {
                let words = world.text("/proc/\(pid)/cmdline")
                let isOwn = pid == life.pid
                let variables = isOwn ? "" : world.text("/proc/\(pid)/environ")
                for canary in canaries {
                    #expect(!words.contains(canary) && !variables.contains(canary), "\(pid) \(words)")
                }
            }
        }
    }
}
