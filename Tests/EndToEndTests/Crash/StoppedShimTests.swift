import Foundation
import Glibc
import Testing

/// Shims that are stopped (SIGSTOP) while their service must stop: the end of the program is not recorded.
@Suite("Stops behind a stopped shim", .serialized)
struct StoppedShimTests {
    /// Keeps a process stopped, whatever continues it, until `release`.
    private final class StoppedProcess {
        private let task: Task<Void, Never>
        private let pid: pid_t

        init(_ pid: pid_t) {
            self.pid = pid
            kill(pid, SIGSTOP)
            task = Task.detached {
                while !Task.isCancelled {
                    kill(pid, SIGSTOP)
                    try? await Task.sleep(for: .milliseconds(20))
                }
            }
        }

        func release() async {
            task.cancel()
            await task.value
            kill(pid, SIGCONT)
        }

        deinit { task.cancel() }
    }

    private static let fields = ["stop: {timeout: 100ms}", "retry: {delay: 10ms}"]

    /// A service whose shim is stopped.
    private func stoppedService(_ host: TestHost) async throws -> (shim: StoppedProcess, main: pid_t, shimPID: pid_t) {
        try host.declare("web", actions: .process("sleep -1", Self.fields[0], Self.fields[1]))
        try await host.apply()
        let main = try await host.runningInstance("web").pid
        let shim = try #require(host.shimPID(of: "web"))
        return (StoppedProcess(shim), main, shim)
    }

    @Test("A down behind a stopped shim exits with 1 and is completed later")
    func down() async throws {
        try await TestHost.with { host in
            let service = try await stoppedService(host)
            let result = try await host.run("down", "--timeout", "2s", "-o", "json")
            #expect(result.exitCode == 1 && result.json["converged"] as? Bool == false, "\(result.output)")
            #expect(result.output.contains("core/web is not down (pid \(service.main))"), "\(result.output)")
            let status = try await host.run("status", "-o", "json")
            #expect(status.exitCode == 1)
            #expect((status.json["reconciler"] as? [String: Any])?["alive"] as? Bool == true, "it stays until the end")
            // From the same reply: some seconds later the reconciler continues the shim.
            let services = status.json["services"] as? [[String: Any]]
            #expect(services?.first?["state"] as? String == "stopping")
            await service.shim.release()
            try await eventually("the service is down and the reconciler has left", within: 30) {
                let status = try await host.run("status", "-o", "json")
                return (status.json["reconciler"] as? [String: Any])?["alive"] as? Bool == false
            }
            #expect(try await host.state(of: "web") == "stopped")
        }
    }

    @Test("Without a reconciler status shows what the kernel shows of a stop")
    func statusWithoutReconciler() async throws {
        try await TestHost.with { host in
            let service = try await stoppedService(host)
            _ = try await host.run("down", "--timeout", "500ms")
            try await host.killReconciler()
            try await eventually("the program has ended") { !isAlive(service.main) }
            #expect(try await host.state(of: "web") == "stopping", "its shim still exists")
            #expect(try await host.actionStatus("web")["pid"] as? Int == nil)
            kill(service.shimPID, SIGKILL)
            try await eventually("the service is shown as stopped") { try await host.state(of: "web") == "stopped" }
            await service.shim.release()
            #expect(try await host.actionStatus("web")["pid"] as? Int == nil)
        }
    }

    @Test("A restart that waits for a stopped shim is stopping, not failed")
    func restart() async throws {
        try await TestHost.with { host in
            let service = try await stoppedService(host)
            try host.declare(
                "web",
                actions: .process("sleep -1", "env: {A: b}", Self.fields[0], Self.fields[1])
            )
            let result = try await host.run("apply", "--timeout", "3s", "-o", "json")
            #expect(result.exitCode == 1 && result.json["converged"] as? Bool == false, "\(result.output)")
            #expect(try await host.state(of: "web") == "stopping")
            await service.shim.release()
            let next = try await host.runningInstance("web", number: 2)
            try await eventually("it runs again") { try await host.state(of: "web") == "running" }
            #expect(isAlive(next.pid))
        }
    }
}
