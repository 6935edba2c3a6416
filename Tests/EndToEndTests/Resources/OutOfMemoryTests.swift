import Foundation
import Glibc
import Testing

/// The kernel kills the reconciler for want of memory (reliability.md OM-3).
@Suite(
    "Out of memory",
    .serialized,
    .enabled(if: ControlGroup.isControllerAvailable("memory"), "needs root, and a memory controller of cgroup v1")
)
struct OutOfMemoryTests {
    /// How often the kernel has killed somebody of a group.
    private func killCount(_ group: ControlGroup) -> Int {
        let lines = group.read("memory.oom_control").split(separator: "\n")
        return lines.first { $0.hasPrefix("oom_kill ") }.flatMap { Int($0.dropFirst(9)) } ?? -1
    }

    @Test(
        "OM-3: the kernel kills the reconciler for want of memory: its keeper brings it back, and no end or line is lost"
    )
    func reconcilerIsKilled() async throws {
        try await TestHost.with { world in
            var torture = try await TortureRun("OM-3 out of memory", world)
            let keep = "log: {max_size: 10MiB, keep: 99}"
            let names = (1...4).map { "job\($0)" }
            for name in names {
                try world.declare(name, actions: .process("random-life 400", "retry: {delay: 0ms, jitter: 0}", keep))
            }
            try world.declare("steady", actions: .process("lines 200", keep))
            let group = try ControlGroup("memory", world)
            // Whoever comes in has nothing left to take.
            try group.write("0", "memory.limit_in_bytes")
            let keeper = try world.start(["reconcile", "--watch", "--keep"])
            try await torture.waitForRestarts(names)
            let steady = try await world.runningInstance("steady", number: 1)
            let rounds = TestSettings.cycles(1, share: 50)
            for round in 1...rounds {
                let reconciler = try #require(world.reconcilerPID)
                try group.write("\(reconciler)", "cgroup.procs")
                try await eventually("the kernel has killed it") { !isAlive(reconciler) }
                #expect(killCount(group) == round)
                torture.countCycle()
                let begin = ContinuousClock.now
                try await eventually("another one is there", within: 40) {
                    torture.history.preserveLogs()
                    return world.reconcilerPID.map { $0 != reconciler } ?? false
                }
                torture.recordRecovery(ContinuousClock.now - begin)
                try await torture.waitForRestarts(names)
                #expect(try await world.runningInstance("steady", number: 1) == steady)
            }
            #expect(isAlive(keeper.pid) && world.monitorPID == keeper.pid)
            let said = world.readText(keeper.errorPath).components(
                separatedBy: "was ended by signal 9; it is started again in"
            )
            #expect(said.count == rounds + 1, "\(world.readText(keeper.errorPath))")
            try await torture.stopEverything()
            try torture.checkAndReport(names + ["steady"])
        }
    }
}
