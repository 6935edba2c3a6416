import Foundation
import Glibc
import Testing

/// Random sets of services that require each other, judged by the oracles' own clocks (reliability.md 4.23).
@Suite("Dependencies", .serialized)
struct DependencyTests {
    private static let seeds: [UInt64] = TestSettings.isLong ? (1...100).map { UInt64($0) } : [3, 4]

    /// A random set without cycles: each service requires some of those before it.
    private struct Graph {
        var requires: [[Int]] = []
        var isStopped: [Bool]
        var version = 0

        init(_ count: Int, _ random: inout SeededGenerator) {
            isStopped = Array(repeating: false, count: count)
            for index in 0..<count {
                let chosen = (0..<index).filter { _ in Int.random(in: 0..<100, using: &random) < 250 / max(8, count) }
                requires.append(chosen)
            }
        }

        var count: Int { requires.count }

        /// All that require one of these, directly or not, and these.
        func dependents(of roots: Set<Int>) -> Set<Int> {
            var found = roots
            // Whoever requires comes later.
            for index in 0..<count where !found.isDisjoint(with: requires[index]) { found.insert(index) }
            return found
        }

        func name(_ index: Int) -> String { "n\(index)" }

        func declare(_ index: Int, in world: TestHost, _ keys: String...) throws {
            let names = requires[index].map(name).joined(separator: ", ")
            let status = isStopped[index] ? "stop" : "start"
            // Some take a while to start, some to end, some both.
            let words = "wait \(index % 3 * 30) listen-unix \(world.root)/\(name(index)).sock linger \(index % 4 * 20)"
            try world.declare(
                name(index),
                "requires: [\(names)]",
                "status: \(status)",
                "generation: \(version)",
                actions: .process(
                    words,
                    "sockets: [\(world.root)/\(name(index)).sock]",
                    keys.first ?? "stop: {timeout: 60s}"
                )
            )
        }
    }

    /// Expects that whoever began in this round began after all it requires listened.
    private func expectStartOrder(_ graph: Graph, _ world: TestHost, since moment: Int64) throws {
        for index in 0..<graph.count {
            guard let life = world.instances(graph.name(index)).last, life.startedAt > moment else { continue }
            for required in graph.requires[index] {
                let other = try #require(world.instances(graph.name(required)).last)
                #expect(life.startedAt > other.listeningAt ?? .max, "\(index) began before \(required) was up")
            }
        }
    }

    /// Expects that whoever was asked to end in this round was asked after all that require it had ended.
    private func expectStopOrder(_ graph: Graph, _ world: TestHost, since moment: Int64) {
        func last(_ index: Int) -> OracleInstance? {
            world.instances(graph.name(index)).last { ($0.stopRequestedAt ?? 0) > moment }
        }
        for index in 0..<graph.count {
            guard let life = last(index) else { continue }
            for required in graph.requires[index] {
                guard let other = last(required), let asked = other.stopRequestedAt else { continue }
                #expect(life.endedAt ?? .max < asked, "\(required) was asked to end before \(index) had")
            }
        }
    }

