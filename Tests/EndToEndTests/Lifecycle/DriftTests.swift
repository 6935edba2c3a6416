import Foundation
import Glibc
import Testing

/// What the machine has left of what was recorded, as `diff` shows it before anybody decides anything (contract section 5).
@Suite("Drift and reclaims in a plan", .serialized)
struct DriftTests {
    /// What `diff` finds beside the changes.
    struct Findings {
        let code: Int32
        let text: String
        /// `SERVICE.ACTION KIND: TEXT` of each drift.
        let drift: [String]
        /// `SERVICE.ACTION RESOURCE PID KEY` of each reclaim.
        let reclaims: [String]
    }

    private static func findings(_ world: TestHost, _ options: String...) async throws -> Findings {
        let answer = try await world.run(["diff", "-o", "json"] + options)
        let plan = answer.json
        let drift = try #require(plan["drift"] as? [[String: Any]], "\(answer.output)\(answer.errorOutput)")
        let reclaims = try #require(plan["reclaims"] as? [[String: Any]])
        return Findings(
            code: answer.exitCode,
            text: answer.output,
            drift: drift.map {
                "\($0["service"] ?? "").\($0["action"] ?? "") \($0["kind"] ?? ""): \($0["text"] ?? "")"
            },
            reclaims: reclaims.map {
                "\($0["service"] ?? "").\($0["action"] ?? "") \($0["resource"] ?? "") \($0["pid"] ?? "")"
                    + " \($0["allowed_by"] ?? "")"
            }
        )
    }

    @Test("what runs and holds its own port and socket is no drift")
    func noDrift() async throws {
        try await TestHost.with { world in
            let (port, socket) = (try freePort(), world.root + "/web.sock")
            let keys = ["tcp_ports: [\(port)]", "sockets: [\(socket)]"]
            try world.declare("web", actions: .process("listen \(port) listen-unix \(socket)", keys[0], keys[1]))
            try await world.apply()
            let found = try await Self.findings(world)
            #expect(found.code == 0 && found.drift == [] && found.reclaims == [], "\(found.text)")
        }
    }

    @Test("SK-1: a socket that was removed while its listener lives")
    func socketGone() async throws {
        try await TestHost.with { world in
            let socket = world.root + "/web.sock"
            try world.declare("web", actions: .process("listen-unix \(socket)", "sockets: [\(socket)]"))
            try await world.apply()
            try #require(unlink(socket) == 0)
            let found = try await Self.findings(world)
            #expect(found.code == 0)
            #expect(found.drift.count == 1, "\(found.text)")
            #expect(found.drift.first?.hasPrefix("core/web.run socket_gone: socket \(socket) was removed") == true)
        }
    }

    @Test("a process that is gone while nobody supervises")
    func processGone() async throws {
        try await TestHost.with { world in
            try world.declare("web", actions: .process())
            try await world.apply()
            let life = try await world.runningInstance("web", number: 1)
            try await world.killReconciler()
            kill(life.pid, SIGKILL)
            try await eventually("it is gone") { !isAlive(life.pid) }
            let found = try await Self.findings(world)
            #expect(found.drift == ["core/web.run process_gone: process \(life.pid) is gone"], "\(found.text)")
        }
    }

    @Test("TP-3: a stranger on a declared port is named, and said to be in the way where nothing allows to stop it")
    func foreignPortHolder() async throws {
        try await TestHost.with { world in
            let port = try freePort()
            let stranger = try StartBlockerTests.ForeignProcess("listen", "\(port)")
            try await eventually("the stranger listens") { isListening(port) }
            try world.declare("web", actions: .process("listen \(port)", "tcp_ports: [\(port)]"))
            let found = try await Self.findings(world)
            #expect(found.code == 1 && found.reclaims == [])
            let fact = "tcp \(port) is held by pid \(stranger.pid) \(TestHost.oraclePath)"
            #expect(found.drift.count == 1, "\(found.text)")
            #expect(found.drift.first?.hasPrefix("core/web.run port_held_by_stranger: \(fact); end it") == true)
            #expect(stranger.isRunning)
        }
    }

    @Test("another job of heroproc on a declared port is named, and no stranger")
    func portHeldByAnotherJob() async throws {
        try await TestHost.with { world in
            let port = try freePort()
            try world.declare("thief", actions: .process("listen \(port)"))
            try await world.apply()
            try await eventually("it listens") { isListening(port) }
            let thief = try await world.runningInstance("thief", number: 1)
            try world.declare("web", actions: .process("listen \(port)", "tcp_ports: [\(port)]", "kill_others: true"))
            let found = try await Self.findings(world)
            #expect(found.reclaims == [])
            #expect(found.drift.count == 1, "\(found.text)")
            let fact = "tcp \(port) is held by pid \(thief.pid) \(TestHost.oraclePath) of core/thief"
            #expect(found.drift.first?.contains(fact) == true, "\(found.drift)")
        }
    }

    @Test("a port that moves from one service to another is nobody's drift")
    func movedPort() async throws {
        try await TestHost.with { world in
            let port = try freePort()
            try world.declare("old", actions: .process("listen \(port)", "tcp_ports: [\(port)]"))
            try await world.apply()
            world.removeManifest("old")
            try world.declare("new", actions: .process("listen \(port)", "tcp_ports: [\(port)]", "kill_others: true"))
            let found = try await Self.findings(world)
            #expect(found.code == 1 && found.drift == [] && found.reclaims == [], "\(found.text)")
            try await world.apply()
        }
    }

