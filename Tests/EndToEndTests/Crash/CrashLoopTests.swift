import Foundation
import Glibc
import Testing

/// Many crash loops (guarantees RS-1, RS-2).
///
/// The long form uses the numbers of the guarantees and takes minutes.
@Suite("Crash loops", .serialized)
struct CrashLoopTests {
    /// The CPU time of a process in seconds.
    private func cpuSeconds(_ pid: pid_t) -> Double {
        let fields = statFields(of: pid)
        guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else { return 0 }
        return (user + system) / 100
    }

    @Test(
        "Many crash loops keep their delays and count every execution (RS-1, RS-2)"
    )
    func manyCrashLoops() async throws {
        try await TestHost.with { host in
            let names = (0..<(TestSettings.isLong ? 200 : 24)).map { "loop\($0)" }
            let retry = TestSettings.isLong ? "retry: {}" : "retry: {delay: 200ms, max_delay: 800ms, jitter: 0.2}"
            for name in names { try host.declare(name, actions: .process("exit 1", retry)) }
            _ = try await host.run("apply", "--no-wait")
            try await eventually("all services were started twice", within: 120) {
                names.allSatisfy { host.instances($0).count > 1 }
            }
            if TestSettings.isLong {
                let reconciler = try #require(host.reconcilerPID)
                let (begin, before) = (bootTime(), cpuSeconds(reconciler))
                // The guarantee is measured over ten minutes.
                try await Task.sleep(for: .seconds(600))
                let share = (cpuSeconds(reconciler) - before) * 1e11 / Double(bootTime() - begin)
                print("RS-1: \(names.count) crash loops take \(share) % of one processor")
            } else {
                // The state of a crash loop survives the reconciler.
                for count in [3, 5] {
                    try await host.killReconciler()
                    _ = try host.start(["reconcile", "--watch", "--no-sync"])
                    try await eventually("all services continue", within: 60) {
                        names.allSatisfy { host.instances($0).count > count }
                    }
                }
            }
            for name in names { try host.declare(name, "status: stop", actions: .process("exit 1", retry)) }
            try await host.apply()
            var starts: [Int64] = []
            for name in names {
                let instances = host.instances(name)
                starts += instances.dropFirst(TestSettings.isLong ? 8 : instances.count).map {
                    $0.startedAt / 1_000_000
                }
                #expect(Set(instances.map(\.job)).count == 1)
                #expect(instances.map(\.restartCount) == Array(0..<instances.count))
                let job = try #require(try await host.jobs(of: name).first)
                // The last program may have been stopped between exec and its first instruction.
                #expect([instances.count - 1, instances.count].contains(job["restart_count"] as? Int ?? -1), "\(name)")
                for (index, (instance, next)) in zip(instances, instances.dropFirst()).enumerated() {
                    let delay = TestSettings.isLong ? min(30_000, 500 << min(index, 8)) : min(800, 200 << min(index, 4))
                    let least = delay * (TestSettings.isLong ? 90 : 80) / 100
                    let gap = (next.startedAt - (instance.endedAt ?? .max)) / 1_000_000
                    #expect(gap >= Int64(least), "\(name), attempt \(index + 2) after \(gap) ms")
                }
            }
            if TestSettings.isLong {
                let windows = Dictionary(grouping: starts) { $0 / 100 }.mapValues(\.count)
                print("RS-1: at most \(windows.values.max() ?? 0) starts in one 100 ms")
            }
        }
    }

    @Test("With restart always an exit code of 0 is restarted, too (RS-1)")
    func successfulExitsAreRestarted() async throws {
        try await TestHost.with { host in
            try host.declare(
                "brief",
                actions: .process("exit 0", "retry: {delay: 100ms, factor: 2, max_delay: 400ms, jitter: 0}")
            )
            _ = try await host.run("apply", "--no-wait")
            try await eventually("the service was started five times") { host.instances("brief").count >= 5 }
            let instances = host.instances("brief")
            for (index, least) in [100, 200, 400, 400].enumerated() {
                let gap = (instances[index + 1].startedAt - (instances[index].endedAt ?? .max)) / 1_000_000
                #expect(gap >= Int64(least), "attempt \(index + 2) started after \(gap) ms")
            }
            #expect(Set(instances.map(\.job)).count == 1)
        }
    }
}
