import Foundation
import Glibc
import Testing

/// Differences between recorded and actual state, as `diff` shows them before any action.
@Suite("Drift and reclaims in a plan", .serialized)
struct DriftTests {
    /// The result of `diff` apart from the changes.
    struct Findings {
        let code: Int32
        let text: String
        /// `SERVICE.ACTION KIND: TEXT` of each drift.
        let drift: [String]
        /// `SERVICE.ACTION RESOURCE PID KEY` of each reclaim.
        let reclaims: [String]
    }

    private static func findings(_ host: TestHost, _ options: String...) async throws -> Findings {
        let result = try await host.run(["diff", "-o", "json"] + options)
        let plan = result.json
        let drift = try #require(plan["drift"] as? [[String: Any]], "\(result.output)\(result.errorOutput)")
        let reclaims = try #require(plan["reclaims"] as? [[String: Any]])
        return Findings(
            code: result.exitCode,
            text: result.output,
            drift: drift.map {
                "\($0["service"] ?? "").\($0["action"] ?? "") \($0["kind"] ?? ""): \($0["text"] ?? "")"
            },
            reclaims: reclaims.map {
                "\($0["service"] ?? "").\($0["action"] ?? "") \($0["resource"] ?? "") \($0["pid"] ?? "")"
                    + " \($0["allowed_by"] ?? "")"
            }
        )
    }

    @Test("A service that holds its own port and socket is no drift")
    func noDrift() async throws {
        try await TestHost.with { host in
            let (port, socket) = (try freePort(), host.root + "/web.sock")
            let fields = ["tcp_ports: [\(port)]", "sockets: [\(socket)]"]
            try host.declare("web", actions: .process("listen \(port) listen-unix \(socket)", fields[0], fields[1]))
            try await host.apply()
            let found = try await Self.findings(host)
            #expect(found.code == 0 && found.drift == [] && found.reclaims == [], "\(found.text)")
        }
    }

    @Test("A removed socket of a running listener is drift (SK-1)")
    func socketGone() async throws {
        try await TestHost.with { host in
            let socket = host.root + "/web.sock"
            try host.declare("web", actions: .process("listen-unix \(socket)", "sockets: [\(socket)]"))
            try await host.apply()
            try #require(unlink(socket) == 0)
            let found = try await Self.findings(host)
            #expect(found.code == 0)
            #expect(found.drift.count == 1, "\(found.text)")
            #expect(found.drift.first?.hasPrefix("core/web.run socket_gone: socket \(socket) was removed") == true)
        }
    }

    @Test("A process that ended while the reconciler is suspended is drift")
    func processGone() async throws {
        try await TestHost.with { host in
            try host.declare("web", actions: .process())
            try await host.apply()
            let instance = try await host.runningInstance("web", number: 1)
            let reconciler = try #require(host.reconcilerPID)
            #expect(kill(reconciler, SIGSTOP) == 0)
            kill(instance.pid, SIGKILL)
            try await eventually("the process is gone") { !isAlive(instance.pid) }
            let found = try await Self.findings(host)
            #expect(kill(reconciler, SIGCONT) == 0)
            #expect(found.code == 0)
            #expect(found.drift == ["core/web.run process_gone: process \(instance.pid) is gone"], "\(found.text)")
        }
    }

    @Test("A service that died without a reconciler is a change, and its dependents stay up")
    func diedWithoutReconciler() async throws {
        try await TestHost.with { host in
            try host.declare("db", actions: .process())
            try host.declare("web", "requires: [db]", actions: .process())
            try await host.apply()
            let db = try await host.runningInstance("db", number: 1)
            let web = try await host.runningInstance("web", number: 1)
            try await host.killReconciler()
            kill(db.pid, SIGKILL)
            try await eventually("the process is gone") { !isAlive(db.pid) }
            let diff = try await host.run(["diff", "-o", "json"])
            #expect(diff.exitCode == 1, "\(diff.output)")
            let changes = try #require(diff.json["changes"] as? [[String: Any]])
            let change = try #require(changes.first { $0["service"] as? String == "core/db" })
            #expect(change["action"] as? String == "start")
            #expect((change["reason"] as? [String: Any])?["code"] as? String == "not_running")
            #expect((diff.json["summary"] as? [String: Any])?["restart"] as? Int == 0)
            // A saved plan with such a change is applied, although the new reconciler heals first.
            let plan = host.root + "/plan.json"
            try diff.output.write(toFile: plan, atomically: true, encoding: .utf8)
            let apply = try await host.run(["apply", "--plan", plan])
            #expect(apply.exitCode == 0, "\(apply.output)\(apply.errorOutput)")
            #expect(isAlive(web.pid))
            #expect(try await host.run(["diff"]).exitCode == 0)
        }
    }

