import Foundation
import Glibc
import Testing

/// Restarts after an end, as the policy declares.
@Suite("Restart policies", .serialized)
struct RestartPolicyTests {
    @Test("A killed process is restarted in the same job without its dependents")
    func killedProcessIsRestarted() async throws {
        try await TestHost.with { host in
            try host.declare("db", actions: .process("sleep -1", "retry: {delay: 50ms, jitter: 0}"))
            try host.declare("web", "requires: [db]")
            try await host.apply()
            let before = try await host.runningInstance("db")
            let web = try await host.runningInstance("web")
            #expect(kill(before.pid, SIGKILL) == 0)
            let after = try await host.runningInstance("db", number: 2)
            #expect(after.job == before.job && after.restartCount == 1)
            try await eventually("status shows the process") {
                try await host.actionStatus("db")["pid"] as? Int == Int(after.pid)
            }
            let action = try await host.actionStatus("db")
            #expect(action["job_id"] as? Int == before.job)
            #expect(action["restart_count"] as? Int == 1)
            #expect(try await host.jobs(of: "db").count == 1)
            #expect(try await host.runningInstance("web", number: 1) == web, "a restart after a crash does not cascade")
            try await host.expectEmptyDiff()
        }
    }

    @Test("The retry delay grows by its factor up to its limit (RS-1)")
    func delayGrows() async throws {
        try await TestHost.with { host in
            try host.declare(
                "flaky",
                actions: .process("fails 100 1", "retry: {delay: 100ms, factor: 2, max_delay: 400ms, jitter: 0}")
            )
            _ = try await host.run("apply", "--no-wait")
            try await eventually("the service was started six times") { host.instances("flaky").count >= 6 }
            let instances = host.instances("flaky")
            for (index, least) in [100, 200, 400, 400, 400].enumerated() {
                let gap = (instances[index + 1].startedAt - (instances[index].endedAt ?? .max)) / 1_000_000
                #expect(
                    gap >= Int64(least) && gap < Int64(least) + 5000,
                    "attempt \(index + 2) started after \(gap) ms"
                )
            }
            #expect(instances.map(\.restartCount).prefix(6) == [0, 1, 2, 3, 4, 5])
            #expect(Set(instances.map(\.job)).count == 1)
        }
    }

    @Test("A retry delay of zero restarts a program immediately")
    func zeroDelay() async throws {
        try await TestHost.with { host in
            try host.declare("flaky", actions: .process("fails 50 1", "retry: {delay: 0ms, jitter: 0}"))
            // An apply that waits ends after the third failure.
            _ = try await host.run("apply", "--no-wait")
            let last = try await host.runningInstance("flaky", number: 51)
            #expect(last.restartCount == 50)
            let instances = host.instances("flaky")
            let gaps = zip(instances, instances.dropFirst()).map { ($1.startedAt - ($0.endedAt ?? .max)) / 1_000_000 }
                .sorted()
            #expect(gaps[gaps.count / 2] < 250, "half of the restarts came within 250 ms: \(gaps)")
        }
    }

    @Test("Dependents wait until a retried one-shot succeeds")
    func oneShotIsRetried() async throws {
        try await TestHost.with { host in
            try host.declare("seed", actions: .oneShot("fails 2 7 exit 0", "retry: {max_attempts: 3, delay: 10ms}"))
            try host.declare("web", "requires: [seed]")
            try await host.apply()
            let instances = host.instances("seed")
            #expect(instances.map(\.end) == [.exit(code: 7), .exit(code: 7), .exit(code: 0)])
            #expect(Set(instances.map(\.job)).count == 1)
            #expect(try await host.runningInstance("web").startedAt > instances.last?.endedAt ?? .max)
        }
    }

    @Test("A one-shot fails with its last exit code after its last attempt")
    func oneShotGivesUp() async throws {
        try await TestHost.with { host in
            try host.declare("seed", actions: .oneShot("fails 9 7", "retry: {max_attempts: 2, delay: 10ms}"))
            #expect(try await host.run("apply").exitCode == 1)
            let job = try #require(try await host.jobs(of: "seed").first)
            #expect(job["phase"] as? String == "failed")
            #expect(job["exit_code"] as? Int == 7)
            #expect(job["attempt"] as? Int == 2 && job["restart_count"] as? Int == 1)
            #expect(host.instances("seed").count == 2)
        }
    }

    @Test("With restart never an ended process stays exited or failed")
    func restartNever() async throws {
        try await TestHost.with { host in
            try host.declare("good", actions: .process("wait 50 exit 0", "restart: never"))
            try host.declare("bad", actions: .process("wait 50 exit 9", "restart: never"))
            _ = try await host.run("apply")
            try await eventually("both services have ended") {
                let (good, bad) = (try await host.state(of: "good"), try await host.state(of: "bad"))
                return good == "exited" && bad == "failed"
            }
            #expect(host.instances("good").count == 1 && host.instances("bad").count == 1)
        }
    }

    @Test("An end by a signal is recorded as that signal")
    func endBySignal() async throws {
        try await TestHost.with { host in
            try host.declare("crasher", actions: .oneShot("crash \(SIGSEGV)"))
            #expect(try await host.run("apply").exitCode == 1)
            let job = try #require(try await host.jobs(of: "crasher").first)
            #expect(job["signal"] as? String == "SEGV")
            #expect(job["exit_code"] is NSNull || job["exit_code"] == nil)
        }
    }

    @Test("The remaining process tree is stopped before the next start (I1)")
    func treeStopsBeforeNextStart() async throws {
        try await TestHost.with { host in
            // The children hold the lock of the oracle. A start while one of them runs would write DUP.
            try host.declare(
                "forker",
                actions: .process(
                    "ignore-term fork 2 wait 50 fails 3 1",
                    "retry: {delay: 0ms}",
                    "stop: {timeout: 200ms}"
                )
            )
            _ = try await host.run("apply", "--no-wait")
            let last = try await host.runningInstance("forker", number: 4)
            #expect(last.restartCount == 3)
            let earlier = host.instances("forker").dropLast().flatMap(\.children)
            #expect(earlier.count == 6)
            #expect(!earlier.contains(where: isAlive))
        }
    }

    @Test("A failed service is stopped after a down, and after its manifest says so")
    func failedServiceIsStopped() async throws {
        try await TestHost.with { host in
            for name in ["web", "api"] {
                try host.declare(name, actions: .process("fails 9 1", "retry: {max_attempts: 1}"))
            }
            #expect(try await host.run("apply").exitCode == 1)
            #expect(try await host.state(of: "web") == "failed")
            try host.declare("web", "status: stop", actions: .process("fails 9 1", "retry: {max_attempts: 1}"))
            _ = try await host.run("apply")
            #expect(try await host.state(of: "web") == "stopped")
            #expect(try await host.state(of: "api") == "failed")
            #expect(try await host.run("down").exitCode == 0)
            #expect(try await host.state(of: "api") == "stopped")
            #expect(try await host.run("status").exitCode == 0)
            #expect(try await host.jobs(of: "api").first?["phase"] as? String == "failed", "its job stays as evidence")
            #expect(try await host.run("apply").exitCode == 1)
            #expect(try await host.state(of: "api") == "failed", "it was tried again")
        }
    }
}
