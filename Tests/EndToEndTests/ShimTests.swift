import Foundation
import GRDB
import Glibc
import HeroModel
import Testing

/// kill -9 of a shim: its service comes back, and there are never two.
@Suite("Deaths of shims", .serialized)
struct ShimTests {
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
                #expect(kill(try #require(parentShim(life.pid)), SIGKILL) == 0)
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
                let shim = try #require(parentShim(life.pid))
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

    private static let lastWords = 42_000

    /// A service that writes 4 MiB when it is asked to end, and then leaves with a code; its shim is killed.
    private func loseShim(_ world: World) async throws -> Life {
        let words = "lines 100 last-words \(Self.lastWords) 7"
        try world.declare("web", does: .process(words, "stop: {timeout: 60s}", "retry: {delay: 0ms, jitter: 0}"))
        try await world.apply()
        let life = try await world.life("web", number: 1)
        try await eventually("it writes") { world.text(log(of: life, world)).count > 1000 }
        #expect(kill(try #require(parentShim(life.pid)), SIGKILL) == 0)
        return life
    }

    private func log(of life: Life, _ world: World) -> String { "\(world.logs)/core/web/run/\(life.job).log" }

    /// Looks at what became of the words of an instance, once the next one lives.
    private func expectLastWords(of life: Life, _ world: World) async throws {
        try await eventually("it is started again", within: 60) { world.lives("web").count == 2 }
        let told = try #require(world.lives("web").first)
        #expect(told.end == .exit(code: 7))
        let starts = try Books.starts(
            world.read { db in
                try Row.fetchAll(db, sql: "SELECT * FROM starts WHERE job_id = ?", arguments: [life.job])
            }
        )
        #expect(starts.first?.outcome == .exited(7))
        let books = Books(of: world)
        books.keepLogs()
        let (lines, strange) = books.lines()
        let found = lines[Instance(job: life.job, restarts: 0)] ?? []
        let written = try #require(told.lines)
        #expect(written > Self.lastWords)
        #expect(found.suffix(Self.lastWords).elementsEqual(written - Self.lastWords + 1...written), "\(found.count)")
        #expect(strange.isEmpty)
    }

    @Test("SH-4: the last words of a program whose shim was lost are kept, 4 MiB of them, and its code is exact")
    func lastWords() async throws {
        try await World.with { world in
            let life = try await loseShim(world)
            try await expectLastWords(of: life, world)
            let text = world.text(log(of: life, world) + ".1")
            #expect(text.split(separator: LostShim.marker).count == 2)
            try await world.expectNoDifference()
        }
    }

    @Test("SH-4: they are kept, too, when the reconciler is killed in the middle of them")
    func lastWordsThroughRestart() async throws {
        try await World.with { world in
            let life = try await loseShim(world)
            try await eventually("its last words are being kept", within: 60) {
                world.text(log(of: life, world)).split(separator: LostShim.marker).last?.utf8.count ?? 0 > 100_000
            }
            // It stands still, so that it is in the middle of them whatever else takes its time.
            #expect(kill(life.pid, SIGSTOP) == 0)
            try #require(world.lives("web").first?.end == nil)
            try await world.killReconciler()
            try await eventually("nobody keeps them any more") {
                !processIDs().contains { pid in
                    let words = world.text("/proc/\(pid)/cmdline")
                    return words.hasPrefix("hpshim\0drain\0") && words.contains(world.root + "/")
                }
            }
            #expect(kill(life.pid, SIGCONT) == 0)
            try await world.apply()
            try await expectLastWords(of: life, world)
            #expect(world.text(log(of: life, world) + ".1").split(separator: LostShim.marker).count == 3)
        }
    }
}
