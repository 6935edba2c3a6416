import Foundation
import Glibc
import Testing

/// A process that SIGKILL does not end, because the kernel blocks it (guarantees TR-2, TR-3).
///
/// A real process would wait for a disk that does not answer. The test uses the freezer of cgroup v1: a frozen process
/// handles no signal.
@Suite("Processes that cannot be killed", .serialized)
struct UnkillableProcessTests {
    private static let hasFreezer = ControlGroup.isControllerAvailable("freezer")

    /// Freezes a process until `thaw`, at most until the end of the test.
    private final class FrozenProcess {
        private let group: ControlGroup

        init(_ pid: pid_t, _ host: TestHost) throws {
            group = try ControlGroup("freezer", host)
            try group.write("\(pid)", "cgroup.procs")
            try group.write("FROZEN", "freezer.state")
        }

        func thaw() { try? group.write("THAWED", "freezer.state") }

        deinit { thaw() }
    }

    @Test(
        "An unkillable process is named, and its next start waits (TR-2, TR-3)",
        .enabled(if: hasFreezer, "needs root, and the freezer of cgroup v1")
    )
    func frozenChild() async throws {
        try await TestHost.with { host in
            let fields = ["stop: {timeout: 300ms}"]
            try host.writeManifest(
                "stuck.yaml",
                host.manifest("stuck", [], [.init(name: "run", commands: "fork 1", fields: fields, isProcess: true)])
            )
            try host.declare("below", "requires: [stuck]")
            try await host.apply()
            try await eventually("the child runs") { host.instances("stuck").first?.children.count == 1 }
            let instance = try await host.runningInstance("stuck")
            let child = try #require(instance.children.first)
            let ice = try FrozenProcess(child, host)
            try host.declare("stuck", "status: stop", actions: .process("fork 1", fields[0]))
            let result = try await host.run("apply", "--timeout", "2s", "-o", "json")
            #expect(result.exitCode == 1 && result.json["converged"] as? Bool == false, "\(result.output)")
            _ = try await host.waitForEvent("error", "still waits for pid \(child) (hporacle, state")
            #expect(isAlive(child) && !isAlive(instance.pid))
            #expect(try await host.state(of: "stuck") == "stopping")
            #expect(try await host.run("status").exitCode == 1)
            #expect(try await host.run("why", "stuck").output.contains("waits for pid \(child)"))
            #expect(try await host.state(of: "below") != "running")

            // Other services are not affected, and the reconciler answers.
            try host.declare("other")
            _ = try await host.run("apply", "--timeout", "2s")
            let other = try await host.runningInstance("other")
            // The service does not start again while a process of it remains.
            try host.declare("stuck", actions: .process("fork 1", fields[0]))
            _ = try await host.run("apply", "--timeout", "1s")
            #expect(host.instances("stuck").count == 1)
            // A new reconciler does not record an end either.
            try await host.killReconciler()
            _ = try await host.run("apply", "--timeout", "1s")
            #expect(host.instances("stuck").count == 1 && isAlive(child))

            ice.thaw()
            try await eventually("the process is gone") { !isAlive(child) }
            try await host.apply()
            _ = try await host.runningInstance("stuck", number: 2)
            #expect(try await host.runningInstance("other", number: 1) == other)
            try await eventually("all services are ready again") { try await host.run("status").exitCode == 0 }
        }
    }
}
