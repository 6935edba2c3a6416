import Foundation
import HeroLinux
import HeroModel
import Testing

/// Process trees and their end, on every level of containment that this machine has (reliability.md 4.6).
@Suite("Process trees", .serialized)
struct TreeTests {
    /// The levels this machine has, each by the word that asks for it.
    private static let levels = ContainmentSupport.Method.allCases.map(\.rawValue).filter {
        CgroupSupport.detect(environment: ["HEROPROC_CONTAINMENT": $0]).level.rawValue == $0
    }

    private static func variables(_ level: String) -> [String: String] { ["HEROPROC_CONTAINMENT": level] }

    private func apply(_ world: World, _ level: String) async throws {
        let answer = try await world.run(["apply"], extra: Self.variables(level))
        #expect(answer.code == 0, "\(answer.out)\(answer.err)")
    }

    /// The directories of a world that are left below the cgroup file systems.
    private func directories(_ world: World) -> [String] {
        let parents = Self.levels.map { CgroupSupport.detect(environment: Self.variables($0)).parent }
        return parents.filter { !$0.isEmpty }.flatMap { parent in
            ((try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? []).filter {
                world.paths.run.hasSuffix($0.replacing("heroproc-", with: "")) && $0.hasPrefix("heroproc-")
            }
        }
    }

    /// Programs that are hard to stop, and what else must hold.
    private static let stubborn = [
        "ignore-term", "ignore-term fork 3 daemonize", "fork-on-term 3", "linger 300 fork 2", "lose-leader",
        "fork 2 lose-leader", "ignore-term daemonize crash 19", "traced", "fork 2 traced", "trace-child",
        "trace-child ignore-term",
        "vfork", "fork 1 daemonize vfork",
    ]

    @Test("TR-2, TR-3: nothing survives a stop, and nothing is left of its containment", arguments: levels)
    func stubbornPrograms(_ level: String) async throws {
        try await World.with { world in
            for (index, words) in Self.stubborn.enumerated() {
                try world.declare("mule\(index)", does: .process(words, "stop: {timeout: 600ms}"))
            }
            try await apply(world, level)
            for index in Self.stubborn.indices {
                try await eventually("mule\(index) began") { world.lives("mule\(index)").count == 1 }
            }
            let answer = try await world.run("down")
            #expect(answer.code == 0, "\(answer.out)\(answer.err)")
            for (index, words) in Self.stubborn.enumerated() {
                let life = try #require(world.lives("mule\(index)").first)
                #expect(!isAlive(life.pid), "\(words)")
                for child in life.children { #expect(!isAlive(child), "a child of: \(words)") }
            }
            #expect(directories(world) == [])
        }
    }

    @Test("TR-3: a program of which only the first thread has ended is alive, and is asked to end")
    func lostLeader() async throws {
        try await World.with { world in
            try world.declare("odd", does: .process("lose-leader", "stop: {timeout: 60s}"))
            try await world.apply()
            try await eventually("its first thread has ended") {
                world.lives("odd").first.map { isZombie($0.pid) } ?? false
            }
            try await world.expectNoDifference()
            #expect(try await world.state(of: "odd") == "running")
            #expect(try await world.run("down").code == 0)
            #expect(world.lives("odd").first?.end == .exit(code: 0), "it ended by the signal, not by a kill")
        }
    }

    @Test("TR-3: a stopped program is continued after its signal, so that it ends by it")
    func stopped() async throws {
        try await World.with { world in
            try world.declare("still", does: .process("wait 0", "stop: {timeout: 60s}"))
            try await world.apply()
            let life = try await world.life("still")
            #expect(kill(life.pid, SIGSTOP) == 0)
            try await eventually("it stands still") { isStopped(life.pid) }
            #expect(try await world.run("down").code == 0)
            #expect(world.lives("still").first?.end == .exit(code: 0))
        }
    }

    @Test(
        "TR-4: what the main program leaves behind holds its port; the next start waits until it is gone",
        arguments: levels
    )
    func leftBehind(_ level: String) async throws {
        try await World.with { world in
            let port = try freePort()
            try world.declare(
                "apache",
                does: .process(
                    "listen \(port) ignore-term fork 3 wait 20 exit 1",
                    "stop: {timeout: 50ms}",
                    "retry: {delay: 10ms, factor: 1}"
                )
            )
            _ = try await world.run(["apply", "--no-wait"], extra: Self.variables(level))
            let count = TestSettings.isLong ? 100 : 10
            try await eventually("it was started again and again", within: 6 * count) {
                world.lives("apache").count >= count
            }
            try world.declare("apache", "status: stop", does: .process("listen \(port)"))
            _ = try await world.run("apply")
            for life in world.lives("apache").dropLast() {
                #expect(life.listened != nil)
                #expect(life.end == .exit(code: 1))
            }
        }
    }

    @Test("TR-5: a tree whose shim and reconciler were killed is ended before the next start", arguments: levels)
    func fenced(_ level: String) async throws {
        try await World.with { world in
            try world.declare("web", does: .process("fork 3 daemonize daemonize", "retry: {delay: 10ms}"))
            try await apply(world, level)
            try await eventually("its children live") { world.lives("web").first?.children.count == 5 }
            let life = try await world.life("web", number: 1)
            let shim = try #require(parentShim(life.pid))
            try await world.killReconciler()
            #expect(kill(shim, SIGKILL) == 0)
            try await apply(world, level)
            let next = try await world.life("web", number: 2)
            #expect(next.restarts == 1)
            for pid in [life.pid] + life.children { #expect(!isAlive(pid)) }
        }
    }
}