    @Test("a program and a script that were replaced on disk since they started")
    func programReplaced() async throws {
        try await TestHost.with { world in
            let folder = world.root + "/bin"
            mkdir(folder, 0o700)
            try FileManager.default.copyItem(atPath: "/bin/sleep", toPath: folder + "/sleep")
            let script = folder + "/serve"
            try Data("#!/bin/sh\nsleep 1000000\n".utf8).write(to: URL(fileURLWithPath: script))
            chmod(script, 0o700)
            for (name, words) in [("web", "\(folder)/sleep, \"1000000\""), ("api", script)] {
                try world.writeManifest(
                    "\(name).yaml",
                    "kind: Service\nname: \(name)\nenv: {HOLDS: \(world.root)/}\n"
                        + "actions:\n  - {name: run, exec: [\(words)], is_process: true}\n"
                )
            }
            try await world.apply()
            #expect(try await Self.findings(world).drift == [])
            try FileManager.default.copyItem(atPath: "/bin/sleep", toPath: folder + "/sleep.new")
            try #require(rename(folder + "/sleep.new", folder + "/sleep") == 0)
            try Data("#!/bin/sh\nsleep 2000000\n".utf8).write(to: URL(fileURLWithPath: script))
            let found = try await Self.findings(world)
            #expect(found.code == 0)
            #expect(
                found.drift.map { $0.split(separator: " was ")[0] } == [
                    "core/api.run program_replaced: program \(script)",
                    "core/web.run program_replaced: program \(folder)/sleep",
                ],
                "\(found.text)"
            )
        }
    }

    @Test("SE-1: files of an environment that changed since the start are named, and what is in them is not shown")
    func environmentFiles() async throws {
        try await TestHost.with { world in
            let (file, secret) = (world.root + "/web.env", world.root + "/token")
            try Data("A=1\n".utf8).write(to: URL(fileURLWithPath: file))
            try Data("hush\n".utf8).write(to: URL(fileURLWithPath: secret))
            let keys = ["env_file: [\(file)]", "env: {TOKEN: {from_file: \(secret)}}"]
            try world.declare("web", actions: .process("sleep -1", keys[0], keys[1]))
            try await world.apply()
            #expect(try await Self.findings(world).drift == [])
            try Data("A=2\n".utf8).write(to: URL(fileURLWithPath: file))
            try Data("hushhush\n".utf8).write(to: URL(fileURLWithPath: secret))
            let found = try await Self.findings(world)
            #expect(found.code == 0)
            #expect(
                found.drift.map { $0.split(separator: " changed ")[0] } == [
                    "core/web.run environment_file_changed: \(secret)",
                    "core/web.run environment_file_changed: \(file)",
                ],
                "\(found.text)"
            )
            #expect(!found.text.contains("hush"))
        }
    }

    @Test("RC-1: who will be stopped is said before it happens; --no-kill refuses, and nobody is touched")
    func reclaim() async throws {
        try await TestHost.with { world in
            let port = try freePort()
            try world.declare("web", actions: .process("listen \(port)", "tcp_ports: [\(port)]", "kill_others: true"))
            let stranger = try StartBlockerTests.ForeignProcess("listen", "\(port)")
            try await eventually("the stranger listens") { isListening(port) }
            let found = try await Self.findings(world)
            #expect(found.reclaims == ["core/web.run tcp \(port) \(stranger.pid) kill_others"], "\(found.text)")
            #expect(found.drift == [])
            let fact = "will stop pid \(stranger.pid) \(TestHost.oraclePath): holds tcp \(port) (kill_others)"
            let text = try await world.run("diff")
            #expect(text.exitCode == 1 && text.output.contains(fact), "\(text.output)")
            for command in ["diff", "apply"] {
                let refused = try await world.run(command, "--no-kill")
                #expect(refused.exitCode == 2, "\(refused.output)")
                #expect(
                    (refused.output + refused.errorOutput).contains("`--no-kill` forbids stopping it"),
                    "\(refused)"
                )
            }
            #expect(stranger.isRunning)
            try await world.apply()
            #expect(!stranger.isRunning)
            #expect(try await Self.findings(world).code == 0)
        }
    }

    @Test("RC-1: an instance that a PID file names is shown as a reclaim of a singleton")
    func singleton() async throws {
        try await TestHost.with { world in
            let path = world.root + "/web.pid"
            let stranger = try StartBlockerTests.ForeignProcess("sleep", "-1")
            try Data("\(stranger.pid)\n".utf8).write(to: URL(fileURLWithPath: path))
            try world.declare("web", actions: .process("sleep -1", "singleton: true", "pid_file: \(path)"))
            let found = try await Self.findings(world)
            #expect(found.reclaims == ["core/web.run PID file \(path) \(stranger.pid) singleton"], "\(found.text)")
            // Not without the flag.
            try world.declare("web", actions: .process("sleep -1", "pid_file: \(path)"))
            let refused = try await Self.findings(world)
            #expect(refused.reclaims == [])
            #expect(refused.drift.first?.contains("set `singleton: true`") == true, "\(refused.text)")
        }
    }
}
