import Foundation
import HeroLinux
import HeroModel
import Testing

/// Process trees and their end, on every level of containment that this machine has (reliability.md 4.6).
@Suite("Process trees", .serialized)
struct ProcessTreeTests {
    /// The levels this machine has, each by the word that asks for it.
    private static let levels = ContainmentSupport.Method.allCases.map(\.rawValue).filter {
        CgroupSupport.detect(environment: ["HEROPROC_CONTAINMENT": $0]).level.rawValue == $0
    }

    private static func environment(_ level: String) -> [String: String] { ["HEROPROC_CONTAINMENT": level] }

    private func apply(_ world: TestHost, _ level: String) async throws {
        let answer = try await world.run(["apply"], extra: Self.environment(level))
        #expect(answer.exitCode == 0, "\(answer.output)\(answer.errorOutput)")
    }

    /// The directories of a world that are left below the cgroup file systems.
    private func leftoverCgroups(_ world: TestHost) -> [String] {
        let parents = Self.levels.map { CgroupSupport.detect(environment: Self.environment($0)).parent }
        return parents.filter { !$0.isEmpty }.flatMap { parent in
            ((try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? []).filter {
                world.paths.run.hasSuffix($0.replacing("heroproc-", with: "")) && $0.hasPrefix("heroproc-")
            }
        }
    }

    /// Programs that are hard to stop, and what else must hold.
    private static let stubbornCommands = [
        "ignore-term", "ignore-term fork 3 daemonize", "fork-on-term 3", "linger 300 fork 2", "lose-leader",
        "fork 2 lose-leader", "ignore-term daemonize crash 19", "traced", "fork 2 traced", "trace-child",
        "trace-child ignore-term",
        "vfork", "fork 1 daemonize vfork",
    ]

    @Test("TR-2, TR-3: nothing survives a stop, and nothing is left of its containment", arguments: levels)
    func stubbornPrograms(_ level: String) async throws {
        try await TestHost.with { world in
            for (index, words) in Self.stubbornCommands.enumerated() {
                try world.declare("mule\(index)", actions: .process(words, "stop: {timeout: 600ms}"))
            }
            try await apply(world, level)
            for index in Self.stubbornCommands.indices {
                try await eventually("mule\(index) began") { world.instances("mule\(index)").count == 1 }
            }
            let answer = try await world.run("down")
            #expect(answer.exitCode == 0, "\(answer.output)\(answer.errorOutput)")
            for (index, words) in Self.stubbornCommands.enumerated() {
                let life = try #require(world.instances("mule\(index)").first)
                #expect(!isAlive(life.pid), "\(words)")
                for child in life.children { #expect(!isAlive(child), "a child of: \(words)") }
            }
            #expect(leftoverCgroups(world) == [])
        }
    }

    @Test("TR-3: a program of which only the first thread has ended is alive, and is asked to end")
    func endedFirstThread() async throws {
        try await TestHost.with { world in
            try world.declare("odd", actions: .process("lose-leader", "stop: {timeout: 60s}"))
            try await world.apply()
            try await eventually("its first thread has ended") {
                world.instances("odd").first.map { isZombie($0.pid) } ?? false
            }
            try await world.expectEmptyDiff()
            #expect(try await world.state(of: "odd") == "running")
            #expect(try await world.run("down").exitCode == 0)
            #expect(world.instances("odd").first?.end == .exit(code: 0), "it ended by the signal, not by a kill")
        }
    }

    @Test("TR-3: a stopped program is continued after its signal, so that it ends by it")
    func stoppedProgram() async throws {
        try await TestHost.with { world in
            try world.declare("still", actions: .process("wait 0", "stop: {timeout: 60s}"))
            try await world.apply()
            let life = try await world.runningInstance("still")
            #expect(kill(life.pid, SIGSTOP) == 0)
            try await eventually("it stands still") { isStopped(life.pid) }
            #expect(try await world.run("down").exitCode == 0)
            #expect(world.instances("still").first?.end == .exit(code: 0))
        }
    }

    @Test(
        "TR-4: what the main program leaves behind holds its port; the next start waits until it is gone",
        arguments: levels
    )
    func leftoverHoldsPort(_ level: String) async throws {
        try await TestHost.with { world in
            let port = try freePort()
            try world.declare(
                "apache",
                actions: .process(
                    "listen \(port) ignore-term fork 3 wait 20 exit 1",
                    "stop: {timeout: 50ms}",
                    "retry: {delay: 10ms, factor: 1}"
                )
            )
            _ = try await world.run(["apply", "--no-wait"], extra: Self.environment(level))
            let count = TestSettings.isLong ? 100 : 10
            try await eventually("it was started again and again", within: 6 * count) {
                world.instances("apache").count >= count
            }
            try world.declare("apache", "status: stop", actions: .process("listen \(port)"))
            _ = try await world.run("apply")
            for life in world.instances("apache").dropLast() {
                #expect(life.listeningAt != nil)
                #expect(life.end == .exit(code: 1))
            }
        }
    }

    @Test("TR-5: a tree whose shim and reconciler were killed is ended before the next start", arguments: levels)
    func treeWithoutShim(_ level: String) async throws {
        try await TestHost.with { world in
            try world.declare("web", actions: .process("fork 3 daemonize daemonize", "retry: {delay: 10ms}"))
            try await apply(world, level)
            try await eventually("its children live") { world.instances("web").first?.children.count == 5 }
            let life = try await world.runningInstance("web", number: 1)
            let shim = try #require(parentShim(life.pid))
            try await world.killReconciler()
            #expect(kill(shim, SIGKILL) == 0)
            try await apply(world, level)
            let next = try await world.runningInstance("web", number: 2)
            #expect(next.restartCount == 1)
            for pid in [life.pid] + life.children { #expect(!isAlive(pid)) }
        }
    }
}
