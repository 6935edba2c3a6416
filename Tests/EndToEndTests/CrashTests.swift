import Foundation
import Glibc
import HeroModel
import Testing

/// kill -9 of the reconciler: services never notice, and nothing of what happens meanwhile is lost.
@Suite("Crashes of the reconciler", .serialized)
struct CrashTests {
    /// How often the reconciler is killed under load: `HP_TORTURE=100 swift test --filter CrashTests`.
    static let kills = torture ?? 15
    /// Whether the long forms run.
    static let isTorture = torture != nil
    private static let torture = ProcessInfo.processInfo.environment["HP_TORTURE"].flatMap { Int($0) }

    @Test("nothing else dies with the reconciler, and the next one adopts all as it is; no line is lost (LG-1)")
    func adoption() async throws {
        try await World.with { world in
            try world.declare("db", does: .process("lines 200", "log: {max_size: 1MiB, keep: 9}"))
            try world.declare("seed", "requires: [db]", does: .once("exit 0"))
            try world.declare("web", "requires: [seed]", does: .process("lines 200"), .process(name: "side"))
            try await world.apply()
            let before = [
                try await world.life("db"), try await world.life("web"), try await world.life("web", "side"),
            ]
            try await world.killReconciler()
            #expect(before.allSatisfy { isAlive($0.pid) })
            // What can be seen without a reconciler is right.
            #expect(try await world.action("db")["pid"] as? Int == Int(before[0].pid))
            try await world.expectNoDifference()

            // A new one, once by apply and once by reconcile.
            try await world.apply()
            try await world.killReconciler()
            let watch = try world.watch()
            try await eventually("it is there") { world.reconciler == watch.pid }
            try await world.expectNoDifference()
            try await eventually("it has adopted") {
                try await world.events().contains {
                    ($0["text"] as? String)?.contains("took up 3 running jobs") ?? false
                }
            }
            let after = [
                try await world.life("db", number: 1), try await world.life("web", number: 1),
                try await world.life("web", "side", number: 1),
            ]
            #expect(after == before)
            #expect(world.lives("seed").count == 1)
            for (service, action) in [("db", "run"), ("web", "run"), ("web", "side")] {
                let life = try #require(world.lives(service, action).first)
                let now = try await world.action(service, action)
                #expect(now["job_id"] as? Int == life.job && now["pid"] as? Int == Int(life.pid))
                #expect(now["restart_count"] as? Int == 0)
            }

            // It watches what it adopted: a death is healed in the same job.
            #expect(kill(after[0].pid, SIGKILL) == 0)
            let healed = try await world.life("db", number: 2)
            #expect(healed.job == before[0].job && healed.restarts == 1)

            #expect(try await world.run("down").code == 0)
            let books = Books(of: world)
            books.keepLogs()
            let lines = books.lines()
            let web = try #require(world.lives("web").first)
            let count = try #require(web.lines)
            #expect(count > 0)
            #expect(lines[Instance(job: web.job, restarts: 0)] == Array(1...count))
        }
    }

    @Test("SH-3: 30 exits while no reconciler lives are recorded exactly")
    func exitsInTheGap() async throws {
        try await World.with { world in
            let go = world.root + "/go"
            let deeds = (0..<30).map { code in
                World.Deed.process("wait-for \(go) exit \(code)", "restart: never", name: "a\(code)")
            }
            try world.write("many.yaml", world.manifest("many", ["start_order: parallel"], deeds))
            try await world.apply()
            for code in 0..<30 { _ = try await world.life("many", "a\(code)") }
            try await world.killReconciler()
            try Data().write(to: URL(fileURLWithPath: go))
            try await eventually("all have ended") {
                (0..<30).allSatisfy { world.lives("many", "a\($0)").first.map { !isAlive($0.pid) } ?? false }
            }
            #expect((0..<30).allSatisfy { world.lives("many", "a\($0)").map(\.end) == [.exit(code: Int32($0))] })

            let watch = try world.watch()
            try await eventually("it has taken them in") {
                let jobs = try await world.jobs(of: "many")
                return world.reconciler == watch.pid && jobs.allSatisfy { $0["phase"] as? String != "running" }
            }
            let jobs = try await world.jobs(of: "many")
            #expect(jobs.count == 30)
            for job in jobs {
                let action = try #require(job["action_id"] as? String)
                let code = Int(action.dropFirst())
                #expect(job["exit_code"] as? Int == code)
                #expect(job["phase"] as? String == (code == 0 ? "succeeded" : "failed"))
                #expect(job["restart_count"] as? Int == 0)
            }
        }
    }

