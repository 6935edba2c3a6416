import Foundation
import Glibc
import HeroLinux
import Testing

@Suite("Dev")
struct DevTests {
    private static func service(_ name: String, _ keys: String = "", text: String = "hello") -> String {
        """
        kind: Service
        name: \(name)
        \(keys)
        script: |
          echo "\(text)"
          exec sleep 1000
        stop: {timeout: 2s}
        """
    }

    /// Runs the body while `heroproc dev` runs.
    private static func withDev(
        _ manifests: [String: String],
        _ arguments: String...,
        body: (Sandbox, RunningCommand) async throws -> Void
    ) async throws {
        try await Sandbox.with(manifests) { sandbox in
            let dev = try sandbox.start(["dev", "--state", sandbox.stateDirectory] + arguments)
            do {
                try await body(sandbox, dev)
            } catch {
                kill(dev.pid, SIGKILL)
                throw error
            }
        }
    }

    @Test("Dev shows output, applies edits in a line, and stops all on Ctrl-C")
    func runsServices() async throws {
        try await Self.withDev(["web.yaml": Self.service("web", "protect: true")]) { sandbox, dev in
            let shows = { (text: String) in sandbox.readText(dev.outputPath).contains(text) }
            let reports = { (text: String) in sandbox.readText(dev.errorPath).contains(text) }
            try await eventually("the first output") { shows("web | hello\n") }
            #expect(reports("heroproc | Plan: 1 to start.\n"))
            try sandbox.writeManifest("web.yaml", Self.service("web", "protect: true", text: "changed"))
            try await eventually("the changed output") { shows("web | changed\n") }
            #expect(reports("heroproc | Plan: 1 to restart.\n"), "a protected service restarts too")
            let before = try #require(try await sandbox.firstAction("web"))
            try sandbox.writeManifest("web.yaml", "kind: Service\nname: web\nrequire: [db]\nexec: [sleep, 1]\n")
            try await eventually("the refused edit") { reports("unknown key `require`") && reports("did you mean") }
            #expect(try await sandbox.firstAction("web")?.pid == before.pid, "a refused edit changes nothing")
            #expect(kill(dev.pid, SIGINT) == 0)
            #expect(try await sandbox.exitCode(of: dev) == 0)
            #expect(!isAlive(before.pid))
        }
    }

    @Test("Dev with names runs only these services and what they require")
    func runsSelectedServices() async throws {
        let manifests = [
            "web.yaml": Self.service("web", "requires: [db]"), "db.yaml": Self.service("db"),
            "other.yaml": Self.service("other"),
        ]
        try await Self.withDev(manifests, "web") { sandbox, dev in
            try await eventually("web runs") { try await sandbox.firstAction("web") != nil }
            #expect(try await sandbox.firstAction("db") != nil)
            #expect(try await sandbox.firstAction("other") == nil)
            #expect(kill(dev.pid, SIGTERM) == 0)
            #expect(try await sandbox.exitCode(of: dev) == 0)
            let unknown = try await sandbox.run("dev", "--state", sandbox.stateDirectory, "wbe")
            #expect(unknown.exitCode == 2 && unknown.errorOutput.contains("did you mean `web`?"))
        }
    }

    @Test("A second Ctrl-C kills a program that ignores the stop signal")
    func killsOnSecondInterrupt() async throws {
        let stubborn =
            "kind: Service\nname: web\nstop: {timeout: 10m}\nscript: |\n  trap '' TERM\n  echo up\n"
            + "  while true; do sleep 0.05; done\n"
        try await Self.withDev(["web.yaml": stubborn]) { sandbox, dev in
            try await eventually("it runs") { sandbox.readText(dev.outputPath).contains("web | up") }
            let before = try #require(try await sandbox.firstAction("web"))
            #expect(kill(dev.pid, SIGINT) == 0)
            try await eventually("it is being stopped") {
                try await sandbox.run("status", "-o", "json").output.contains("\"stopping\"")
            }
            #expect(isAlive(before.pid))
            #expect(kill(dev.pid, SIGINT) == 0)
            #expect(try await sandbox.exitCode(of: dev) == 0)
            try await eventually("its program is killed") { !isAlive(before.pid) }
        }
    }

    @Test("Dev uses a state directory of its own for each services directory")
    func hasOwnState() async throws {
        try await Sandbox.with(["web.yaml": Self.service("web")]) { sandbox in
            let dev = try sandbox.start(["dev"])
            try await eventually("it runs") { sandbox.readText(dev.outputPath).contains("web | hello") }
            #expect(!sandbox.hasState)
            let words = sandbox.readText(dev.errorPath).split(separator: " ").map(String.init)
            let state = try #require(words.first { $0.contains("/dev/") })
            let other = try sandbox.start(["dev"])
            #expect(try await sandbox.exitCode(of: other) == 2)
            #expect(kill(dev.pid, SIGINT) == 0)
            #expect(try await sandbox.exitCode(of: dev) == 0)
            let path = state.trimmingCharacters(in: [":"])
            let run = RuntimePaths.resolve(state: path, environment: sandbox.environment).run
            runShell("rm -r \(shellQuoted(path)) \(shellQuoted(run))")
        }
    }
}
