import Foundation
import GRDB
import Glibc
import HeroModel
import Testing

/// kill -9 of a shim: its service comes back, and there are never two.
@Suite("Deaths of shims", .serialized)
struct ShimCrashTests {
    @Test("SH-4: ten times kill -9 of a shim: the job comes back, and its dependents are not touched")
    func shimKilled() async throws {
        try await TestHost.with { world in
            try world.declare("db", actions: .process("lines 100 fork 1", "retry: {delay: 0ms, jitter: 0}"))
            try world.declare("web", "requires: [db]")
            try await world.apply()
            let web = try await world.runningInstance("web")
            var life = try await world.runningInstance("db")
            let job = life.job
            for number in 1...10 {
                #expect(kill(try #require(parentShim(life.pid)), SIGKILL) == 0)
                let next = try await world.runningInstance("db", number: number + 1)
                #expect(next.job == job && next.restartCount == number)
                #expect(!isAlive(life.pid))
                life = next
            }
            #expect(try await world.runningInstance("web", number: 1) == web)
            // Each child shared the lock of its oracle: had one outlived it, the next start would have been a DUP.
            #expect(!world.instances("db").dropLast().flatMap(\.children).contains(where: isAlive))
            try await world.expectEmptyDiff()
        }
    }

    @Test("SH-5: reconciler and shim killed together: what is left of the service ends before it is started again")
    func shimAndReconcilerKilled() async throws {
        try await TestHost.with { world in
            try world.declare("db", actions: .process("lines 100", "retry: {delay: 0ms, jitter: 0}"))
            try await world.apply()
            var life = try await world.runningInstance("db")
            let job = life.job
            for number in 1...5 {
                let shim = try #require(parentShim(life.pid))
                try await world.killReconciler()
                #expect(kill(shim, SIGKILL) == 0)
                try await eventually("the shim is gone") { !isAlive(shim) }
                #expect(isAlive(life.pid), "an orphan lives on")
                try await world.apply()
                let next = try await world.runningInstance("db", number: number + 1)
                #expect(next.job == job && next.restartCount == number)
                #expect(!isAlive(life.pid))
                life = next
            }
            try await world.expectEmptyDiff()
        }
    }

    private static let finalLineCount = 42_000

    /// A service that writes 4 MiB when it is asked to end, and then leaves with a code; its shim is killed.
    private func killShimOfWriter(_ world: TestHost) async throws -> OracleInstance {
        let words = "lines 100 last-words \(Self.finalLineCount) 7"
        try world.declare("web", actions: .process(words, "stop: {timeout: 60s}", "retry: {delay: 0ms, jitter: 0}"))
        try await world.apply()
        let life = try await world.runningInstance("web", number: 1)
        try await eventually("it writes") { world.readText(logPath(of: life, world)).count > 1000 }
        #expect(kill(try #require(parentShim(life.pid)), SIGKILL) == 0)
        return life
    }

    private func logPath(of life: OracleInstance, _ world: TestHost) -> String {
        "\(world.logDirectory)/core/web/run/\(life.job).log"
    }

    /// Looks at what became of the words of an instance, once the next one lives.
    private func expectFinalOutput(of life: OracleInstance, _ world: TestHost) async throws {
        try await eventually("it is started again", within: 60) { world.instances("web").count == 2 }
        let told = try #require(world.instances("web").first)
        #expect(told.end == .exit(code: 7))
        let starts = try RecordedHistory.parseStarts(
            world.readDatabase { db in
                try Row.fetchAll(db, sql: "SELECT * FROM starts WHERE job_id = ?", arguments: [life.job])
            }
        )
        #expect(starts.first?.outcome == .exited(7))
        let books = RecordedHistory(of: world)
        books.preserveLogs()
        let (lines, strange) = books.oracleLines()
        let found = lines[InstanceID(job: life.job, restartCount: 0)] ?? []
        let written = try #require(told.lineCount)
        #expect(written > Self.finalLineCount)
        #expect(
            found.suffix(Self.finalLineCount).elementsEqual(written - Self.finalLineCount + 1...written),
            "\(found.count)"
        )
        #expect(strange.isEmpty)
    }

    @Test("SH-4: the last words of a program whose shim was lost are kept, 4 MiB of them, and its code is exact")
    func finalOutputIsSaved() async throws {
        try await TestHost.with { world in
            let life = try await killShimOfWriter(world)
            try await expectFinalOutput(of: life, world)
            let text = world.readText(logPath(of: life, world) + ".1")
            #expect(text.split(separator: LostShimMarker.suffix).count == 2)
            try await world.expectEmptyDiff()
        }
    }

    @Test("SH-4: they are kept, too, when the reconciler is killed in the middle of them")
    func finalOutputSurvivesReconcilerKill() async throws {
        try await TestHost.with { world in
            let life = try await killShimOfWriter(world)
            try await eventually("its last words are being kept", within: 60) {
                world.readText(logPath(of: life, world)).split(separator: LostShimMarker.suffix).last?.utf8.count ?? 0
                    > 100_000
            }
            // It stands still, so that it is in the middle of them whatever else takes its time.
            #expect(kill(life.pid, SIGSTOP) == 0)
            try #require(world.instances("web").first?.end == nil)
            try await world.killReconciler()
            try await eventually("nobody keeps them any more") {
                !processIDs().contains { pid in
                    let words = world.readText("/proc/\(pid)/cmdline")
                    return words.hasPrefix("hpshim\0drain\0") && words.contains(world.root + "/")
                }
            }
            #expect(kill(life.pid, SIGCONT) == 0)
            try await world.apply()
            try await expectFinalOutput(of: life, world)
            #expect(world.readText(logPath(of: life, world) + ".1").split(separator: LostShimMarker.suffix).count == 3)
        }
    }
}