    @Test("killed in the middle of start waves and of stop waves: the next one goes on from there, in order (I5, I7)")
    func middleOfWaves() async throws {
        try await World.with { world in
            let chain = ["a", "b", "c", "d", "e", "f"]
            let declare = { (status: String) in
                for (index, name) in chain.enumerated() {
                    let requires = index == 0 ? "[]" : "[\(chain[index - 1])]"
                    let socket = "\(world.root)/\(name).sock"
                    let deed = World.Deed.process("wait 40 listen-unix \(socket) linger 40", "sockets: [\(socket)]")
                    try world.write("\(name).yaml", world.manifest(name, ["requires: \(requires)", status], [deed]))
                }
            }
            var random = Seeded(2)
            for round in 1...5 {
                try declare("status: start")
                _ = try await world.run("apply", "--no-wait")
                try await Task.sleep(for: .milliseconds(Int.random(in: 0...300, using: &random)))
                try await world.killReconciler()
                try await world.apply()
                for (name, dependent) in zip(chain, chain.dropFirst()) {
                    let (life, next) = (try await world.life(name), try await world.life(dependent))
                    #expect(next.began > life.listened ?? .max, "\(dependent) after \(name), round \(round)")
                }
                // Nobody was started twice for it.
                for name in chain { #expect(world.lives(name).count == round) }
                try await world.expectNoDifference()

                try declare("status: stop")
                _ = try await world.run("apply", "--no-wait")
                try await Task.sleep(for: .milliseconds(Int.random(in: 0...300, using: &random)))
                try await world.killReconciler()
                try await world.apply()
                for (name, dependent) in zip(chain, chain.dropFirst()) {
                    let (life, next) = (try #require(world.lives(name).last), try #require(world.lives(dependent).last))
                    #expect(try #require(next.ended) < life.asked ?? 0, "\(name) after \(dependent), round \(round)")
                }
                try await world.expectNoDifference()
            }
        }
    }

    @Test("an apply that is killed while it waits changes nothing of what it ordered")
    func killedApply() async throws {
        try await World.with { world in
            try world.declare("seed", does: .once("wait 500 exit 0"))
            try world.declare("web", "requires: [seed]")
            let apply = try world.start(["apply"])
            try await eventually("it has begun") { !world.lives("seed").isEmpty }
            #expect(kill(apply.pid, SIGKILL) == 0)
            #expect(try await world.code(of: apply) == 137)
            let web = try await world.life("web", number: 1)
            #expect(web.began > world.lives("seed").first?.ended ?? .max)
            try await world.apply()
            #expect(try await world.life("web", number: 1) == web)
        }
    }

    @Test("SH-2: kill -9 under load with short-lived jobs: no duplicate, no wrong or lost status, no lost line")
    func torture() async throws {
        try await World.with { world in
            let names = (1...8).map { "job\($0)" }
            let keys = "retry: {delay: 0ms, jitter: 0}"
            let log = "log: {max_size: 10MiB, keep: 99}"
            let books = Books(of: world)
            try await books.open()
            for name in names { try world.declare(name, does: .process("random-life 60", keys, log)) }
            try world.declare("steady", does: .process("lines 500", log))
            let seed = UInt64.random(in: 0...UInt64.max)
            var random = Seeded(seed)
            var reconciler = try world.watch()
            try await eventually("all were started") { names.allSatisfy { !world.lives($0).isEmpty } }
            let steady = try await world.life("steady", number: 1)
            for _ in 0..<Self.kills {
                // At any moment: while it recovers, while it writes, while it starts. This wait is the fault itself.
                try await Task.sleep(for: .milliseconds(Int.random(in: 30...140, using: &random)))
                try #require(kill(reconciler.pid, SIGKILL) == 0)
                try #require(try await world.code(of: reconciler) == 137)
                books.keepLogs()
                reconciler = try world.watch()
            }
            let counts = names.map { world.lives($0).count }
            try await eventually("all go on") {
                books.keepLogs()
                return zip(names, counts).allSatisfy { world.lives($0).count > $1 + 3 }
            }
            #expect(try await world.life("steady", number: 1) == steady, "what runs well is never touched")
            let downed = try await world.run("down", "--all")
            #expect(downed.code == 0, "\(downed.out)\(downed.err)")
            books.keepLogs()

            var judged = 0
            let lines = books.lines()
            for name in names + ["steady"] {
                let lives = world.lives(name)
                judged += lives.count
                #expect(lives.map(\.restarts) == Array(0..<lives.count), "\(name), seed \(seed)")
                let jobs = Set(lives.map(\.job))
                #expect(jobs.count == 1, "\(name) kept its job, seed \(seed)")
                let starts = try books.executed(of: lives.first?.job ?? 0)
                // At the end one may have been stopped between exec and its first instruction: no life, but a start.
                let unborn = starts.count == lives.count + 1 && starts.last?.outcome?.isSignalled ?? false
                #expect(starts.count == lives.count || unborn, "\(name): every start is recorded once, seed \(seed)")
                for (life, start) in zip(lives, starts) {
                    guard case .exit(let code)? = life.end, let count = life.lines else {
                        Issue.record("\(name) \(life) did not say how it ended, seed \(seed)")
                        continue
                    }
                    #expect(start.outcome == .exited(code), "\(name), start \(start.generation), seed \(seed)")
                    let found = lines[Instance(job: life.job, restarts: life.restarts)] ?? []
                    #expect(found == Array(stride(from: 1, through: count, by: 1)), "\(name), \(life), seed \(seed)")
                }
            }
            #expect(judged > 8 * Self.kills / 4, "there was load: \(judged) instances")
            let written = lines.values.map(\.count).reduce(0, +)
            print("SH-2: \(Self.kills) kills, \(judged) instances, \(written) lines, seed \(seed)")
        }
    }
}

extension Outcome {
    /// Whether a signal ended it.
    fileprivate var isSignalled: Bool {
        switch self {
        case .signaled, .outOfMemory: true
        case .exited, .startFailed, .lost: false
        }
    }
}

/// Random numbers that can be had again (SplitMix64).
struct Seeded: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}
