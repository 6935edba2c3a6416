import Foundation
import GRDB
import HeroLinux
import Testing

/// Values from outside of the manifests: `--var`, the environment, files.
@Suite("Variables", .serialized)
struct VariableTests {
    /// A one-shot that writes its environment to a file.
    private func printerManifest(_ host: TestHost, _ fields: [String] = [], action: [String] = []) -> String {
        let script = ["    script: env > \(host.root)/env.new && mv \(host.root)/env.new \(host.root)/env"]
        return (["kind: Service", "name: printer"] + fields + ["actions:", "  - name: print"] + script + action)
            .joined(separator: "\n") + "\n"
    }

    /// The environment that the printer found.
    private func printedEnvironment(_ host: TestHost) -> [String: String] {
        let pairs = host.readText(host.root + "/env").split(separator: "\n").map {
            $0.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        }
        return Dictionary(pairs.map { ($0[0], $0.last ?? "") }, uniquingKeysWith: { $1 })
    }

    @Test(
        "A revision keeps its --var values, also for another reconciler"
    )
    func variablesBelongToTheRevision() async throws {
        try await TestHost.with { host in
            try host.writeManifest(
                "printer.yaml",
                printerManifest(host, ["env: {PORT: \"${PORT}\", RUN: \"${XDG_RUNTIME_DIR}\"}"])
            )
            try host.declare("web", "description: on ${PORT}")
            let refused = try await host.run("apply")
            #expect(refused.exitCode == 2)
            #expect(refused.errorOutput.contains("the variable `PORT` has no value"), "\(refused.errorOutput)")

            #expect(try await host.run("apply", "--var", "PORT=8080").exitCode == 0)
            #expect(printedEnvironment(host)["PORT"] == "8080")
            #expect(try await host.run("diff", "--var", "PORT=8080").exitCode == 0)
            #expect(try await host.run("diff", "--var", "PORT=8081").exitCode == 1)
            let without = try await host.run("diff")
            #expect(without.exitCode == 2)
            #expect(
                without.errorOutput.contains("was applied with other values; set them again: --var PORT=..."),
                "\(without.errorOutput)"
            )
            #expect(try await host.run("status").exitCode == 0)

            let instance = try await host.runningInstance("web")
            // The next reconciler has no PORT and another XDG_RUNTIME_DIR in its environment. It reads the applied
            // revision.
            try await host.killReconciler()
            unlink(host.root + "/env")
            let other = ["HOME": "/nowhere", "PORT": "1"]
            let monitor = try host.start(["reconcile", "--watch", "--no-sync"], environment: other)
            try await eventually("the reconciler runs") { host.reconcilerPID == monitor.pid }
            #expect(try await host.run("diff", "--var", "PORT=8080").exitCode == 0)
            #expect(try await host.run("status").exitCode == 0)
            #expect(try await host.runningInstance("web").pid == instance.pid)
            #expect(!(try await host.run("events").output.contains("cannot read the manifests")))
            #expect(try await host.run("history", "-o", "json").output.contains("\"PORT\""))

            #expect(try await host.run("apply", "--var", "PORT=8081").exitCode == 0)
            #expect(printedEnvironment(host)["PORT"] == "8081")
            #expect(printedEnvironment(host)["RUN"] == host.environment["XDG_RUNTIME_DIR"])
        }
    }

    @Test("A revision that can no longer be read stops no service")
    func unreadableRevision() async throws {
        try await TestHost.with { host in
            try host.declare("web", "description: on ${PORT}")
            #expect(try await host.run("apply", "--var", "PORT=1").exitCode == 0)
            let instance = try await host.runningInstance("web")
            try await host.killReconciler()
            // Simulates a later version that cannot read what an earlier one applied.
            try await DatabaseQueue(path: host.databasePath).write {
                try $0.execute(sql: "UPDATE revisions SET variables = '{}'")
            }
            let monitor = try host.start(["reconcile", "--watch", "--no-sync"])
            try await eventually("the error is reported") {
                guard host.reconcilerPID == monitor.pid else { return false }
                return try await host.run("events").output.contains("cannot read the manifests of revision 1 any more")
            }
            #expect(try await host.run("apply", "--var", "PORT=1").exitCode == 0)
            #expect(isAlive(instance.pid))
            #expect(host.instances("web", "run").count == 1)
        }
    }

    @Test("A reconciler that syncs refuses an apply with other variable values")
    func reconcilerKeepsItsOwnValues() async throws {
        try await TestHost.with { host in
            try host.writeManifest("printer.yaml", printerManifest(host, ["env: {PORT: \"${PORT}\"}"]))
            let watcher = try host.start(["reconcile", "--watch", "--var", "PORT=1"])
            try await eventually("the printer has run") { printedEnvironment(host)["PORT"] == "1" }
            let other = try await host.run("apply", "--var", "PORT=2")
            #expect(other.exitCode == 2)
            #expect(other.errorOutput.contains("a different value of the variable `PORT`"), "\(other.errorOutput)")
            #expect(try await host.run("apply", "--var", "PORT=1").exitCode == 0)

            kill(watcher.pid, SIGTERM)
            #expect(try await host.exitCode(of: watcher) == 0)
            _ = try host.start(["reconcile", "--watch", "--var", "PORT=3"])
            try await eventually("the new value is applied") { printedEnvironment(host)["PORT"] == "3" }
        }
    }

    @Test("A --var without = or name is a usage error", arguments: ["PORT", "=1", "A B=1", "1A=1", ""])
    func malformedVariables(_ text: String) async throws {
        try await TestHost.with { host in
            for command in [["validate"], ["diff"], ["apply"], ["reconcile"]] {
                let running = try host.start(command + ["--var", text])
                #expect(try await host.exitCode(of: running) == 64)
            }
        }
    }

    @Test("The stronger of five environment layers sets a variable")
    func environmentLayers() async throws {
        try await TestHost.with { host in
            let weak = ["HOME", "SF", "SE", "AF", "AE"].map { "export \($0)='service.env'\r\n" }.joined()
            try host.writeManifest("service.env", weak)
            try host.writeManifest("action.env", "AF=action.env # stronger than the service's own\nAE=action.env\n")
            let service = ["env_file: [service.env]", "env: {SE: service, AF: service, AE: service}"]
            let action = ["    env_file: [action.env]", "    env: {AE: action}"]
            try host.writeManifest("printer.yaml", printerManifest(host, service, action: action))
            #expect(try await host.run("apply").exitCode == 0)
            let found = printedEnvironment(host)
            #expect(found["USER"]?.isEmpty == false)
            #expect(found["HOME"] == "service.env")
            #expect(found["SF"] == "service.env")
            #expect(found["SE"] == "service")
            #expect(found["AF"] == "action.env")
            #expect(found["AE"] == "action")
        }
    }

    @Test("The PATH of an env_file is used to find a program")
    func pathFromEnvironmentFile() async throws {
        try await TestHost.with { host in
            mkdir(host.root + "/bin", 0o700)
            let program = "#!/bin/sh\n/bin/echo found > \(host.root)/found\n"
            try Data(program.utf8).write(to: URL(fileURLWithPath: host.root + "/bin/my-own-program"))
            chmod(host.root + "/bin/my-own-program", 0o700)
            try host.writeManifest("path.env", "PATH=\(host.root)/bin\n")
            try host.writeManifest(
                "own.yaml",
                "kind: Service\nname: own\nenv_file: [path.env]\nactions: [{name: run, exec: [my-own-program]}]\n"
            )
            #expect(try await host.run("apply").exitCode == 0)
            #expect(host.readText(host.root + "/found") == "found\n")
        }
    }

    @Test("A missing environment file fails the start until it exists")
    func missingEnvironmentFile() async throws {
        try await TestHost.with { host in
            let retry = ["    retry: {max_attempts: 0, delay: 100ms, factor: 1}"]
            let token = host.servicesDirectory + "/token"
            try host.writeManifest(
                "printer.yaml",
                printerManifest(host, ["env: {TOKEN: {from_file: token}}"], action: retry)
            )
            let result = try await host.run("apply", "--timeout", "1s", "-o", "json")
            #expect(result.exitCode == 1)
            let reason = "cannot read the environment: `TOKEN` from \(token): No such file or directory"
            try await eventually("the reason is reported") {
                let jobs = try await host.run("jobs", "-o", "json").json["jobs"] as? [[String: Any]]
                return jobs?.contains { ($0["error"] as? String)?.hasPrefix(reason) ?? false } ?? false
            }
            try Data("let me in\n\n".utf8).write(to: URL(fileURLWithPath: token))
            try await eventually("the service is running") { printedEnvironment(host)["TOKEN"] == "let me in" }
        }
    }

    @Test("A secret is found only in the environment of its service (SE-1)")
    func secretsStayInTheEnvironment() async throws {
        try await TestHost.with { host in
            let canaries = ["canary-one-6b0f", "canary-two-9d1c"]
            try Data("\(canaries[0])\n".utf8).write(to: URL(fileURLWithPath: host.servicesDirectory + "/token"))
            try host.writeManifest("web.env", "PASSWORD=\(canaries[1])\n")
            let probe = "ready: {exec: [sh, -c, \"test -n \\\"$TOKEN$PASSWORD\\\"\"]}"
            try host.declare(
                "web",
                "env_file: [web.env]",
                actions: .process("sleep -1", "env: {TOKEN: {from_file: token}}", probe)
            )
            // A second service cannot start, and its reason appears in every output.
            try host.writeManifest("bad.env", "OTHER='\(canaries[1])\n")
            try host.declare("bad", "env_file: [bad.env]", actions: .oneShot("exit 0"))
            let applied = try await host.run("apply", "-o", "json")
            #expect(applied.exitCode == 1)
            #expect(
                applied.output.contains("bad.env, line 1: the quote that opens here is never closed"),
                "\(applied.output)"
            )

            let instance = try await host.runningInstance("web")
            let environment = host.readText("/proc/\(instance.pid)/environ")
            for canary in canaries { #expect(environment.contains(canary)) }

            var output = applied.output + applied.errorOutput
            for command in ["status", "events", "jobs", "history", "diff"] {
                let result = try await host.run(command, "-o", "json")
                output += result.output + result.errorOutput
            }
            for canary in canaries { #expect(!output.contains(canary)) }
            for directory in [host.stateDirectory, host.paths.run] {
                for name in try FileManager.default.subpathsOfDirectory(atPath: directory) {
                    guard let bytes = try? Data(contentsOf: URL(fileURLWithPath: "\(directory)/\(name)")) else {
                        continue
                    }
                    for canary in canaries {
                        #expect(bytes.range(of: Data(canary.utf8)) == nil, "\(directory)/\(name)")
                    }
                }
            }
            for pid in processIDs() {
                let commandLine = host.readText("/proc/\(pid)/cmdline")
                let isOwn = pid == instance.pid
                let variables = isOwn ? "" : host.readText("/proc/\(pid)/environ")
                for canary in canaries {
                    #expect(!commandLine.contains(canary) && !variables.contains(canary), "\(pid) \(commandLine)")
                }
            }
        }
    }

    @Test("Files of variables are read by each apply, and watched by a syncing reconciler")
    func variableFiles() async throws {
        try await TestHost.with { host in
            let file = host.servicesDirectory + "/.env"
            func write(_ text: String) throws { try Data(text.utf8).write(to: URL(filePath: file), options: .atomic) }
            try host.writeManifest(TestHost.settingsFile, "kind: Settings\nsettle: 0s\nvars_files: [.env]\n")
            try host.writeManifest(
                "web.yaml",
                "kind: Service\nname: web\nexec: [sh, -c, \"echo ${COLOR}; exec sleep 1000\"]\n"
            )
            let missing = try await host.run("apply")
            #expect(missing.exitCode == 2)
            #expect(missing.errorOutput.contains("unreadable-variables"), "\(missing.errorOutput)")
            func hasWritten(_ color: String) async throws -> Bool {
                try await host.run("logs", "web").output == color + "\n"
            }
            try write("COLOR=red\n")
            try await host.apply()
            try await eventually("the color of the file is written") { try await hasWritten("red") }
            try await host.expectEmptyDiff()
            try write("COLOR=blue\n")
            let plan = try await host.run("diff")
            #expect(plan.exitCode == 1 && plan.output.contains("blue"), "\(plan.output)")
            try await host.apply()
            try await eventually("the new color is written") { try await hasWritten("blue") }
            #expect(try await host.run("down").exitCode == 0)
            try await eventually("no reconciler runs") { host.reconcilerPID == nil }
            _ = try host.startReconciler()
            try await eventually("the color is written again") { try await hasWritten("blue") }
            try write("COLOR=green\n")
            try await eventually("the reconciler has seen the change") { try await hasWritten("green") }
        }
    }
}
