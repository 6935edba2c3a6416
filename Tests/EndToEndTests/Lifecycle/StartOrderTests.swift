import Foundation
import Testing

/// A way to detect that a service is ready.
struct ReadinessMethod: Sendable, CustomTestStringConvertible {
    let name: String
    /// Fields of the action; PORT and SOCKET are placeholders.
    let fields: String
    let listensOnSocket: Bool

    var testDescription: String { name }

    static let all = [
        ReadinessMethod(name: "declared port", fields: "tcp_ports: [\"127.0.0.1:PORT\"]", listensOnSocket: false),
        ReadinessMethod(name: "declared socket", fields: "sockets: [SOCKET]", listensOnSocket: true),
        ReadinessMethod(name: "tcp probe", fields: "ready: {tcp: PORT, interval: 20ms}", listensOnSocket: false),
        ReadinessMethod(name: "unix probe", fields: "ready: {unix: SOCKET, interval: 20ms}", listensOnSocket: true),
        ReadinessMethod(
            name: "http probe",
            fields: "ready: {http: \"http://127.0.0.1:PORT/\", interval: 20ms}",
            listensOnSocket: false
        ),
        ReadinessMethod(
            name: "exec probe",
            fields: "ready: {exec: [test, -S, SOCKET], interval: 20ms}",
            listensOnSocket: true
        ),
    ]
}

/// The order of starts, by the clocks of the oracles.
@Suite("Start order", .serialized)
struct StartOrderTests {
    @Test(
        "A dependent starts only after its requirement is ready (I7)",
        arguments: ReadinessMethod.all
    )
    func dependentWaitsForReadiness(_ readiness: ReadinessMethod) async throws {
        try await TestHost.with { host in
            let (port, socket) = (try freePort(), host.root + "/db.sock")
            let fields = readiness.fields.replacing("PORT", with: "\(port)").replacing("SOCKET", with: socket)
            let command = readiness.listensOnSocket ? "listen-unix \(socket)" : "listen \(port)"
            try host.declare("db", actions: .process("wait 200 \(command)", fields))
            try host.declare("web", "requires: [db]")
            try await host.apply()
            let db = try await host.runningInstance("db", number: 1)
            let web = try await host.runningInstance("web", number: 1)
            let listened = try #require(db.listeningAt)
            #expect(listened - db.startedAt >= 200_000_000)
            #expect(web.startedAt > listened)
            try await host.expectEmptyDiff()
        }
    }

