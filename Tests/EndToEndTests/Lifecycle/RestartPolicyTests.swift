import Foundation
import Glibc
import Testing

/// What dies comes back, by its policy.
@Suite("Healing", .serialized)
struct RestartPolicyTests {
    @Test("kill -9 of a service's process: it comes back in the same job, and its dependents are not touched")
    func killedProcessIsRestarted() async throws {
        try await TestHost.with { world in
            try world.declare("db", actions: .process("sleep -1", "retry: {delay: 50ms, jitter: 0}"))
            try world.declare("web", "requires: [db]")
            try await world.apply()
            let before = try await world.runningInstance("db")
            let web = try await world.runningInstance("web")
            #expect(kill(before.pid, SIGKILL) == 0)
            let after = try await world.runningInstance("db", number: 2)
            #expect(after.job == before.job && after.restartCount == 1)
            try await eventually("it is seen") { try await world.actionStatus("db")["pid"] as? Int == Int(after.pid) }
            let action = try await world.actionStatus("db")
            #expect(action["job_id"] as? Int == before.job)
            #expect(action["restart_count"] as? Int == 1)
            #expect(try await world.jobs(of: "db").count == 1)
            #expect(try await world.runningInstance("web", number: 1) == web, "a crash that heals does not cascade")
            try await world.expectEmptyDiff()
        }
    }

    @Test("the delay grows by its factor up to its limit (RS-1)")
    func delayGrows() async throws {
        try await TestHost.with { world in
            try world.declare(
                "flaky",
                actions: .process("fails 100 1", "retry: {delay: 100ms, factor: 2, max_delay: 400ms, jitter: 0}")
            )
            _ = try await world.run("apply", "--no-wait")
            try await eventually("it was tried six times") { world.instances("flaky").count >= 6 }
            let lives = world.instances("flaky")
            for (index, least) in [100, 200, 400, 400, 400].enumerated() {
                let gap = (lives[index + 1].startedAt - (lives[index].endedAt ?? .max)) / 1_000_000
                #expect(gap >= Int64(least) && gap < Int64(least) + 5000, "try \(index + 2) came after \(gap) ms")
            }
            #expect(lives.map(\.restartCount).prefix(6) == [0, 1, 2, 3, 4, 5])
            #expect(Set(lives.map(\.job)).count == 1)
        }
    }

    @Test("delay: 0 is at once")
    func zeroDelay() async throws {
        try await TestHost.with { world in
            try world.declare("flaky", actions: .process("fails 50 1", "retry: {delay: 0ms, jitter: 0}"))
            try await world.apply()
            let last = try await world.runningInstance("flaky", number: 51)
            #expect(last.restartCount == 50)
            let lives = world.instances("flaky")
            let gaps = zip(lives, lives.dropFirst()).map { ($1.startedAt - ($0.endedAt ?? .max)) / 1_000_000 }.sorted()
            #expect(gaps[gaps.count / 2] < 250, "half of them came within 250 ms: \(gaps)")
        }
    }

    @Test("a one-shot is tried again as often as it may be, and its dependents wait for the try that ends well")
    func oneShotIsRetried() async throws {
        try await TestHost.with { world in
            try world.declare("seed", actions: .oneShot("fails 2 7 exit 0", "retry: {max_attempts: 3, delay: 10ms}"))
            try world.declare("web", "requires: [seed]")
            try await world.apply()
            let lives = world.instances("seed")
            #expect(lives.map(\.end) == [.exit(code: 7), .exit(code: 7), .exit(code: 0)])
            #expect(Set(lives.map(\.job)).count == 1)
            #expect(try await world.runningInstance("web").startedAt > lives.last?.endedAt ?? .max)
        }
    }

    @Test("a one-shot that spent its tries has failed, with its last exit code, and is tried no more")
    func oneShotGivesUp() async throws {
        try await TestHost.with { world in
            try world.declare("seed", actions: .oneShot("fails 9 7", "retry: {max_attempts: 2, delay: 10ms}"))
            #expect(try await world.run("apply").exitCode == 1)
            let job = try #require(try await world.jobs(of: "seed").first)
            #expect(job["phase"] as? String == "failed")
            #expect(job["exit_code"] as? Int == 7)
            #expect(job["attempt"] as? Int == 2 && job["restart_count"] as? Int == 1)
            #expect(world.instances("seed").count == 2)
        }
    }

    @Test("a process with restart: never that ended stays ended: exited with 0, failed otherwise")
    func restartNever() async throws {
        try await TestHost.with { world in
            try world.declare("good", actions: .process("wait 50 exit 0", "restart: never"))
            try world.declare("bad", actions: .process("wait 50 exit 9", "restart: never"))
            _ = try await world.run("apply")
            try await eventually("both ended") {
                let (good, bad) = (try await world.state(of: "good"), try await world.state(of: "bad"))
                return good == "exited" && bad == "failed"
            }
            #expect(world.instances("good").count == 1 && world.instances("bad").count == 1)
        }
    }

    @Test("an end by a signal is recorded as that signal, not as an exit code")
    func endBySignal() async throws {
        try await TestHost.with { world in
            try world.declare("crasher", actions: .oneShot("crash \(SIGSEGV)"))
            #expect(try await world.run("apply").exitCode == 1)
            let job = try #require(try await world.jobs(of: "crasher").first)
            #expect(job["signal"] as? String == "SEGV")
            #expect(job["exit_code"] is NSNull || job["exit_code"] == nil)
        }
    }

    @Test("when a main program ends while others of its tree live on, they are stopped before the next start (I1)")
    func treeStopsBeforeNextStart() async throws {
        try await TestHost.with { world in
            // The children hold the oracle's lock: a start while one of them lives would say DUP.
            try world.declare(
                "forker",
                actions: .process(
                    "ignore-term fork 2 wait 50 fails 3 1",
                    "retry: {delay: 0ms}",
                    "stop: {timeout: 200ms}"
                )
            )
            _ = try await world.run("apply", "--no-wait")
            let last = try await world.runningInstance("forker", number: 4)
            #expect(last.restartCount == 3)
            let earlier = world.instances("forker").dropLast().flatMap(\.children)
            #expect(earlier.count == 6)
            #expect(!earlier.contains(where: isAlive))
        }
    }
}
