import Foundation
import Glibc
import Testing

/// What stands in the way of a start: named, waited for, or stopped where the manifest allows it (contract section 7).
@Suite("The way to a start", .serialized)
struct StartBlockerTests {
    /// A program that nobody ordered; ended with the test.
    final class ForeignProcess {
        let pid: pid_t
        private let directory: String

        /// Starts an oracle that does these deeds.
        init(_ words: String...) throws {
            var template = Array("/tmp/hp-stranger-XXXXXX".utf8CString)
            directory = try #require(mkdtemp(&template).map { String(cString: $0) })
            pid = try #require(spawn([TestHost.oraclePath] + words, environment: ["ORACLE_DIR=\(directory)"]))
        }

        /// Whether it lives; when it has ended it is reaped.
        var isRunning: Bool { waitpid(pid, nil, WNOHANG) == 0 }

        deinit {
            if isRunning {
                kill(pid, SIGKILL)
                waitpid(pid, nil, 0)
            }
            try? FileManager.default.removeItem(atPath: directory)
        }
    }

    @Test("RC-1, SK-5: without a flag the holder of a port is named and lives; when it leaves, the service starts")
    func portHolderIsNamed() async throws {
        try await TestHost.with { world in
            let port = try freePort()
            let stranger = try ForeignProcess("listen", "\(port)")
            try await eventually("the stranger listens") { isListening(port) }
            try world.declare(
                "web",
                actions: .process("listen \(port)", "tcp_ports: [\(port)]", "retry: {delay: 50ms}")
            )
            let answer = try await world.run("apply", "--timeout", "1s")
            #expect(answer.exitCode == 1)
            #expect(
                answer.output.contains("tcp \(port) is held by pid \(stranger.pid) \(TestHost.oraclePath)"),
                "\(answer.output)"
            )
            #expect(stranger.isRunning)
            #expect(world.instances("web").isEmpty)
            kill(stranger.pid, SIGKILL)
            try await eventually("it has left") { !stranger.isRunning }
            _ = try await world.runningInstance("web", number: 1)
            try await eventually("it runs") { try await world.actionStatus("web")["phase"] as? String == "running" }
            // Waiting for a port is no crash.
            #expect(try await world.actionStatus("web")["restart_count"] as? Int == 0)
        }
    }

    @Test("RC-1, RC-5: kill_others stops the holder of a port, and an event names it")
    func killOthersStopsPortHolder() async throws {
        try await TestHost.with { world in
            let port = try freePort()
            let stranger = try ForeignProcess("listen", "\(port)")
            try await eventually("the stranger listens") { isListening(port) }
            try world.declare("web", actions: .process("listen \(port)", "tcp_ports: [\(port)]", "kill_others: true"))
            try await world.apply()
            #expect(!stranger.isRunning)
            _ = try await world.runningInstance("web", number: 1)
            _ = try await world.waitForEvent(
                "warning",
                "sending TERM to pid \(stranger.pid)",
                "tcp \(port) (kill_others)"
            )
            try await world.expectEmptyDiff()
        }
    }

    @Test("PF-3: a holder that ignores the stop signal is killed after stop.timeout")
    func holderIsKilledAfterTimeout() async throws {
        try await TestHost.with { world in
            let socket = world.root + "/web.sock"
            let stranger = try ForeignProcess("ignore-term", "listen-unix", socket)
            try await eventually("the stranger listens") { access(socket, F_OK) == 0 }
            try world.declare(
                "web",
                actions: .process(
                    "listen-unix \(socket)",
                    "sockets: [\(socket)]",
                    "kill_others: true",
                    "stop: {timeout: 300ms}"
                )
            )
            try await world.apply()
            #expect(!stranger.isRunning)
            _ = try await world.waitForEvent(
                "warning",
                "sending KILL to pid \(stranger.pid)",
                "socket \(socket) (kill_others)"
            )
        }
    }

    @Test("SK-2: a socket that a killed service left behind is removed before it starts again")
    func staleSocket() async throws {
        try await TestHost.with { world in
            let socket = world.root + "/web.sock"
            try world.declare(
                "web",
                actions: .process("listen-unix \(socket)", "sockets: [\(socket)]", "retry: {delay: 10ms, jitter: 0}")
            )
            try await world.apply()
            let before = try await world.runningInstance("web", number: 1)
            kill(before.pid, SIGKILL)
            let after = try await world.runningInstance("web", number: 2)
            #expect(after.job == before.job && after.restartCount == 1)
            try await eventually("it is ready") { try await world.actionStatus("web")["ready"] as? Bool == true }
            _ = try await world.waitForEvent("info", "removing socket \(socket)")
        }
    }

    @Test("SK-2: what lies at the path of a socket and is none is named and never touched")
    func regularFileInPlaceOfSocket() async throws {
        try await TestHost.with { world in
            let path = world.root + "/web.sock"
            try Data("mine".utf8).write(to: URL(fileURLWithPath: path))
            try world.declare(
                "web",
                actions: .process("listen-unix \(path)", "sockets: [\(path)]", "kill_others: true")
            )
            let answer = try await world.run("apply", "--timeout", "500ms")
            #expect(answer.exitCode == 1)
            #expect(answer.output.contains("\(path) is no socket"), "\(answer.output)")
            #expect(world.readText(path) == "mine")
        }
    }

    @Test("PF-2, PF-5: a PID file that names a stranger is no reason to touch it; one that names an instance is")
    func pidFile() async throws {
        try await TestHost.with { world in
            let path = world.root + "/web.pid"
            let stranger = try ForeignProcess("sleep", "-1")
            let keys = ["singleton: true", "pid_file: \(path)"]
            try Data("\(getpid())\n".utf8).write(to: URL(fileURLWithPath: path))
            try world.declare("web", actions: .process("sleep -1", keys[0], keys[1]))
            try await world.apply()
            #expect(stranger.isRunning)

            try world.declare("web", "status: stop", actions: .process("sleep -1", keys[0], keys[1]))
            try await world.apply()
            // The same program, running since before the file was written: another instance of the action.
            try Data("\(stranger.pid)\n".utf8).write(to: URL(fileURLWithPath: path))
            try world.declare("web", actions: .process("sleep -1", keys[0], keys[1]))
            try await world.apply()
            #expect(!stranger.isRunning)
            _ = try await world.waitForEvent("warning", "sending TERM to pid \(stranger.pid)", "\(path) (singleton)")
        }
    }

    @Test("TP-7: a holder that takes its time to leave is waited for, so that the first start finds the port free")
    func slowHolderIsAwaited() async throws {
        try await TestHost.with { world in
            let port = try freePort()
            let stranger = try ForeignProcess("linger", "1200", "listen", "\(port)")
            try await eventually("the stranger listens") { isListening(port) }
            try world.declare("web", actions: .process("listen \(port)", "tcp_ports: [\(port)]", "kill_others: true"))
            try await world.apply()
            #expect(!stranger.isRunning)
            #expect(world.instances("web").count == 1, "no start met a port in use")
            #expect(try await world.actionStatus("web")["restart_count"] as? Int == 0)
        }
    }

    @Test("RC-4: a holder that forks while it is stopped, and hands its listener on, is followed to its last process")
    func forkingHolder() async throws {
        try await TestHost.with { world in
            let port = try freePort()
            let stranger = try ForeignProcess("fork-on-term", "3", "listen", "\(port)")
            try await eventually("the stranger listens") { isListening(port) }
            try world.declare(
                "web",
                actions: .process("listen \(port)", "tcp_ports: [\(port)]", "kill_others: true", "stop: {timeout: 2s}")
            )
            try await world.apply()
            #expect(!stranger.isRunning)
            #expect(world.instances("web").count == 1)
            let signals = try await world.events().filter {
                ($0["text"] as? String)?.contains("holds tcp \(port)") ?? false
            }
            #expect(signals.count >= 4, "each that was signalled is named: \(signals)")
        }
    }

    @Test("RS-3: what waits for a port goes on waiting for as long as it was to, when another reconciler comes")
    func waitSurvivesReconcilers() async throws {
        try await TestHost.with { world in
            let port = try freePort()
            let stranger = try ForeignProcess("listen", "\(port)")
            try await eventually("the stranger listens") { isListening(port) }
            try world.declare(
                "web",
                actions: .process(
                    "listen \(port)",
                    "tcp_ports: [\(port)]",
                    "retry: {delay: 1h, max_delay: 1h, jitter: 0}"
                )
            )
            try world.declare("other", actions: .process("sleep -1", "retry: {delay: 10ms, jitter: 0}"))
            let first = try world.startReconciler()
            try await eventually("it waits") { try await world.state(of: "web") == "backing_off" }
            let next = try await world.jobs(of: "web").first?["error"] as? String
            let before = try await world.serviceStatus("web")
            _ = try await world.runningInstance("other", number: 1)
            kill(first.pid, SIGKILL)
            _ = try await world.exitCode(of: first)
            kill(stranger.pid, SIGKILL)
            try await eventually("the port is free") { !stranger.isRunning }
            kill(try await world.runningInstance("other", number: 1).pid, SIGKILL)
            let second = try world.startReconciler()
            // Once this one is healed, the new reconciler has long made its first plan.
            _ = try await world.runningInstance("other", number: 2)
            let after = try await world.serviceStatus("web")
            #expect(after["state"] as? String == "backing_off")
            #expect(after["since"] as? String == before["since"] as? String)
            #expect(try await world.jobs(of: "web").first?["error"] as? String == next)
            #expect(world.instances("web").isEmpty)
            try await world.apply()
            _ = try await world.runningInstance("web", number: 1)
            kill(second.pid, SIGTERM)
            #expect(try await world.exitCode(of: second) == 0)
        }
    }

    @Test("after the reconciler is killed, a service that died meanwhile goes through the same cycle")
    func holderAfterReconcilerKill() async throws {
        try await TestHost.with { world in
            let port = try freePort()
            try world.declare(
                "web",
                actions: .process("listen \(port)", "tcp_ports: [\(port)]", "kill_others: true", "retry: {delay: 10ms}")
            )
            try await world.apply()
            let first = try await world.runningInstance("web", number: 1)
            try await world.killReconciler()
            kill(first.pid, SIGKILL)
            try await eventually("it is gone") { !isAlive(first.pid) }
            try await eventually("the port is free") { !isListening(port) }
            let stranger = try ForeignProcess("listen", "\(port)")
            try await eventually("the stranger listens") { isListening(port) }
            try await world.apply()
            #expect(!stranger.isRunning)
            let second = try await world.runningInstance("web", number: 2)
            #expect(second.job == first.job)
        }
    }
}
