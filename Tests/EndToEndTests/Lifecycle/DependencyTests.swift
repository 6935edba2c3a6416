import Foundation
import Glibc
import HeroRandom
import Testing

/// Random sets of services with requirements, checked with the clocks of the oracles (guarantees DP).
@Suite("Dependencies", .serialized)
struct DependencyTests {
    private static let seeds: [UInt64] = TestSettings.isLong ? (1...100).map { UInt64($0) } : [3, 4]

    /// A random graph without cycles: each service requires some of the services before it.
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

        /// The services in `roots` and all their direct and indirect dependents.
        func dependents(of roots: Set<Int>) -> Set<Int> {
            var found = roots
            // Dependents have higher indexes than their requirements.
            for index in 0..<count where !found.isDisjoint(with: requires[index]) { found.insert(index) }
            return found
        }

        func name(_ index: Int) -> String { "n\(index)" }

        func declare(_ index: Int, in host: TestHost, _ fields: String...) throws {
            let names = requires[index].map(name).joined(separator: ", ")
            let status = isStopped[index] ? "stop" : "start"
            // Some services start slowly, some stop slowly, some do both.
            let commands =
                "wait \(index % 3 * 30) listen-unix \(host.root)/\(name(index)).sock linger \(index % 4 * 20)"
            try host.declare(
                name(index),
                "requires: [\(names)]",
                "status: \(status)",
                "generation: \(version)",
                actions: .process(
                    commands,
                    "sockets: [\(host.root)/\(name(index)).sock]",
                    fields.first ?? "stop: {timeout: 60s}"
                )
            )
        }
    }

    /// Expects that each instance started in this round began after all its requirements listened.
    private func expectStartOrder(_ graph: Graph, _ host: TestHost, since moment: Int64) throws {
        for index in 0..<graph.count {
            guard let instance = host.instances(graph.name(index)).last, instance.startedAt > moment else { continue }
            for required in graph.requires[index] {
                let other = try #require(host.instances(graph.name(required)).last)
                #expect(instance.startedAt > other.listeningAt ?? .max, "\(index) started before \(required) was ready")
            }
        }
    }

    /// Expects that each instance stopped in this round received its stop signal after all its dependents had ended.
    private func expectStopOrder(_ graph: Graph, _ host: TestHost, since moment: Int64) {
        func last(_ index: Int) -> OracleInstance? {
            host.instances(graph.name(index)).last { ($0.stopRequestedAt ?? 0) > moment }
        }
        for index in 0..<graph.count {
            guard let instance = last(index) else { continue }
            for required in graph.requires[index] {
                guard let other = last(required), let stopRequestedAt = other.stopRequestedAt else { continue }
                #expect(
                    instance.endedAt ?? .max < stopRequestedAt,
                    "\(required) was stopped before the end of \(index)"
                )
            }
        }
    }

    @Test(
        "Random service sets start and stop in dependency order (DP-1)",
        arguments: seeds
    )
    func randomSets(seed: UInt64) async throws {
        try await TestHost.with { host in
            var random = SeededGenerator(seed)
            var graph = Graph(TestSettings.isLong ? 60 : 14, &random)
            for index in 0..<graph.count { try graph.declare(index, in: host) }
            try await host.apply()
            try expectStartOrder(graph, host, since: 0)
            for _ in 0..<3 {
                let before = (0..<graph.count).map { host.instances(graph.name($0)).last?.pid }
                let moment = bootTime()
                let roots = Set((0..<2).map { _ in Int.random(in: 0..<graph.count, using: &random) })
                for root in roots {
                    graph.isStopped[root] = true
                    try graph.declare(root, in: host)
                }
                let stopped = graph.dependents(of: roots)
                try await host.apply()
                expectStopOrder(graph, host, since: moment)
                for index in 0..<graph.count {
                    let instance = try #require(host.instances(graph.name(index)).last)
                    #expect(isAlive(instance.pid) != stopped.contains(index), "\(index), seed \(seed)")
                    #expect(instance.pid == before[index], "\(index) was restarted, seed \(seed)")
                }
                // A second apply changes nothing.
                try await host.apply()
                for root in roots {
                    graph.isStopped[root] = false
                    try graph.declare(root, in: host)
                }
                let restartedAt = bootTime()
                try await host.apply()
                try expectStartOrder(graph, host, since: restartedAt)
                for index in 0..<graph.count where !stopped.contains(index) {
                    #expect(host.instances(graph.name(index)).last?.pid == before[index], "\(index), seed \(seed)")
                }
                for index in stopped { #expect(isAlive(try #require(host.instances(graph.name(index)).last).pid)) }
            }
        }
    }

    @Test("A hanging dependent delays only its requirements by its stop timeout (DP-1)")
    func hangingDependent() async throws {
        try await TestHost.with { host in
            // a <- hangs, a <- b <- c, d <- e: only a has to wait.
            func declare(_ status: String) throws {
                try host.declare("a", status, actions: .process("linger 10"))
                try host.declare(
                    "hangs",
                    "requires: [a]",
                    status,
                    actions: .process("ignore-term", "stop: {timeout: 4s}")
                )
                try host.declare("b", "requires: [a]", status)
                try host.declare("c", "requires: [b]", status)
                try host.declare("d", status)
                try host.declare("e", "requires: [d]", status)
            }
            try declare("status: start")
            try await host.apply()
            try declare("status: stop")
            let appliedAt = bootTime()
            try await host.apply()
            let hangs = try #require(host.instances("hangs").first)
            let stopRequestedAt = try #require(hangs.stopRequestedAt)
            for name in ["b", "c", "d", "e"] {
                let ended = try #require(host.instances(name).first?.endedAt)
                #expect(ended < stopRequestedAt + 4_000_000_000, "\(name) did not wait for the hanging service")
            }
            let last = try #require(host.instances("a").first?.stopRequestedAt)
            // The timeout counts from the signal, which is sent after the apply and before the oracle records it.
            #expect(last >= appliedAt + 4_000_000_000, "a waited for all its dependents")
            #expect(last < stopRequestedAt + 20_000_000_000)
        }
    }

    @Test("A crash of a required service restarts only that service (DP-2)")
    func crashesDoNotCascade() async throws {
        try await TestHost.with { host in
            var random = SeededGenerator(11)
            let graph = Graph(10, &random)
            for index in 0..<graph.count {
                try graph.declare(index, in: host, "retry: {delay: 10ms, max_delay: 50ms}")
            }
            try await host.apply()
            var crashes = Array(repeating: 0, count: graph.count)
            for _ in 0..<(TestSettings.isLong ? 100 : 15) {
                let victim = Int.random(in: 0..<graph.count, using: &random)
                let instance = try await host.runningInstance(graph.name(victim), number: crashes[victim] + 1)
                #expect(kill(instance.pid, SIGKILL) == 0)
                crashes[victim] += 1
            }
            for index in 0..<graph.count {
                let instance = try await host.runningInstance(graph.name(index), number: crashes[index] + 1)
                #expect(instance.restartCount == crashes[index], "each crash restarts only its own service")
            }
            try await eventually("all services are ready") { try await host.run("status").exitCode == 0 }
            try await host.expectEmptyDiff()
        }
    }

    @Test(
        "The newest revision holds after racing applies, edits, crashes and kills (DP-4)"
    )
    func racingChanges() async throws {
        try await TestHost.with { host in
            var random = SeededGenerator(TestSettings.isLong ? UInt64.random(in: 0 ... .max) : 7)
            var graph = Graph(9, &random)
            for index in 0..<graph.count { try graph.declare(index, in: host, "retry: {delay: 10ms}") }
            try await host.apply()
            for _ in 0..<(TestSettings.isLong ? 200 : 10) {
                let index = Int.random(in: 0..<graph.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: graph.isStopped[index].toggle()
                case 1: graph.version += 1
                case 2:
                    if let instance = host.instances(graph.name(index)).last, isAlive(instance.pid) {
                        kill(instance.pid, SIGKILL)
                    }
                default: if host.reconcilerPID != nil { try await host.killReconciler() }
                }
                try graph.declare(index, in: host, "retry: {delay: 10ms}")
                _ = try await host.run("apply", "--no-wait")
                try await Task.sleep(for: .milliseconds(Int.random(in: 0...120, using: &random)))
            }
            let moment = bootTime()
            try await host.apply()
            try expectStartOrder(graph, host, since: moment)
            let stopped = graph.dependents(of: Set((0..<graph.count).filter { graph.isStopped[$0] }))
            for index in 0..<graph.count {
                let isUp = host.instances(graph.name(index)).last.map { isAlive($0.pid) } ?? false
                #expect(isUp != stopped.contains(index), "\(index)")
            }
            try await host.expectEmptyDiff()
        }
    }

    @Test("After a second signal no killed service is shown as stopping")
    func secondSignal() async throws {
        try await TestHost.with { host in
            try host.declare("web", actions: .process("ignore-term sleep -1", "stop: {timeout: 60s}"))
            let watch = try host.start(["reconcile", "--watch", "--down-on-exit"])
            let web = try await host.runningInstance("web")
            #expect(kill(watch.pid, SIGTERM) == 0)
            try await eventually("the service is being stopped") { try await host.state(of: "web") == "stopping" }
            #expect(kill(watch.pid, SIGTERM) == 0)
            #expect(try await host.exitCode(of: watch) == 0)
            try await eventually("the service was killed") { !isAlive(web.pid) }
            #expect(try await host.state(of: "web") == "stopped")
            let status = try await host.run("status")
            #expect(status.exitCode == 0, "\(status.output)")
            #expect(!status.output.contains(String(web.pid)))
        }
    }

    @Test("The option --down-on-exit stops stubborn services in waves within their stop timeouts (DP-5)")
    func downOnExit() async throws {
        try await TestHost.with { host in
            let commands = [
                "linger 100", "ignore-term fork 2", "fork-on-term 2", "ignore-term daemonize", "linger 50", "",
            ]
            for (index, command) in commands.enumerated() {
                let requires = index == 0 ? "[]" : "[s\((index - 1) / 2)]"
                let fields = "stop: {timeout: 700ms}"
                try host.declare(
                    "s\(index)",
                    "requires: \(requires)",
                    actions: .process(command.isEmpty ? "sleep -1" : command, fields)
                )
            }
            let watch = try host.start(["reconcile", "--watch", "--down-on-exit"])
            try await eventually("all services are ready") {
                try await host.run("status").exitCode == 0 && host.reconcilerPID == watch.pid
            }
            // A service is up when its program is executed, a moment before the program records its start.
            try await eventually("all programs and children run") {
                commands.indices.allSatisfy { host.instances("s\($0)").count == 1 }
                    && host.instances("s1").first?.children.count == 2
                    && host.instances("s3").first?.children.count == 1
            }
            let began = bootTime()
            #expect(kill(watch.pid, SIGTERM) == 0)
            #expect(try await host.exitCode(of: watch) == 0)
            let took = (bootTime() - began) / 1_000_000
            // Three waves take 0.7 s each. The upper limit allows for a busy machine.
            #expect(took >= 1400 && took < 2100 + 15_000, "took \(took) ms")
            for index in commands.indices {
                let instance = try #require(host.instances("s\(index)").first)
                #expect(!isAlive(instance.pid) && !instance.children.contains(where: isAlive), "s\(index)")
                guard index > 0, let stopRequestedAt = host.instances("s\((index - 1) / 2)").first?.stopRequestedAt
                else {
                    continue
                }
                #expect(
                    (instance.stopRequestedAt ?? .max) < stopRequestedAt,
                    "s\(index) was stopped before its requirement"
                )
            }
        }
    }
}
