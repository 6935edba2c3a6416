import Foundation
import Testing

/// One way to tell that a service is ready.
struct Readiness: Sendable, CustomTestStringConvertible {
    let name: String
    /// Keys of the action; PORT and SOCKET stand for its own.
    let keys: String
    let listensOnSocket: Bool

    var testDescription: String { name }

    static let all = [
        Readiness(name: "declared port", keys: "tcp_ports: [\"127.0.0.1:PORT\"]", listensOnSocket: false),
        Readiness(name: "declared socket", keys: "sockets: [SOCKET]", listensOnSocket: true),
        Readiness(name: "tcp probe", keys: "ready: {tcp: PORT, interval: 20ms}", listensOnSocket: false),
        Readiness(name: "unix probe", keys: "ready: {unix: SOCKET, interval: 20ms}", listensOnSocket: true),
        Readiness(
            name: "http probe",
            keys: "ready: {http: \"http://127.0.0.1:PORT/\", interval: 20ms}",
            listensOnSocket: false
        ),
        Readiness(name: "exec probe", keys: "ready: {exec: [test, -S, SOCKET], interval: 20ms}", listensOnSocket: true),
    ]
}

/// The order of starting, by the oracles' own clocks.
@Suite("Start waves", .serialized)
struct WaveTests {
    @Test("a dependent starts only once what it requires is ready, however that is told (I7)", arguments: Readiness.all)
    func readiness(_ readiness: Readiness) async throws {
        try await World.with { world in
            let (port, socket) = (try freePort(), world.root + "/db.sock")
            let keys = readiness.keys.replacing("PORT", with: "\(port)").replacing("SOCKET", with: socket)
            let place = readiness.listensOnSocket ? "listen-unix \(socket)" : "listen \(port)"
            try world.declare("db", does: .process("wait 200 \(place)", keys))
            try world.declare("web", "requires: [db]")
            try await world.apply()
            let db = try await world.life("db", number: 1)
            let web = try await world.life("web", number: 1)
            let listened = try #require(db.listened)
            #expect(listened - db.began >= 200_000_000)
            #expect(web.began > listened)
            try await world.expectNoDifference()
        }
    }