    @Test(
        "DP-1: random sets start and stop in order, a stop takes its dependents along, and nobody else is touched",
        arguments: seeds
    )
    func randomSets(seed: UInt64) async throws {
        try await TestHost.with { world in
            var random = SeededGenerator(seed)
            var graph = Graph(TestSettings.isLong ? 60 : 14, &random)
            for index in 0..<graph.count { try graph.declare(index, in: world) }
            try await world.apply()
            try expectStartOrder(graph, world, since: 0)
            for _ in 0..<3 {
                let before = (0..<graph.count).map { world.instances(graph.name($0)).last?.pid }
                let moment = bootTime()
                let roots = Set((0..<2).map { _ in Int.random(in: 0..<graph.count, using: &random) })
                for root in roots {
                    graph.isStopped[root] = true
                    try graph.declare(root, in: world)
                }
                let down = graph.dependents(of: roots)
                try await world.apply()
                expectStopOrder(graph, world, since: moment)
                for index in 0..<graph.count {
                    let life = try #require(world.instances(graph.name(index)).last)
                    #expect(isAlive(life.pid) != down.contains(index), "\(index), seed \(seed)")
                    #expect(life.pid == before[index], "\(index) was started again, seed \(seed)")
                }
                // Once more changes nothing.
                try await world.apply()
                for root in roots {
                    graph.isStopped[root] = false
                    try graph.declare(root, in: world)
                }
                let back = bootTime()
                try await world.apply()
                try expectStartOrder(graph, world, since: back)
                for index in 0..<graph.count where !down.contains(index) {
                    #expect(world.instances(graph.name(index)).last?.pid == before[index], "\(index), seed \(seed)")
                }
                for index in down { #expect(isAlive(try #require(world.instances(graph.name(index)).last).pid)) }
            }
        }
    }

    @Test("DP-1: a dependent that does not end delays only what it requires, and by no more than its time")
    func hangingDependent() async throws {
        try await TestHost.with { world in
            // a <- hangs, a <- b <- c, d <- e: only a has to wait.
            func declare(_ status: String) throws {
                try world.declare("a", status, actions: .process("linger 10"))
                try world.declare(
                    "hangs",
                    "requires: [a]",
                    status,
                    actions: .process("ignore-term", "stop: {timeout: 4s}")
                )
                try world.declare("b", "requires: [a]", status)
                try world.declare("c", "requires: [b]", status)
                try world.declare("d", status)
                try world.declare("e", "requires: [d]", status)
            }
            try declare("status: start")
            try await world.apply()
            try declare("status: stop")
            let ordered = bootTime()
            try await world.apply()
            let hangs = try #require(world.instances("hangs").first)
            let asked = try #require(hangs.stopRequestedAt)
            for name in ["b", "c", "d", "e"] {
                let ended = try #require(world.instances(name).first?.endedAt)
                #expect(ended < asked + 4_000_000_000, "\(name) did not wait for it")
            }
            let last = try #require(world.instances("a").first?.stopRequestedAt)
            // Its time counts from its signal, which was sent after the order and before it says that it was asked.
            #expect(last >= ordered + 4_000_000_000, "a waited for all that require it")
            #expect(last < asked + 20_000_000_000)
        }
    }

    @Test("DP-2: a hundred crashes of what others require restart nobody but the crashed, once each")
    func crashesDoNotCascade() async throws {
        try await TestHost.with { world in
            var random = SeededGenerator(11)
            let graph = Graph(10, &random)
            for index in 0..<graph.count {
                try graph.declare(index, in: world, "retry: {delay: 10ms, max_delay: 50ms}")
            }
            try await world.apply()
            var crashes = Array(repeating: 0, count: graph.count)
            for _ in 0..<(TestSettings.isLong ? 100 : 15) {
                let victim = Int.random(in: 0..<graph.count, using: &random)
                let life = try await world.runningInstance(graph.name(victim), number: crashes[victim] + 1)
                #expect(kill(life.pid, SIGKILL) == 0)
                crashes[victim] += 1
            }
            for index in 0..<graph.count {
                let life = try await world.runningInstance(graph.name(index), number: crashes[index] + 1)
                #expect(life.restartCount == crashes[index], "each crash is one restart, and nobody else's is")
            }
            try await eventually("all stand") { try await world.run("status").exitCode == 0 }
            try await world.expectEmptyDiff()
        }
    }

    @Test(
        "DP-4: whatever cascade an apply, an edit, a crash or a kill of the reconciler runs into, the newest revision holds in the end"
    )
    func racingChanges() async throws {
        try await TestHost.with { world in
            var random = SeededGenerator(TestSettings.isLong ? UInt64.random(in: 0 ... .max) : 7)
            var graph = Graph(9, &random)
            for index in 0..<graph.count { try graph.declare(index, in: world, "retry: {delay: 10ms}") }
            try await world.apply()
            for _ in 0..<(TestSettings.isLong ? 200 : 10) {
                let index = Int.random(in: 0..<graph.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: graph.isStopped[index].toggle()
                case 1: graph.version += 1
                case 2:
                    if let life = world.instances(graph.name(index)).last, isAlive(life.pid) { kill(life.pid, SIGKILL) }
                default: if world.reconcilerPID != nil { try await world.killReconciler() }
                }
                try graph.declare(index, in: world, "retry: {delay: 10ms}")
                _ = try await world.run("apply", "--no-wait")
                try await Task.sleep(for: .milliseconds(Int.random(in: 0...120, using: &random)))
            }
            let moment = bootTime()
            try await world.apply()
            try expectStartOrder(graph, world, since: moment)
            let down = graph.dependents(of: Set((0..<graph.count).filter { graph.isStopped[$0] }))
            for index in 0..<graph.count {
                let isUp = world.instances(graph.name(index)).last.map { isAlive($0.pid) } ?? false
                #expect(isUp != down.contains(index), "\(index)")
            }
            try await world.expectEmptyDiff()
        }
    }

    @Test("DP-5: --down-on-exit takes a house of stubborn services down in waves, within the sum of their times")
    func downOnExit() async throws {
        try await TestHost.with { world in
            let words = [
                "linger 100", "ignore-term fork 2", "fork-on-term 2", "ignore-term daemonize", "linger 50", "",
            ]
            for (index, word) in words.enumerated() {
                let requires = index == 0 ? "[]" : "[s\((index - 1) / 2)]"
                let keys = "stop: {timeout: 700ms}"
                try world.declare(
                    "s\(index)",
                    "requires: \(requires)",
                    actions: .process(word.isEmpty ? "sleep -1" : word, keys)
                )
            }
            let watch = try world.start(["reconcile", "--watch", "--down-on-exit"])
            try await eventually("all are up") {
                try await world.run("status").exitCode == 0 && world.reconcilerPID == watch.pid
            }
            try await eventually("all children live") {
                world.instances("s1").first?.children.count == 2 && world.instances("s3").first?.children.count == 1
            }
            let began = bootTime()
            #expect(kill(watch.pid, SIGTERM) == 0)
            #expect(try await world.exitCode(of: watch) == 0)
            let took = (bootTime() - began) / 1_000_000
            // Three waves of 0.7 s; the rest is for a machine that has much else to do.
            #expect(took >= 1400 && took < 2100 + 15_000, "took \(took) ms")
            for index in words.indices {
                let life = try #require(world.instances("s\(index)").first)
                #expect(!isAlive(life.pid) && !life.children.contains(where: isAlive), "s\(index)")
                guard index > 0, let asked = world.instances("s\((index - 1) / 2)").first?.stopRequestedAt else {
                    continue
                }
                #expect((life.stopRequestedAt ?? .max) < asked, "s\(index) before what it requires")
            }
        }
    }
}
