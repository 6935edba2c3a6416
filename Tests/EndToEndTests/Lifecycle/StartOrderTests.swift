import Foundation
import Testing

/// One way to tell that a service is ready.
struct ReadinessMethod: Sendable, CustomTestStringConvertible {
    let name: String
    /// Keys of the action; PORT and SOCKET stand for its own.
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

/// The order of starting, by the oracles' own clocks.
@Suite("Start waves", .serialized)
struct StartOrderTests {
    @Test(
        "a dependent starts only once what it requires is ready, however that is told (I7)",
        arguments: ReadinessMethod.all
    )
    func dependentWaitsForReadiness(_ readiness: ReadinessMethod) async throws {
        try await TestHost.with { world in
            let (port, socket) = (try freePort(), world.root + "/db.sock")
            let keys = readiness.fields.replacing("PORT", with: "\(port)").replacing("SOCKET", with: socket)
            let place = readiness.listensOnSocket ? "listen-unix \(socket)" : "listen \(port)"
            try world.declare("db", actions: .process("wait 200 \(place)", keys))
            try world.declare("web", "requires: [db]")
            try await world.apply()
            let db = try await world.runningInstance("db", number: 1)
            let web = try await world.runningInstance("web", number: 1)
            let listened = try #require(db.listeningAt)
            #expect(listened - db.startedAt >= 200_000_000)
            #expect(web.startedAt > listened)
            try await world.expectEmptyDiff()
        }
    }

    @Test("services without a dependency between them start side by side, and a chain one after the other")
    func independentServicesStartTogether() async throws {
        try await TestHost.with { world in
            try world.declare("base", actions: .oneShot("wait 100 exit 0"))
            for name in ["left", "right"] {
                try world.declare(name, "requires: [base]", actions: .oneShot("wait 300 exit 0"))
            }
            try world.declare("top", "requires: [left, right]")
            #expect(
                try await world.plannedWaves("start_waves") == [
                    ["core/base"], ["core/left", "core/right"], ["core/top"],
                ]
            )
            try await world.apply()
            let left = try #require(world.instances("left").first)
            let right = try #require(world.instances("right").first)
            let base = try #require(world.instances("base").first)
            let top = try await world.runningInstance("top", number: 1)
            #expect(min(left.startedAt, right.startedAt) > base.endedAt ?? .max)
            #expect(left.startedAt < right.endedAt ?? 0 && right.startedAt < left.endedAt ?? 0)
            #expect(top.startedAt > max(left.endedAt ?? .max, right.endedAt ?? .max))
        }
    }

    @Test("a one-shot counts as up once it ended well; its dependents wait for that, and it is not run again")
    func dependentWaitsForOneShot() async throws {
        try await TestHost.with { world in
            try world.declare("seed", actions: .oneShot("wait 150 exit 0"))
            try world.declare("web", "requires: [seed]")
            try await world.apply()
            let web = try await world.runningInstance("web", number: 1)
            let seed = try #require(world.instances("seed").first)
            #expect(web.startedAt > seed.endedAt ?? .max)
            #expect(try await world.state(of: "seed") == "exited")
            try await world.apply()
            #expect(world.instances("seed").count == 1)
            try await world.expectEmptyDiff()
        }
    }

