import Foundation
import Glibc
import Testing

/// One-shots with `when: stopped`, with real processes.
@Suite("Actions that run after a stop", .serialized)
struct StoppedActionTests {
    private func declare(_ host: TestHost, _ clean: String = "exit 0", generation: Int = 0) throws {
        try host.declare("db")
        try host.declare(
            "web",
            "requires: [db]",
            "generation: \(generation)",
            actions: .process(name: "server"),
            .oneShot(clean, "when: stopped", name: "clean")
        )
    }

    @Test("An action with when: stopped runs once after each ordered stop and restart")
    func runsOnce() async throws {
        try await TestHost.with { host in
            try declare(host)
            try await host.apply()
            #expect(host.instances("web", "clean").isEmpty)
            try declare(host, generation: 1)
            try await host.apply()
            let first = try #require(host.instances("web", "clean").first)
            #expect(first.startedAt > host.instances("web", "server").first?.endedAt ?? .max)
            #expect(first.endedAt ?? .max < host.instances("web", "server").last?.startedAt ?? 0)
            kill(try await host.runningInstance("web", "server", number: 2).pid, SIGKILL)
            _ = try await host.runningInstance("web", "server", number: 3)
            #expect(host.instances("web", "clean").count == 1, "a crash that heals is no stop")
            #expect(try await host.run("down").exitCode == 0)
            let second = try #require(host.instances("web", "clean").last)
            #expect(host.instances("web", "clean").count == 2)
            let signalled = try #require(host.instances("db").last?.stopRequestedAt)
            #expect(second.endedAt ?? .max < signalled, "the requirement stops afterwards")
            #expect(try await host.run("down").exitCode == 0)
            #expect(host.instances("web", "clean").count == 2)
        }
    }

    @Test("A failed or slow action after a stop holds nothing up")
    func failure() async throws {
        for commands in ["exit 3", "sleep -1"] {
            try await TestHost.with { host in
                try host.declare(
                    "web",
                    actions: .process(name: "server"),
                    .oneShot(commands, "when: stopped", "timeout: 300ms", name: "clean")
                )
                try await host.apply()
                #expect(try await host.run("down").exitCode == 0)
                #expect(try await host.state(of: "web") == "stopped")
                let job = try #require(try await host.jobs(of: "web").first { $0["action_id"] as? String == "clean" })
                #expect(job["phase"] as? String == "failed", "\(job)")
                _ = try await host.waitForEvent("error", "failed after 1 attempt")
            }
        }
    }

    @Test("A new reconciler finishes the actions after a stop")
    func newReconciler() async throws {
        try await TestHost.with { host in
            try host.declare(
                "web",
                actions: .process("linger 700", "stop: {timeout: 60s}", name: "server"),
                .oneShot("exit 0", "when: stopped", name: "clean")
            )
            try await host.apply()
            let down = try host.start(["down"])
            try await eventually("the stop has begun") { host.instances("web", "server").last?.stopRequestedAt != nil }
            kill(try #require(host.reconcilerPID), SIGKILL)
            _ = try await host.result(of: down)
            _ = try await host.run("down")
            try await eventually("the action has ended") { host.instances("web", "clean").last?.endedAt != nil }
            #expect(try await host.run("down").exitCode == 0)
            #expect(host.instances("web", "clean").count == 1)
        }
    }
}