    @Test("Independent services start together, dependent ones in sequence")
    func independentServicesStartTogether() async throws {
        try await TestHost.with { host in
            try host.declare("base", actions: .oneShot("wait 100 exit 0"))
            for name in ["left", "right"] {
                try host.declare(name, "requires: [base]", actions: .oneShot("wait 300 exit 0"))
            }
            try host.declare("top", "requires: [left, right]")
            #expect(
                try await host.plannedWaves("start_waves") == [
                    ["core/base"], ["core/left", "core/right"], ["core/top"],
                ]
            )
            try await host.apply()
            let left = try #require(host.instances("left").first)
            let right = try #require(host.instances("right").first)
            let base = try #require(host.instances("base").first)
            let top = try await host.runningInstance("top", number: 1)
            #expect(min(left.startedAt, right.startedAt) > base.endedAt ?? .max)
            #expect(left.startedAt < right.endedAt ?? 0 && right.startedAt < left.endedAt ?? 0)
            #expect(top.startedAt > max(left.endedAt ?? .max, right.endedAt ?? .max))
        }
    }

    @Test("Dependents wait for a one-shot that runs only once")
    func dependentWaitsForOneShot() async throws {
        try await TestHost.with { host in
            try host.declare("seed", actions: .oneShot("wait 150 exit 0"))
            try host.declare("web", "requires: [seed]")
            try await host.apply()
            let web = try await host.runningInstance("web", number: 1)
            let seed = try #require(host.instances("seed").first)
            #expect(web.startedAt > seed.endedAt ?? .max)
            #expect(try await host.state(of: "seed") == "exited")
            try await host.apply()
            #expect(host.instances("seed").count == 1)
            try await host.expectEmptyDiff()
        }
    }

    @Test("A failed one-shot blocks its dependents and is reported")
    func failedOneShot() async throws {
        try await TestHost.with { host in
            try host.declare("seed", actions: .oneShot("exit 3"))
            try host.declare("web", "requires: [seed]")
            try host.declare("other")
            let result = try await host.run("apply")
            #expect(result.exitCode == 1, "\(result.output)\(result.errorOutput)")
            #expect(
                result.output.contains("core/seed failed") && result.output.contains("exit code 3"),
                "\(result.output)"
            )
            #expect(try await host.state(of: "seed") == "failed")
            let web = try await host.serviceStatus("web")
            #expect(web["state"] as? String == "blocked")
            #expect(web["blocked_by"] as? [String] == ["core/seed"])
            #expect(try await host.run("status").exitCode == 1)
            #expect(host.instances("seed").count == 1)
            #expect(host.instances("web").isEmpty)
            #expect(isAlive(try await host.runningInstance("other", number: 1).pid))
        }
    }

    @Test("Wants and after order services but do not block them")
    func wantsAndAfter() async throws {
        try await TestHost.with { host in
            try host.declare("seed", actions: .oneShot("wait 200 exit 3"))
            try host.declare("wanting", "wants: [seed, absent]")
            try host.declare("following", "after: [seed]")
            #expect(try await host.run("apply").exitCode == 1)
            let seed = try #require(host.instances("seed").first)
            for name in ["wanting", "following"] {
                #expect(try await host.runningInstance(name, number: 1).startedAt > seed.endedAt ?? .max)
            }
        }
    }

    @Test("A service that is not ready within start_timeout fails its attempt")
    func neverReady() async throws {
        try await TestHost.with { host in
            let fields = "ready: {tcp: \(try freePort()), interval: 20ms}"
            let retry = "retry: {max_attempts: 2, delay: 0ms}"
            try host.declare("db", actions: .process("sleep -1", fields, "start_timeout: 300ms", retry))
            try host.declare("web", "requires: [db]")
            let began = bootTime()
            #expect(try await host.run("apply").exitCode == 1)
            let instances = host.instances("db")
            try #require(instances.count == 2)
            #expect(instances.allSatisfy { !isAlive($0.pid) })
            #expect(try #require(instances[0].stopRequestedAt) - began >= 300_000_000)
            #expect(try #require(instances[1].stopRequestedAt) - (instances[0].endedAt ?? .max) >= 300_000_000)
            #expect(try await host.state(of: "db") == "failed")
            #expect(host.instances("web").isEmpty)
        }
    }

    @Test("A one-shot that exceeds its timeout is stopped and has failed")
    func oneShotTimeout() async throws {
        try await TestHost.with { host in
            try host.declare("seed", actions: .oneShot("fork 1", "timeout: 300ms"))
            let began = bootTime()
            #expect(try await host.run("apply").exitCode == 1)
            let seed = try #require(host.instances("seed").first)
            #expect(try #require(seed.stopRequestedAt) - began >= 300_000_000)
            #expect(!isAlive(seed.pid) && !seed.children.contains(where: isAlive))
            #expect(try await host.state(of: "seed") == "failed")
        }
    }

    @Test("Actions start in listed order and stop in reverse order")
    func actionsInOrder() async throws {
        try await TestHost.with { host in
            try host.declare(
                "app",
                actions: .oneShot("wait 100 exit 0", name: "prepare"),
                .process("wait 100 listen-unix \(host.root)/a.sock", "sockets: [\(host.root)/a.sock]", name: "first"),
                .process("linger 100", name: "second")
            )
            try await host.apply()
            let prepare = try #require(host.instances("app", "prepare").first)
            var first = try await host.runningInstance("app", "first", number: 1)
            var second = try await host.runningInstance("app", "second", number: 1)
            #expect(first.startedAt > prepare.endedAt ?? .max)
            #expect(second.startedAt > first.listeningAt ?? .max)
            #expect(try await host.run("down").exitCode == 0)
            first = try #require(host.instances("app", "first").first)
            second = try #require(host.instances("app", "second").first)
            #expect(try #require(first.stopRequestedAt) > second.endedAt ?? .max)
        }
    }

    @Test("With start_order parallel all actions start at once")
    func parallelActions() async throws {
        try await TestHost.with { host in
            try host.declare(
                "app",
                "start_order: parallel",
                actions: .oneShot("wait 400 exit 0", name: "a"),
                .oneShot("wait 400 exit 0", name: "b")
            )
            try await host.apply()
            let a = try #require(host.instances("app", "a").first)
            let b = try #require(host.instances("app", "b").first)
            #expect(a.startedAt < b.endedAt ?? 0 && b.startedAt < a.endedAt ?? 0)
        }
    }
}