    @Test("a one-shot that failed blocks its dependents, and says so")
    func failedOneShot() async throws {
        try await TestHost.with { world in
            try world.declare("seed", actions: .oneShot("exit 3"))
            try world.declare("web", "requires: [seed]")
            try world.declare("other")
            let answer = try await world.run("apply")
            #expect(answer.exitCode == 1, "\(answer.output)\(answer.errorOutput)")
            #expect(
                answer.output.contains("core/seed failed") && answer.output.contains("exit code 3"),
                "\(answer.output)"
            )
            #expect(try await world.state(of: "seed") == "failed")
            let web = try await world.serviceStatus("web")
            #expect(web["state"] as? String == "blocked")
            #expect(web["blocked_by"] as? [String] == ["core/seed"])
            #expect(try await world.run("status").exitCode == 1)
            #expect(world.instances("seed").count == 1)
            #expect(world.instances("web").isEmpty)
            #expect(isAlive(try await world.runningInstance("other", number: 1).pid))
        }
    }

    @Test("wants and after only order: what they name may fail, or be missing, and nothing is held up")
    func wantsAndAfter() async throws {
        try await TestHost.with { world in
            try world.declare("seed", actions: .oneShot("wait 200 exit 3"))
            try world.declare("wanting", "wants: [seed, nobody]")
            try world.declare("following", "after: [seed]")
            #expect(try await world.run("apply").exitCode == 1)
            let seed = try #require(world.instances("seed").first)
            for name in ["wanting", "following"] {
                #expect(try await world.runningInstance(name, number: 1).startedAt > seed.endedAt ?? .max)
            }
        }
    }

    @Test("who is not ready within start_timeout has failed this try; what requires it stays down")
    func neverReady() async throws {
        try await TestHost.with { world in
            let keys = "ready: {tcp: \(try freePort()), interval: 20ms}"
            let retry = "retry: {max_attempts: 2, delay: 0ms}"
            try world.declare("db", actions: .process("sleep -1", keys, "start_timeout: 300ms", retry))
            try world.declare("web", "requires: [db]")
            let began = bootTime()
            #expect(try await world.run("apply").exitCode == 1)
            let lives = world.instances("db")
            try #require(lives.count == 2)
            #expect(lives.allSatisfy { !isAlive($0.pid) })
            #expect(try #require(lives[0].stopRequestedAt) - began >= 300_000_000)
            #expect(try #require(lives[1].stopRequestedAt) - (lives[0].endedAt ?? .max) >= 300_000_000)
            #expect(try await world.state(of: "db") == "failed")
            #expect(world.instances("web").isEmpty)
        }
    }

    @Test("a one-shot that runs longer than its timeout is ended, and has failed")
    func oneShotTimeout() async throws {
        try await TestHost.with { world in
            try world.declare("seed", actions: .oneShot("fork 1", "timeout: 300ms"))
            let began = bootTime()
            #expect(try await world.run("apply").exitCode == 1)
            let seed = try #require(world.instances("seed").first)
            #expect(try #require(seed.stopRequestedAt) - began >= 300_000_000)
            #expect(!isAlive(seed.pid) && !seed.children.contains(where: isAlive))
            #expect(try await world.state(of: "seed") == "failed")
        }
    }

    @Test("actions start in listed order, each up before the next, and stop in reverse")
    func actionsInOrder() async throws {
        try await TestHost.with { world in
            try world.declare(
                "app",
                actions: .oneShot("wait 100 exit 0", name: "prepare"),
                .process("wait 100 listen-unix \(world.root)/a.sock", "sockets: [\(world.root)/a.sock]", name: "first"),
                .process("linger 100", name: "second")
            )
            try await world.apply()
            let prepare = try #require(world.instances("app", "prepare").first)
            var first = try await world.runningInstance("app", "first", number: 1)
            var second = try await world.runningInstance("app", "second", number: 1)
            #expect(first.startedAt > prepare.endedAt ?? .max)
            #expect(second.startedAt > first.listeningAt ?? .max)
            #expect(try await world.run("down").exitCode == 0)
            first = try #require(world.instances("app", "first").first)
            second = try #require(world.instances("app", "second").first)
            #expect(try #require(first.stopRequestedAt) > second.endedAt ?? .max)
        }
    }

    @Test("with start_order parallel all actions start at once")
    func parallelActions() async throws {
        try await TestHost.with { world in
            try world.declare(
                "app",
                "start_order: parallel",
                actions: .oneShot("wait 400 exit 0", name: "a"),
                .oneShot("wait 400 exit 0", name: "b")
            )
            try await world.apply()
            let a = try #require(world.instances("app", "a").first)
            let b = try #require(world.instances("app", "b").first)
            #expect(a.startedAt < b.endedAt ?? 0 && b.startedAt < a.endedAt ?? 0)
        }
    }
}
