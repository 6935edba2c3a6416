import Foundation
import Glibc
import HeroLinux
import Testing

/// At most one reconciler per state directory.
@Suite("One reconciler", .serialized)
struct SingleReconcilerTests {
    @Test("LK-1: a second reconciler leaves at once with 2, names the first, and changes nothing")
    func secondReconcilerIsRefused() async throws {
        try await TestHost.with { world in
            try world.declare("web")
            let first = try world.startReconciler()
            let web = try await world.runningInstance("web")
            try world.declare("more", "status: stop")
            try await eventually("the first has seen it") { try await world.run("diff").exitCode == 0 }
            for arguments in [["reconcile", "--watch"], ["reconcile"]] {
                let began = ContinuousClock.now
                let running = try world.start(arguments)
                #expect(try await world.exitCode(of: running) == 2)
                #expect(ContinuousClock.now - began < .seconds(5))
                #expect(
                    world.readText(running.errorPath).contains("pid \(first.pid)"),
                    "\(world.readText(running.errorPath))"
                )
            }
            #expect(world.reconcilerPID == first.pid && isAlive(first.pid))
            #expect(try await world.runningInstance("web", number: 1) == web)
        }
    }

    @Test("LK-1: of five that start at once exactly one stays")
    func simultaneousStarts() async throws {
        try await TestHost.with { world in
            try world.declare("web")
            var running: [TestHost.RunningCommand] = []
            for _ in 0..<5 { running.append(try world.startReconciler()) }
            let web = try await world.runningInstance("web", number: 1)
            try await eventually("one is it") { world.reconcilerPID != nil }
            let winner = try #require(world.reconcilerPID)
            for other in running where other.pid != winner {
                #expect(try await world.exitCode(of: other) == 2)
                #expect(world.readText(other.errorPath).contains("cannot reconcile"))
            }
            #expect(running.contains { $0.pid == winner } && isAlive(winner))
            #expect(try await world.runningInstance("web", number: 1) == web)
        }
    }

    @Test(
        "who looks for the live reconciler in another run directory is told which, and what to do",
        .enabled(if: geteuid() != 0, "root's run directory hangs on no variable")
    )
    func otherRunDirectory() async throws {
        try await TestHost.with { world in
            try world.declare("web")
            try await world.apply()
            let web = try await world.runningInstance("web")
            let answer = try await world.run("apply", extra: ["XDG_RUNTIME_DIR": ""])
            #expect(answer.exitCode == 2)
            #expect(
                answer.errorOutput.contains("there is no /") && answer.errorOutput.contains("XDG_RUNTIME_DIR"),
                "\(answer.errorOutput)"
            )
            #expect(try await world.runningInstance("web", number: 1) == web)
        }
    }

    @Test("an apply from another directory is refused while a reconciler syncs from its own")
    func otherDirectory() async throws {
        try await TestHost.with { world in
            try world.declare("web")
            _ = try world.startReconciler()
            let web = try await world.runningInstance("web")
            let other = world.root + "/other"
            mkdir(other, 0o700)
            try Data(world.manifest("stranger", [], [.process()]).utf8).write(
                to: URL(fileURLWithPath: other + "/s.yaml")
            )
            let answer = try await world.run("apply", "--dir", other)
            #expect(answer.exitCode == 2)
            #expect(answer.errorOutput.contains(world.servicesDirectory), "\(answer.errorOutput)")
            #expect(world.instances("stranger").isEmpty)
            #expect(try await world.runningInstance("web", number: 1) == web)
            let history = try await world.run("history", "-o", "json").json["revisions"] as? [[String: Any]]
            #expect(history?.count == 1)
        }
    }

    @Test("two applies at once: one reconciler, one instance of everything")
    func twoApplies() async throws {
        try await TestHost.with { world in
            for name in ["a", "b", "c"] { try world.declare(name) }
            let running = try (0..<4).map { _ in try world.start(["apply"]) }
            for apply in running {
                let code = try await world.exitCode(of: apply)
                #expect(code == 0, "\(world.readText(apply.outputPath)) \(world.readText(apply.errorPath))")
            }
            for name in ["a", "b", "c"] { #expect(world.instances(name).count == 1) }
            try await world.expectEmptyDiff()
        }
    }

    @Test("a long path of the state directory is no obstacle, and two state directories never meet")
    func longStatePath() async throws {
        try await TestHost.with { world in
            try world.declare("web")
            try await world.apply()
            let first = try await world.runningInstance("web")
            // The same services once more, in another state: the oracles keep other books there.
            let other = world.root + "/" + String(repeating: "deep/", count: 40) + "state"
            let traces = world.root + "/other"
            mkdir(traces, 0o700)
            let text = world.readText("\(world.servicesDirectory)/web.yaml").replacing(
                world.traceDirectory,
                with: traces
            )
            let services = world.root + "/other.d"
            mkdir(services, 0o700)
            try Data(text.utf8).write(to: URL(fileURLWithPath: services + "/web.yaml"))
            let extra = ["HEROPROC_STATE": other, "HEROPROC_DIR": services]
            let answer = try await world.run("apply", extra: extra)
            #expect(answer.exitCode == 0, "\(answer.output)\(answer.errorOutput)")
            #expect(try await world.run("status", extra: extra).exitCode == 0)
            #expect(world.readText(traces + "/web.run.trace").hasPrefix("START "))
            #expect(try await world.run("down", "--all", extra: extra).exitCode == 0)
            #expect(world.readText(traces + "/web.run.trace").contains("\nEXIT "))
            #expect(try await world.runningInstance("web", number: 1) == first)
            try? FileManager.default.removeItem(
                atPath: RuntimePaths.resolve(state: other, environment: world.environment).run
            )
        }
    }
}