    @Test("A one-shot that succeeded without a reconciler is no change")
    func succeededWithoutReconciler() async throws {
        try await TestHost.with { host in
            let gate = host.root + "/gate"
            let script = "while [ ! -e \(gate) ]; do sleep 0.02; done"
            try host.writeManifest(
                "task.yaml",
                """
                kind: Service
                name: task
                actions:
                  - name: run
                    exec: [sh, -c, "\(script)"]
                """
            )
            _ = try await host.run(["apply", "--no-wait"])
            try await eventually("the one-shot runs") {
                try await host.run(["status", "-o", "json"]).output.contains("\"phase\": \"running\"")
            }
            let status = try await host.run(["status", "-o", "json"])
            let services = try #require(status.json["services"] as? [[String: Any]])
            let actions = try #require(services.first?["actions"] as? [[String: Any]])
            let pid = try #require(actions.first?["pid"] as? Int32)
            try await host.killReconciler()
            _ = FileManager.default.createFile(atPath: gate, contents: nil)
            try await eventually("the one-shot has ended") { !isAlive(pid) }
            let diff = try await host.run(["diff"])
            #expect(diff.exitCode == 0, "\(diff.output)")
        }
    }

    @Test("A foreign process on a declared port is named as drift (TP-3)")
    func foreignPortHolder() async throws {
        try await TestHost.with { host in
            let port = try freePort()
            let foreignProcess = try ForeignProcess("listen", "\(port)")
            try await eventually("the foreign process listens") { isListening(port) }
            try host.declare("web", actions: .process("listen \(port)", "tcp_ports: [\(port)]"))
            let found = try await Self.findings(host)
            #expect(found.code == 1 && found.reclaims == [])
            let fact = "tcp \(port) is held by pid \(foreignProcess.pid) \(TestHost.oraclePath)"
            #expect(found.drift.count == 1, "\(found.text)")
            #expect(found.drift.first?.hasPrefix("core/web.run port_held_by_stranger: \(fact); stop it") == true)
            #expect(foreignProcess.isRunning)
        }
    }

    @Test("Another job on a declared port is named with its service")
    func portHeldByAnotherJob() async throws {
        try await TestHost.with { host in
            let port = try freePort()
            try host.declare("thief", actions: .process("listen \(port)"))
            try await host.apply()
            try await eventually("the process listens") { isListening(port) }
            let thief = try await host.runningInstance("thief", number: 1)
            try host.declare("web", actions: .process("listen \(port)", "tcp_ports: [\(port)]", "kill_others: true"))
            let found = try await Self.findings(host)
            #expect(found.reclaims == [])
            #expect(found.drift.count == 1, "\(found.text)")
            let fact = "tcp \(port) is held by pid \(thief.pid) \(TestHost.oraclePath) of core/thief"
            #expect(found.drift.first?.contains(fact) == true, "\(found.drift)")
        }
    }

    @Test("A port that moves between services is no drift")
    func movedPort() async throws {
        try await TestHost.with { host in
            let port = try freePort()
            try host.declare("old", actions: .process("listen \(port)", "tcp_ports: [\(port)]"))
            try await host.apply()
            host.removeManifest("old")
            try host.declare("new", actions: .process("listen \(port)", "tcp_ports: [\(port)]", "kill_others: true"))
            let found = try await Self.findings(host)
            #expect(found.code == 1 && found.drift == [] && found.reclaims == [], "\(found.text)")
            try await host.apply()
        }
    }

