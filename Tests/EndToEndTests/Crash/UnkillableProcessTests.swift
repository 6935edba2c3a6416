import Foundation
import Glibc
import Testing

/// A program that not even SIGKILL ends: the kernel holds it (reliability.md TR-2, TR-3).
///
/// A real one waits for a disk that does not answer. Here the freezer of cgroup v1 stands in: what it holds acts on no signal
/// before it is let go.
@Suite("Programs that cannot be ended", .serialized)
struct UnkillableProcessTests {
    private static let hasFreezer = ControlGroup.isControllerAvailable("freezer")

    /// Holds a process fast until it is let go, at the latest with the test.
    private final class FrozenProcess {
        private let group: ControlGroup

        init(_ pid: pid_t, _ world: TestHost) throws {
            group = try ControlGroup("freezer", world)
            try group.write("\(pid)", "cgroup.procs")
            try group.write("FROZEN", "freezer.state")
        }

        func thaw() { try? group.write("THAWED", "freezer.state") }

        deinit { thaw() }
    }

    @Test(
        "TR-2, TR-3: it is never said to be stopped, it is named, nothing else waits for it, and its next start comes after its end",
        .enabled(if: hasFreezer, "needs root, and the freezer of cgroup v1")
    )
    func frozenChild() async throws {
        try await TestHost.with { world in
            let keys = ["stop: {timeout: 300ms}"]
            try world.writeManifest(
                "stuck.yaml",
                world.manifest("stuck", [], [.init(name: "run", commands: "fork 1", fields: keys, isProcess: true)])
            )
            try world.declare("below", "requires: [stuck]")
            try await world.apply()
            try await eventually("its child lives") { world.instances("stuck").first?.children.count == 1 }
            let life = try await world.runningInstance("stuck")
            let child = try #require(life.children.first)
            let ice = try FrozenProcess(child, world)
            try world.declare("stuck", "status: stop", actions: .process("fork 1", keys[0]))
            let answer = try await world.run("apply", "--timeout", "2s", "-o", "json")
            #expect(answer.exitCode == 1 && answer.json["converged"] as? Bool == false, "\(answer.output)")
            _ = try await world.waitForEvent("error", "still waits for pid \(child) (hporacle, state")
            #expect(isAlive(child) && !isAlive(life.pid))
            #expect(try await world.state(of: "stuck") == "stopping")
            #expect(try await world.run("status").exitCode == 1)
            #expect(try await world.run("why", "stuck").output.contains("waits for pid \(child)"))
            #expect(try await world.state(of: "below") != "running")

            // All others go on, and the reconciler answers.
            try world.declare("other")
            _ = try await world.run("apply", "--timeout", "2s")
            let other = try await world.runningInstance("other")
            // Wanted again, it does not start beside what is left of it.
            try world.declare("stuck", actions: .process("fork 1", keys[0]))
            _ = try await world.run("apply", "--timeout", "1s")
            #expect(world.instances("stuck").count == 1)
            // Nor does the next reconciler believe that it has ended.
            try await world.killReconciler()
            _ = try await world.run("apply", "--timeout", "1s")
            #expect(world.instances("stuck").count == 1 && isAlive(child))

            ice.thaw()
            try await eventually("it is gone") { !isAlive(child) }
            try await world.apply()
            _ = try await world.runningInstance("stuck", number: 2)
            #expect(try await world.runningInstance("other", number: 1) == other)
            try await eventually("all is up again") { try await world.run("status").exitCode == 0 }
        }
    }
}
