import Foundation
import Glibc
import HeroModel
import Testing

/// kill -9 of a shim: its service comes back, and there are never two.
@Suite("Deaths of shims", .serialized)
struct ShimTests {
    /// The shim of an oracle: its parent.
    ///
    /// - Throws: `NeverTrue` when the oracle has lost it.
    private func shim(of pid: pid_t) throws -> pid_t {
        let text = try String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)
        let fields = text[(text.lastIndex(of: ")") ?? text.startIndex)...].split(separator: " ")
        guard fields.count > 2, let parent = pid_t(fields[2]) else { throw NeverTrue() }
        let name = try String(contentsOfFile: "/proc/\(parent)/comm", encoding: .utf8)
        guard name == "hpshim\n" else { throw NeverTrue() }
        return parent
    }

    @Test("SH-4: ten times kill -9 of a shim: the job comes back, and its dependents are not touched")
    func killed() async throws {
        try await World.with { world in
            try world.declare("db", does: .process("lines 100 fork 1", "retry: {delay: 0ms, jitter: 0}"))
            try world.declare("web", "requires: [db]")
            try await world.apply()
            let web = try await world.life("web")
            var life = try await world.life("db")
            let job = life.job
            for number in 1...10 {
                #expect(kill(try shim(of: life.pid), SIGKILL) == 0)
                let next = try await world.life("db", number: number + 1)
                #expect(next.job == job && next.restarts == number)
                #expect(!isAlive(life.pid))
                life = next
            }
            #expect(try await world.life("web", number: 1) == web)
            // Each child shared the lock of its oracle: had one outlived it, the next start would have been a DUP.
            #expect(!world.lives("db").dropLast().flatMap(\.children).contains(where: isAlive))
            try await world.expectNoDifference()
        }
    }

    @Test("SH-5: reconciler and shim killed together: what is left of the service ends before it is started again")
    func killedTogether() async throws {
        try await World.with { world in
            try world.declare("db", does: .process("lines 100", "retry: {delay: 0ms, jitter: 0}"))
            try await world.apply()
            var life = try await world.life("db")
            let job = life.job
            for number in 1...5 {
                let shim = try shim(of: life.pid)
                try await world.killReconciler()
                #expect(kill(shim, SIGKILL) == 0)
                try await eventually("the shim is gone") { !isAlive(shim) }
                #expect(isAlive(life.pid), "an orphan lives on")
                try await world.apply()
                let next = try await world.life("db", number: number + 1)
                #expect(next.job == job && next.restarts == number)
                #expect(!isAlive(life.pid))
                life = next
            }
            try await world.expectNoDifference()
        }
    }

    @Test("I1, I2: shims and reconciler killed at random under load: never two instances, never an invented status")
    func mayhem() async throws {
        try await World.with { world in
            let names = (1...6).map { "job\($0)" }
            let keys = "retry: {delay: 0ms, jitter: 0}"
            let books = Books(of: world)
            try await books.open()
            for name in names { try world.declare(name, does: .process("random-life 80", keys)) }
            let seed = UInt64.random(in: 0...UInt64.max)
            var random = Seeded(seed)
            var reconciler = try world.watch()
            try await eventually("all were started") { names.allSatisfy { !world.lives($0).isEmpty } }
            var (hits, rounds) = (0, 0)
            // Whoever is aimed at has mostly ended by itself: it goes on until one was hit.
            while rounds < CrashTests.kills || (hits == 0 && rounds < 100 * CrashTests.kills) {
                rounds += 1
                // At any moment; this wait is the fault itself.
                try await Task.sleep(for: .milliseconds(Int.random(in: 20...120, using: &random)))
                let victims = names.shuffled(using: &random).prefix(Int.random(in: 0...2, using: &random))
                let dies = Bool.random(using: &random)
                if dies { try #require(kill(reconciler.pid, SIGKILL) == 0) }
                for name in victims {
                    // Most have ended meanwhile, or will have when the signal comes: then nobody is hit.
                    guard let life = world.lives(name).last, isAlive(life.pid) else { continue }
                    if let shim = try? shim(of: life.pid), kill(shim, SIGKILL) == 0 { hits += 1 }
                }
                guard dies else { continue }
                try #require(try await world.code(of: reconciler) == 137)
                reconciler = try world.watch()
            }
            let counts = names.map { world.lives($0).count }
            try await eventually("all go on") {
                zip(names, counts).allSatisfy { world.lives($0).count > $1 + 3 }
            }
            let downed = try await world.run("down", "--all")
            #expect(downed.code == 0, "\(downed.out)\(downed.err)")

            var lost = 0
            for name in names {
                let lives = world.lives(name)
                #expect(lives.map(\.restarts) == Array(0..<lives.count), "\(name), seed \(seed)")
                let starts = try books.executed(of: lives.first?.job ?? 0)
                #expect(starts.count - lives.count == 0 || starts.count - lives.count == 1, "\(name), seed \(seed)")
                for (life, start) in zip(lives, starts) {
                    switch (start.outcome, life.end) {
                    case (.lost, _): lost += 1
                    case (.exited(let code), .exit(let told)) where code == told: continue
                    // Ended by force together with its shim, before or while it said anything.
                    case (.signaled(let signal, coreDumped: _), _) where signal.number == SIGKILL: continue
                    default: Issue.record("\(name) \(life): recorded as \(start), seed \(seed)")
                    }
                }
            }
            #expect(hits > 0)
            let count = names.map { world.lives($0).count }.reduce(0, +)
            print("SH-5: \(hits) shims killed, \(count) instances, \(lost) of them lost, seed \(seed)")
        }
    }
}
