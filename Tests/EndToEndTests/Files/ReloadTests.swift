import Foundation
import Glibc
import Testing

/// `reload` with real processes.
@Suite("Reloads", .serialized)
struct ReloadTests {
    /// A service that copies its file to `seen` at its start and at each SIGHUP.
    private struct Reader {
        let host: TestHost
        var file: String { host.root + "/web.conf" }
        var seen: String { host.root + "/seen" }

        func declare(_ reload: String, _ fields: String...) throws {
            let lines =
                [
                    "kind: Service", "name: web", "files: [\(file)]", "reload: \(reload)", "env: {MARK: yes-it-is}",
                    "cwd: \(host.root)", "ready: {exec: [test, -s, \(seen)]}", "restart: on_failure",
                ] + fields + [
                    "script: |", "  trap 'cat \(file) >> \(seen)' HUP", "  cat \(file) >> \(seen)",
                    "  while :; do sleep 0.05; done",
                ]
            try host.writeManifest("web.yaml", lines.joined(separator: "\n") + "\n")
        }

        func write(_ text: String) throws {
            try (text + "\n").write(toFile: file, atomically: true, encoding: .utf8)
        }

        func waitUntilSeen(_ texts: String...) async throws {
            try await eventually("the program has read \(texts)") {
                host.readText(seen).split(separator: "\n").map(String.init) == texts
            }
        }

        func pid() async throws -> Int? { try await host.actionStatus("web", "main")["pid"] as? Int }
    }

    /// The action of the only change that `diff` shows; nil without a change.
    private func action(_ host: TestHost) async throws -> String? {
        let diff = try await host.run("diff", "-o", "json")
        let changes = (diff.json["changes"] as? [[String: Any]] ?? []).filter { $0["action"] as? String != "keep" }
        #expect(changes.count == Int(diff.exitCode), "\(diff.output)\(diff.errorOutput)")
        return changes.first?["action"] as? String
    }

    @Test("A reload by signal keeps the process, and its dependents are not touched")
    func bySignal() async throws {
        try await TestHost.with { host in
            let web = Reader(host: host)
            try web.write("one")
            try web.declare("{signal: HUP}")
            try host.declare("user", "requires: [web]")
            try await host.apply()
            let pid = try await web.pid()
            try web.write("two")
            #expect(try await action(host) == "reload")
            #expect(try await host.run("diff").output.contains("~ core/web  reload  \(web.file) has changed"))
            let applied = try await host.run("apply")
            #expect(applied.exitCode == 0, "\(applied.output)\(applied.errorOutput)")
            #expect((applied.output + applied.errorOutput).contains("reloaded"))
            try await web.waitUntilSeen("one", "two")
            #expect(try await web.pid() == pid)
            #expect(host.instances("user").count == 1)
            #expect(try await action(host) == nil)
            #expect(try await host.run("events").output.contains("reloaded: \(web.file) has changed"))
        }
    }

    @Test("A reload command runs with the environment, the user and the directory of its action")
    func byCommand() async throws {
        try await TestHost.with { host in
            let web = Reader(host: host)
            try web.write("one")
            try web.declare("{exec: [sh, -c, 'echo $$MARK $$(pwd) $$(id -u) > ran']}")
            try await host.apply()
            let pid = try await web.pid()
            try web.write("two")
            try await host.apply()
            #expect(host.readText(host.root + "/ran") == "yes-it-is \(host.root) \(geteuid())\n")
            #expect(try await web.pid() == pid)
            #expect(try await action(host) == nil)
        }
    }

    @Test("A failed reload restarts nothing, is shown, and stays in the plan")
    func failed() async throws {
        try await TestHost.with { host in
            let web = Reader(host: host)
            try web.write("good")
            try web.declare("{exec: [sh, -c, 'grep -q good web.conf || { echo it is broken >&2; exit 3; }']}")
            try await host.apply()
            let pid = try await web.pid()
            try web.write("bad")
            let applied = try await host.run("apply")
            #expect(applied.exitCode == 1)
            #expect((applied.output + applied.errorOutput).contains("its reload failed"), "\(applied.errorOutput)")
            #expect(try await web.pid() == pid)
            let status = try await host.run("status")
            #expect(status.exitCode == 1 && status.output.contains("reload failed"), "\(status.output)")
            let failure = try await host.actionStatus("web", "main")["reload_failed"] as? String
            #expect(failure?.contains("it is broken") == true)
            #expect(try await host.run("why", "web").output.contains("reload failed"))
            #expect(try await action(host) == "reload")
            #expect(try await host.run("diff").output.contains("its last reload failed"))
            try web.write("good again")
            try await host.apply()
            #expect(try await host.run("status").exitCode == 0)
            #expect(try await web.pid() == pid)
        }
    }

    @Test("A syncing reconciler reloads a changed file through links, and shows a failure")
    func watched() async throws {
        try await TestHost.with { host in
            let web = Reader(host: host)
            for (number, text) in ["one", "two", "three"].enumerated() {
                try "\(text)\n".write(toFile: host.root + "/v\(number)", atomically: true, encoding: .utf8)
            }
            try #require(symlink("v0", web.file) == 0)
            try web.declare("{signal: HUP}")
            let reconciler = try host.startReconciler()
            try await web.waitUntilSeen("one")
            try await eventually("the service is up") { try await host.run("status").exitCode == 0 }
            let pid = try await web.pid()
            try #require(symlink("v1", host.root + "/next") == 0)
            try #require(rename(host.root + "/next", web.file) == 0)
            try await web.waitUntilSeen("one", "two")
            try "four\n".write(toFile: host.root + "/v1", atomically: false, encoding: .utf8)
            try await web.waitUntilSeen("one", "two", "four")
            #expect(try await web.pid() == pid)
            try web.declare("{exec: [false]}")
            try #require(unlink(web.file) == 0)
            try web.write("five")
            try await eventually("the failure is shown") {
                try await host.run("status").output.contains("reload failed")
            }
            #expect(try await web.pid() == pid)
            kill(reconciler.pid, SIGTERM)
            #expect(try await host.exitCode(of: reconciler) == 0)
        }
    }

    @Test("A changed file restarts no protected service without a person")
    func protected() async throws {
        try await TestHost.with { host in
            let file = host.root + "/web.conf"
            try "one".write(toFile: file, atomically: true, encoding: .utf8)
            try host.declare("web", "files: [\(file)]", "protect: true")
            try host.declare("other", "files: [\(file)]", "status: start")
            let reconciler = try host.startReconciler()
            _ = try await host.runningInstance("web", number: 1)
            _ = try await host.runningInstance("other", number: 1)
            try await eventually("both are up") { try await host.run("status").exitCode == 0 }
            try "two".write(toFile: file, atomically: true, encoding: .utf8)
            _ = try await host.waitForEvent("error", "has changed, and nothing was changed")
            #expect(host.instances("web").count == 1)
            #expect(try await host.run("apply", "--allow-protected").exitCode == 0)
            _ = try await host.runningInstance("web", number: 2)
            kill(reconciler.pid, SIGTERM)
            #expect(try await host.exitCode(of: reconciler) == 0)
        }
    }
}