    @Test("services without a dependency between them start side by side, and a chain one after the other")
    func waves() async throws {
        try await World.with { world in
            try world.declare("base", does: .once("wait 100 exit 0"))
            for name in ["left", "right"] {
                try world.declare(name, "requires: [base]", does: .once("wait 300 exit 0"))
            }
            try world.declare("top", "requires: [left, right]")
            #expect(
                try await world.waves("start_waves") == [["core/base"], ["core/left", "core/right"], ["core/top"]]
            )
            try await world.apply()
            let left = try #require(world.lives("left").first)
            let right = try #require(world.lives("right").first)
            let base = try #require(world.lives("base").first)
            let top = try await world.life("top", number: 1)
            #expect(min(left.began, right.began) > base.ended ?? .max)
            #expect(left.began < right.ended ?? 0 && right.began < left.ended ?? 0)
            #expect(top.began > max(left.ended ?? .max, right.ended ?? .max))
        }
    }

    @Test("a one-shot counts as up once it ended well; its dependents wait for that, and it is not run again")
    func oneShot() async throws {
        try await World.with { world in
            try world.declare("seed", does: .once("wait 150 exit 0"))
            try world.declare("web", "requires: [seed]")
            try await world.apply()
            let web = try await world.life("web", number: 1)
            let seed = try #require(world.lives("seed").first)
            #expect(web.began > seed.ended ?? .max)
            #expect(try await world.state(of: "seed") == "exited")
            try await world.apply()
            #expect(world.lives("seed").count == 1)
            try await world.expectNoDifference()
        }
    }

    @Test("a one-shot that failed blocks its dependents, and says so")
    func failedOneShot() async throws {
        try await World.with { world in
            try world.declare("seed", does: .once("exit 3"))
            try world.declare("web", "requires: [seed]")
            try world.declare("other")
            let answer = try await world.run("apply")
            #expect(answer.code == 1, "\(answer.out)\(answer.err)")
            #expect(answer.out.contains("core/seed failed") && answer.out.contains("exit code 3"), "\(answer.out)")
            #expect(try await world.state(of: "seed") == "failed")
            let web = try await world.status("web")
            #expect(web["state"] as? String == "blocked")
            #expect(web["blocked_by"] as? [String] == ["core/seed"])
            #expect(try await world.run("status").code == 1)
            #expect(world.lives("seed").count == 1)
            #expect(world.lives("web").isEmpty)
            #expect(isAlive(try await world.life("other", number: 1).pid))
        }
    }

    @Test("wants and after only order: what they name may fail, or be missing, and nothing is held up")
    func softOrder() async throws {
        try await World.with { world in
            try world.declare("seed", does: .once("wait 200 exit 3"))
            try world.declare("wanting", "wants: [seed, nobody]")
            try world.declare("following", "after: [seed]")
            #expect(try await world.run("apply").code == 1)
            let seed = try #require(world.lives("seed").first)
            for name in ["wanting", "following"] {
                #expect(try await world.life(name, number: 1).began > seed.ended ?? .max)
            }
        }
    }

    @Test("who is not ready within start_timeout has failed this try; what requires it stays down")
    func neverReady() async throws {
        try await World.with { world in
            let keys = "ready: {tcp: \(try freePort()), interval: 20ms}"
            let retry = "retry: {max_attempts: 2, delay: 0ms}"
            try world.declare("db", does: .process("sleep -1", keys, "start_timeout: 300ms", retry))
            try world.declare("web", "requires: [db]")
            let began = boottime()
            #expect(try await world.run("apply").code == 1)
            let lives = world.lives("db")
            try #require(lives.count == 2)
            #expect(lives.allSatisfy { !isAlive($0.pid) })
            #expect(try #require(lives[0].asked) - began >= 300_000_000)
            #expect(try #require(lives[1].asked) - (lives[0].ended ?? .max) >= 300_000_000)
            #expect(try await world.state(of: "db") == "failed")
            #expect(world.lives("web").isEmpty)
        }
    }

    @Test("a one-shot that runs longer than its timeout is ended, and has failed")
    func tooLong() async throws {
        try await World.with { world in
            try world.declare("seed", does: .once("fork 1", "timeout: 300ms"))
            let began = boottime()
            #expect(try await world.run("apply").code == 1)
            let seed = try #require(world.lives("seed").first)
            #expect(try #require(seed.asked) - began >= 300_000_000)
            #expect(!isAlive(seed.pid) && !seed.children.contains(where: isAlive))
            #expect(try await world.state(of: "seed") == "failed")
        }
    }

    @Test("actions start in listed order, each up before the next, and stop in reverse")
    func actionsInOrder() async throws {
        try await World.with { world in
            try world.declare(
                "app",
                does: .once("wait 100 exit 0", name: "prepare"),
                .process("wait 100 listen-unix \(world.root)/a.sock", "sockets: [\(world.root)/a.sock]", name: "first"),
                .process("linger 100", name: "second")
            )
            try await world.apply()
            let prepare = try #require(world.lives("app", "prepare").first)
            var first = try await world.life("app", "first", number: 1)
            var second = try await world.life("app", "second", number: 1)
            #expect(first.began > prepare.ended ?? .max)
            #expect(second.began > first.listened ?? .max)
            #expect(try await world.run("down").code == 0)
            first = try #require(world.lives("app", "first").first)
            second = try #require(world.lives("app", "second").first)
            #expect(try #require(first.asked) > second.ended ?? .max)
        }
    }

    @Test("with start_order parallel all actions start at once")
    func actionsAtOnce() async throws {
        try await World.with { world in
            try world.declare(
                "app",
                "start_order: parallel",
                does: .once("wait 400 exit 0", name: "a"),
                .once("wait 400 exit 0", name: "b")
            )
            try await world.apply()
            let a = try #require(world.lives("app", "a").first)
            let b = try #require(world.lives("app", "b").first)
            #expect(a.began < b.ended ?? 0 && b.began < a.ended ?? 0)
        }
    }
}