    @Test("A program or script replaced after the start is drift")
    func programReplaced() async throws {
        try await TestHost.with { host in
            let directory = host.root + "/bin"
            mkdir(directory, 0o700)
            try FileManager.default.copyItem(atPath: "/bin/sleep", toPath: directory + "/sleep")
            let script = directory + "/serve"
            try Data("#!/bin/sh\nsleep 1000000\n".utf8).write(to: URL(fileURLWithPath: script))
            chmod(script, 0o700)
            for (name, command) in [("web", "\(directory)/sleep, \"1000000\""), ("api", script)] {
                try host.writeManifest(
                    "\(name).yaml",
                    "kind: Service\nname: \(name)\nenv: {HOLDS: \(host.root)/}\n"
                        + "actions:\n  - {name: run, exec: [\(command)], is_process: true}\n"
                )
            }
            try await host.apply()
            #expect(try await Self.findings(host).drift == [])
            try FileManager.default.copyItem(atPath: "/bin/sleep", toPath: directory + "/sleep.new")
            try #require(rename(directory + "/sleep.new", directory + "/sleep") == 0)
            try Data("#!/bin/sh\nsleep 2000000\n".utf8).write(to: URL(fileURLWithPath: script))
            let found = try await Self.findings(host)
            #expect(found.code == 0)
            #expect(
                found.drift.map { $0.split(separator: " was ")[0] } == [
                    "core/api.run program_replaced: program \(script)",
                    "core/web.run program_replaced: program \(directory)/sleep",
                ],
                "\(found.text)"
            )
        }
    }

    @Test("A plan names a process before it is stopped; --no-kill refuses (RC-1)")
    func reclaim() async throws {
        try await TestHost.with { host in
            let port = try freePort()
            try host.declare("web", actions: .process("listen \(port)", "tcp_ports: [\(port)]", "kill_others: true"))
            let foreignProcess = try ForeignProcess("listen", "\(port)")
            try await eventually("the foreign process listens") { isListening(port) }
            let found = try await Self.findings(host)
            #expect(found.reclaims == ["core/web.run tcp \(port) \(foreignProcess.pid) kill_others"], "\(found.text)")
            #expect(found.drift == [])
            let fact =
                "will stop pid \(foreignProcess.pid) \(TestHost.oraclePath) of user \(geteuid()): "
                + "holds tcp \(port) (kill_others)"
            let text = try await host.run("diff")
            #expect(text.exitCode == 1 && text.output.contains(fact), "\(text.output)")
            for command in ["diff", "apply"] {
                let refused = try await host.run(command, "--no-kill")
                #expect(refused.exitCode == 2, "\(refused.output)")
                #expect(
                    (refused.output + refused.errorOutput).contains("`--no-kill` forbids stopping it"),
                    "\(refused)"
                )
            }
            #expect(foreignProcess.isRunning)
            try await host.apply()
            #expect(!foreignProcess.isRunning)
            #expect(try await Self.findings(host).code == 0)
        }
    }

    @Test("A process in the PID file of a singleton is a reclaim (RC-1)")
    func singleton() async throws {
        try await TestHost.with { host in
            let path = host.root + "/web.pid"
            let foreignProcess = try ForeignProcess("sleep", "-1")
            try Data("\(foreignProcess.pid)\n".utf8).write(to: URL(fileURLWithPath: path))
            try host.declare("web", actions: .process("sleep -1", "singleton: true", "pid_file: \(path)"))
            let found = try await Self.findings(host)
            #expect(
                found.reclaims == ["core/web.run PID file \(path) \(foreignProcess.pid) singleton"],
                "\(found.text)"
            )
            // Without `singleton` the process is not stopped.
            try host.declare("web", actions: .process("sleep -1", "pid_file: \(path)"))
            let refused = try await Self.findings(host)
            #expect(refused.reclaims == [])
            #expect(refused.drift.first?.contains("set `singleton: true`") == true, "\(refused.text)")
        }
    }
}
