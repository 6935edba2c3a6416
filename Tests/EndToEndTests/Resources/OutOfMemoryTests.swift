import Foundation
import Glibc
import Testing

/// The OOM killer kills the reconciler (guarantee OM-3).
@Suite(
    "Out of memory",
    .serialized,
    .enabled(if: ControlGroup.isControllerAvailable("memory"), "needs root, and a memory controller of cgroup v1")
)
struct OutOfMemoryTests {
    /// The number of OOM kills in a group.
    private func killCount(_ group: ControlGroup) -> Int {
        let lines = group.read("memory.oom_control").split(separator: "\n")
        return lines.first { $0.hasPrefix("oom_kill ") }.flatMap { Int($0.dropFirst(9)) } ?? -1
    }

    @Test(
        "The monitor restarts a reconciler killed by the OOM killer (OM-3)"
    )
    func reconcilerIsKilled() async throws {
        try await TestHost.with { host in
            var torture = try await TortureRun("OM-3 out of memory", host)
            let keep = "log: {max_size: 10MiB, keep: 99}"
            let names = (1...4).map { "job\($0)" }
            for name in names {
                try host.declare(name, actions: .process("random-life 400", "retry: {delay: 0ms, jitter: 0}", keep))
            }
            try host.declare("steady", actions: .process("lines 200", keep))
            let group = try ControlGroup("memory", host)
            // The group has no memory for a new process.
            try group.write("0", "memory.limit_in_bytes")
            let monitor = try host.start(["reconcile", "--watch", "--keep"])
            try await torture.waitForRestarts(names)
            let steady = try await host.runningInstance("steady", number: 1)
            let rounds = TestSettings.cycles(1, share: 50)
            for round in 1...rounds {
                let reconciler = try #require(host.reconcilerPID)
                try group.write("\(reconciler)", "cgroup.procs")
                try await eventually("the kernel has killed the reconciler") { !isAlive(reconciler) }
                #expect(killCount(group) == round)
                torture.countCycle()
                let begin = ContinuousClock.now
                try await eventually("a new reconciler runs", within: 40) {
                    torture.history.preserveLogs()
                    return host.reconcilerPID.map { $0 != reconciler } ?? false
                }
                torture.recordRecovery(ContinuousClock.now - begin)
                try await torture.waitForRestarts(names)
                #expect(try await host.runningInstance("steady", number: 1) == steady)
            }
            #expect(isAlive(monitor.pid) && host.monitorPID == monitor.pid)
            let restarts = host.readText(monitor.errorPath).components(
                separatedBy: "was killed by signal 9; restarting in"
            )
            #expect(restarts.count == rounds + 1, "\(host.readText(monitor.errorPath))")
            try await torture.stopEverything()
            try torture.checkAndReport(names + ["steady"])
        }
    }
}
