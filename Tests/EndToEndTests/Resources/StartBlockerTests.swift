import Foundation
import Glibc
import Testing

/// Blockers of a start: named, awaited, or stopped if the manifest allows it.
@Suite("Start blockers", .serialized)
struct StartBlockerTests {
    @Test("A port holder is named and left running until it exits (RC-1, SK-5)")
    func portHolderIsNamed() async throws {
        try await TestHost.with { host in
            let port = try freePort()
            let foreignProcess = try ForeignProcess("listen", "\(port)")
            try await eventually("the foreign process listens") { isListening(port) }
            try host.declare(
                "web",
                actions: .process("listen \(port)", "tcp_ports: [\(port)]", "retry: {delay: 50ms}")
            )
            let result = try await host.run("apply", "--timeout", "1s")
            #expect(result.exitCode == 1)
            #expect(
                result.output.contains("tcp \(port) is held by pid \(foreignProcess.pid) \(TestHost.oraclePath)"),
                "\(result.output)"
            )
            #expect(foreignProcess.isRunning)
            #expect(host.instances("web").isEmpty)
            kill(foreignProcess.pid, SIGKILL)
            try await eventually("the foreign process has exited") { !foreignProcess.isRunning }
            _ = try await host.runningInstance("web", number: 1)
            try await eventually("the service is running") {
                try await host.actionStatus("web")["phase"] as? String == "running"
            }
            // Waiting for a port is not a crash.
            #expect(try await host.actionStatus("web")["restart_count"] as? Int == 0)
        }
    }

    @Test("The key kill_others stops the holder of a port and records it (RC-1, RC-5)")
    func killOthersStopsPortHolder() async throws {
        try await TestHost.with { host in
            let port = try freePort()
            let foreignProcess = try ForeignProcess("listen", "\(port)")
            try await eventually("the foreign process listens") { isListening(port) }
            try host.declare("web", actions: .process("listen \(port)", "tcp_ports: [\(port)]", "kill_others: true"))
            try await host.apply()
            #expect(!foreignProcess.isRunning)
            _ = try await host.runningInstance("web", number: 1)
            _ = try await host.waitForEvent(
                "warning",
                "sending TERM to pid \(foreignProcess.pid)",
                "tcp \(port) (kill_others)"
            )
            try await host.expectEmptyDiff()
        }
    }

    @Test("A holder that ignores the stop signal is killed after stop.timeout (PF-3)")
    func holderIsKilledAfterTimeout() async throws {
        try await TestHost.with { host in
            let socket = host.root + "/web.sock"
            let foreignProcess = try ForeignProcess("ignore-term", "listen-unix", socket)
            try await eventually("the foreign process listens") { access(socket, F_OK) == 0 }
            try host.declare(
                "web",
                actions: .process(
                    "listen-unix \(socket)",
                    "sockets: [\(socket)]",
                    "kill_others: true",
                    "stop: {timeout: 300ms}"
                )
            )
            try await host.apply()
            #expect(!foreignProcess.isRunning)
            _ = try await host.waitForEvent(
                "warning",
                "sending KILL to pid \(foreignProcess.pid)",
                "socket \(socket) (kill_others)"
            )
        }
    }

    @Test("A stale socket of a killed service is removed before its restart (SK-2)")
    func staleSocket() async throws {
        try await TestHost.with { host in
            let socket = host.root + "/web.sock"
            try host.declare(
                "web",
                actions: .process("listen-unix \(socket)", "sockets: [\(socket)]", "retry: {delay: 10ms, jitter: 0}")
            )
            try await host.apply()
            let before = try await host.runningInstance("web", number: 1)
            kill(before.pid, SIGKILL)
            let after = try await host.runningInstance("web", number: 2)
            #expect(after.job == before.job && after.restartCount == 1)
            try await eventually("the service is ready") {
                try await host.actionStatus("web")["ready"] as? Bool == true
            }
            _ = try await host.waitForEvent("info", "removing socket \(socket)")
        }
    }

    @Test("A regular file at a socket path is named and never touched (SK-2)")
    func regularFileInPlaceOfSocket() async throws {
        try await TestHost.with { host in
            let path = host.root + "/web.sock"
            try Data("mine".utf8).write(to: URL(fileURLWithPath: path))
            try host.declare(
                "web",
                actions: .process("listen-unix \(path)", "sockets: [\(path)]", "kill_others: true")
            )
            let result = try await host.run("apply", "--timeout", "500ms")
            #expect(result.exitCode == 1)
            #expect(result.output.contains("\(path) is not a socket"), "\(result.output)")
            #expect(host.readText(path) == "mine")
        }
    }

    @Test("A PID file is trusted only if it names an instance (PF-2, PF-5)")
    func pidFile() async throws {
        try await TestHost.with { host in
            let path = host.root + "/web.pid"
            let foreignProcess = try ForeignProcess("sleep", "-1")
            let fields = ["singleton: true", "pid_file: \(path)"]
            try Data("\(getpid())\n".utf8).write(to: URL(fileURLWithPath: path))
            try host.declare("web", actions: .process("sleep -1", fields[0], fields[1]))
            try await host.apply()
            #expect(foreignProcess.isRunning)

            try host.declare("web", "status: stop", actions: .process("sleep -1", fields[0], fields[1]))
            try await host.apply()
            // The same program, started before the file was written, counts as another instance of the action.
            try Data("\(foreignProcess.pid)\n".utf8).write(to: URL(fileURLWithPath: path))
            try host.declare("web", actions: .process("sleep -1", fields[0], fields[1]))
            try await host.apply()
            #expect(!foreignProcess.isRunning)
            _ = try await host.waitForEvent(
                "warning",
                "sending TERM to pid \(foreignProcess.pid)",
                "\(path) (singleton)"
            )
        }
    }

    @Test("The first start waits for a holder that stops slowly (TP-7)")
    func slowHolderIsAwaited() async throws {
        try await TestHost.with { host in
            let port = try freePort()
            let foreignProcess = try ForeignProcess("linger", "1200", "listen", "\(port)")
            try await eventually("the foreign process listens") { isListening(port) }
            try host.declare("web", actions: .process("listen \(port)", "tcp_ports: [\(port)]", "kill_others: true"))
            try await host.apply()
            #expect(!foreignProcess.isRunning)
            #expect(host.instances("web").count == 1, "no start found the port in use")
            #expect(try await host.actionStatus("web")["restart_count"] as? Int == 0)
        }
    }

    @Test("A holder that forks while it is stopped is stopped completely (RC-4)")
    func forkingHolder() async throws {
        try await TestHost.with { host in
            let port = try freePort()
            let foreignProcess = try ForeignProcess("fork-on-term", "3", "listen", "\(port)")
            try await eventually("the foreign process listens") { isListening(port) }
            try host.declare(
                "web",
                actions: .process("listen \(port)", "tcp_ports: [\(port)]", "kill_others: true", "stop: {timeout: 2s}")
            )
            try await host.apply()
            #expect(!foreignProcess.isRunning)
            #expect(host.instances("web").count == 1)
            let signals = try await host.events().filter {
                ($0["text"] as? String)?.contains("holds tcp \(port)") ?? false
            }
            #expect(signals.count >= 4, "each signalled process is named: \(signals)")
        }
    }

    @Test("The wait for a port keeps its deadline across reconcilers (RS-3)")
    func waitSurvivesReconcilers() async throws {
        try await TestHost.with { host in
            let port = try freePort()
            let foreignProcess = try ForeignProcess("listen", "\(port)")
            try await eventually("the foreign process listens") { isListening(port) }
            try host.declare(
                "web",
                actions: .process(
                    "listen \(port)",
                    "tcp_ports: [\(port)]",
                    "retry: {delay: 1h, max_delay: 1h, jitter: 0}"
                )
            )
            try host.declare("other", actions: .process("sleep -1", "retry: {delay: 10ms, jitter: 0}"))
            let first = try host.startReconciler()
            try await eventually("the service waits for the port") { try await host.state(of: "web") == "backing_off" }
            let next = try await host.jobs(of: "web").first?["error"] as? String
            let before = try await host.serviceStatus("web")
            _ = try await host.runningInstance("other", number: 1)
            kill(first.pid, SIGKILL)
            _ = try await host.exitCode(of: first)
            kill(foreignProcess.pid, SIGKILL)
            try await eventually("the port is free") { !foreignProcess.isRunning }
            kill(try await host.runningInstance("other", number: 1).pid, SIGKILL)
            let second = try host.startReconciler()
            // After this restart the new reconciler has certainly made its first plan.
            _ = try await host.runningInstance("other", number: 2)
            let after = try await host.serviceStatus("web")
            #expect(after["state"] as? String == "backing_off")
            #expect(after["since"] as? String == before["since"] as? String)
            #expect(try await host.jobs(of: "web").first?["error"] as? String == next)
            #expect(host.instances("web").isEmpty)
            try await host.apply()
            _ = try await host.runningInstance("web", number: 1)
            kill(second.pid, SIGTERM)
            #expect(try await host.exitCode(of: second) == 0)
        }
    }

    @Test("A service that died without a reconciler reclaims its port")
    func holderAfterReconcilerKill() async throws {
        try await TestHost.with { host in
            let port = try freePort()
            try host.declare(
                "web",
                actions: .process("listen \(port)", "tcp_ports: [\(port)]", "kill_others: true", "retry: {delay: 10ms}")
            )
            try await host.apply()
            let first = try await host.runningInstance("web", number: 1)
            try await host.killReconciler()
            kill(first.pid, SIGKILL)
            try await eventually("the process is gone") { !isAlive(first.pid) }
            try await eventually("the port is free") { !isListening(port) }
            let foreignProcess = try ForeignProcess("listen", "\(port)")
            try await eventually("the foreign process listens") { isListening(port) }
            try await host.apply()
            #expect(!foreignProcess.isRunning)
            let second = try await host.runningInstance("web", number: 2)
            #expect(second.job == first.job)
        }
    }
}
