import Foundation
import Glibc
import HeroLinux
import Testing

/// At most one reconciler per state directory.
@Suite("One reconciler", .serialized)
struct LockTests {
    @Test("LK-1: a second reconciler leaves at once with 2, names the first, and changes nothing")
    func second() async throws {
        try await World.with { world in
            try world.declare("web")
            let first = try world.watch()
            let web = try await world.life("web")
            try world.declare("more", "status: stop")
            try await eventually("the first has seen it") { try await world.run("diff").code == 0 }
            for arguments in [["reconcile", "--watch"], ["reconcile"]] {
                let began = ContinuousClock.now
                let running = try world.start(arguments)
                #expect(try await world.code(of: running) == 2)
                #expect(ContinuousClock.now - began < .seconds(5))
                #expect(world.text(running.err).contains("pid \(first.pid)"), "\(world.text(running.err))")
            }
            #expect(world.reconciler == first.pid && isAlive(first.pid))
            #expect(try await world.life("web", number: 1) == web)
        }
    }

    @Test("LK-1: of five that start at once exactly one stays")
    func race() async throws {
        try await World.with { world in
            try world.declare("web")
            var running: [World.Running] = []
            for _ in 0..<5 { running.append(try world.watch()) }
            let web = try await world.life("web", number: 1)
            try await eventually("one is it") { world.reconciler != nil }
            let winner = try #require(world.reconciler)
            for other in running where other.pid != winner {
                #expect(try await world.code(of: other) == 2)
                #expect(world.text(other.err).contains("cannot reconcile"))
            }
            #expect(running.contains { $0.pid == winner } && isAlive(winner))
            #expect(try await world.life("web", number: 1) == web)
        }
    }

    @Test(
        "who looks for the live reconciler in another run directory is told which, and what to do",
        .enabled(if: geteuid() != 0, "root's run directory hangs on no variable")
    )
    func otherRunDirectory() async throws {
        try await World.with { world in
            try world.declare("web")
            try await world.apply()
            let web = try await world.life("web")
            let answer = try await world.run("apply", extra: ["XDG_RUNTIME_DIR": ""])
            #expect(answer.code == 2)
            #expect(answer.err.contains("there is no /") && answer.err.contains("XDG_RUNTIME_DIR"), "\(answer.err)")
            #expect(try await world.life("web", number: 1) == web)
        }
    }

    @Test("an apply from another directory is refused while a reconciler syncs from its own")
    func otherDirectory() async throws {
        try await World.with { world in
            try world.declare("web")
            _ = try world.watch()
            let web = try await world.life("web")
            let other = world.root + "/other"
            mkdir(other, 0o700)
            try Data(world.manifest("stranger", [], [.process()]).utf8).write(
                to: URL(fileURLWithPath: other + "/s.yaml")
            )
            let answer = try await world.run("apply", "--dir", other)
            #expect(answer.code == 2)
            #expect(answer.err.contains(world.services), "\(answer.err)")
            #expect(world.lives("stranger").isEmpty)
            #expect(try await world.life("web", number: 1) == web)
            let history = try await world.run("history", "-o", "json").json["revisions"] as? [[String: Any]]
            #expect(history?.count == 1)
        }
    }

    @Test("two applies at once: one reconciler, one instance of everything")
    func twoApplies() async throws {
        try await World.with { world in
            for name in ["a", "b", "c"] { try world.declare(name) }
            let running = try (0..<4).map { _ in try world.start(["apply"]) }
            for apply in running {
                let code = try await world.code(of: apply)
                #expect(code == 0, "\(world.text(apply.out)) \(world.text(apply.err))")
            }
            for name in ["a", "b", "c"] { #expect(world.lives(name).count == 1) }
            try await world.expectNoDifference()
        }
    }

    @Test("a long path of the state directory is no obstacle, and two state directories never meet")
    func longState() async throws {
        try await World.with { world in
            try world.declare("web")
            try await world.apply()
            let first = try await world.life("web")
            // The same services once more, in another state: the oracles keep other books there.
            let other = world.root + "/" + String(repeating: "deep/", count: 40) + "state"
            let traces = world.root + "/other"
            mkdir(traces, 0o700)
            let text = world.text("\(world.services)/web.yaml").replacing(world.traces, with: traces)
            let services = world.root + "/other.d"
            mkdir(services, 0o700)
            try Data(text.utf8).write(to: URL(fileURLWithPath: services + "/web.yaml"))
            let extra = ["HEROPROC_STATE": other, "HEROPROC_DIR": services]
            let answer = try await world.run("apply", extra: extra)
            #expect(answer.code == 0, "\(answer.out)\(answer.err)")
            #expect(try await world.run("status", extra: extra).code == 0)
            #expect(world.text(traces + "/web.run.trace").hasPrefix("START "))
            #expect(try await world.run("down", "--all", extra: extra).code == 0)
            #expect(world.text(traces + "/web.run.trace").contains("\nEXIT "))
            #expect(try await world.life("web", number: 1) == first)
            try? FileManager.default.removeItem(
                atPath: RuntimePaths.resolve(state: other, environment: world.environment).run
            )
        }
    }
}
