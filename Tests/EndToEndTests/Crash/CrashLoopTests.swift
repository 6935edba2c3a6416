import Foundation
import Glibc
import Testing

/// Many programs that crash again and again (reliability.md 4.11); in the long form with the figures of the specification, which
/// take minutes.
@Suite("Crash loops", .serialized)
struct CrashLoopTests {
    /// The processor's time of a process, in seconds.
    private func cpuSeconds(_ pid: pid_t) -> Double {
        let fields = statFields(of: pid)
        guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else { return 0 }
        return (user + system) / 100
    }

    @Test(
        "RS-1, RS-2: a crowd of crash loops keeps to its delays, each in its own job, and every execution is counted once"
    )
    func manyCrashLoops() async throws {
        try await TestHost.with { world in
            let names = (0..<(TestSettings.isLong ? 200 : 24)).map { "loop\($0)" }
            let retry = TestSettings.isLong ? "retry: {}" : "retry: {delay: 200ms, max_delay: 800ms, jitter: 0.2}"
            for name in names { try world.declare(name, actions: .process("exit 1", retry)) }
            _ = try await world.run("apply", "--no-wait")
            try await eventually("all were tried twice", within: 120) {
                names.allSatisfy { world.instances($0).count > 1 }
            }
            if TestSettings.isLong {
                let reconciler = try #require(world.reconcilerPID)
                let (begin, before) = (bootTime(), cpuSeconds(reconciler))
                // Ten minutes of it are what the specification asks for.
                try await Task.sleep(for: .seconds(600))
                let share = (cpuSeconds(reconciler) - before) * 1e11 / Double(bootTime() - begin)
                print("RS-1: \(names.count) crash loops take \(share) % of one processor")
            } else {
                // What a reconciler knows of a loop survives it.
                for count in [3, 5] {
                    try await world.killReconciler()
                    _ = try world.start(["reconcile", "--watch", "--no-sync"])
                    try await eventually("all go on", within: 60) {
                        names.allSatisfy { world.instances($0).count > count }
                    }
                }
            }
            for name in names { try world.declare(name, "status: stop", actions: .process("exit 1", retry)) }
            try await world.apply()
            var starts: [Int64] = []
            for name in names {
                let lives = world.instances(name)
                starts += lives.dropFirst(TestSettings.isLong ? 8 : lives.count).map { $0.startedAt / 1_000_000 }
                #expect(Set(lives.map(\.job)).count == 1)
                #expect(lives.map(\.restartCount) == Array(0..<lives.count))
                let job = try #require(try await world.jobs(of: name).first)
                // The last one may have been stopped between exec and its first instruction.
                #expect([lives.count - 1, lives.count].contains(job["restart_count"] as? Int ?? -1), "\(name)")
                for (index, (life, next)) in zip(lives, lives.dropFirst()).enumerated() {
                    let delay = TestSettings.isLong ? min(30_000, 500 << min(index, 8)) : min(800, 200 << min(index, 4))
                    let least = delay * (TestSettings.isLong ? 90 : 80) / 100
                    let gap = (next.startedAt - (life.endedAt ?? .max)) / 1_000_000
                    #expect(gap >= Int64(least), "\(name), try \(index + 2) after \(gap) ms")
                }
            }
            if TestSettings.isLong {
                let windows = Dictionary(grouping: starts) { $0 / 100 }.mapValues(\.count)
                print("RS-1: at most \(windows.values.max() ?? 0) starts in one 100 ms")
            }
        }
    }

    @Test("RS-1: restart: always takes an exit code of 0 like any other end")
    func successfulExitsAreRestarted() async throws {
        try await TestHost.with { world in
            try world.declare(
                "brief",
                actions: .process("exit 0", "retry: {delay: 100ms, factor: 2, max_delay: 400ms, jitter: 0}")
            )
            _ = try await world.run("apply", "--no-wait")
            try await eventually("it was tried five times") { world.instances("brief").count >= 5 }
            let lives = world.instances("brief")
            for (index, least) in [100, 200, 400, 400].enumerated() {
                let gap = (lives[index + 1].startedAt - (lives[index].endedAt ?? .max)) / 1_000_000
                #expect(gap >= Int64(least), "try \(index + 2) came after \(gap) ms")
            }
            #expect(Set(lives.map(\.job)).count == 1)
        }
    }
}
