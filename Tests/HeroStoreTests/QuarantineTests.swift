import Foundation
import GRDB
import HeroModel
import TestSupport
import Testing

@testable import HeroStore

/// A database that cannot be used is kept aside, whole, and another one takes its place (reliability.md DB-5).
@Suite("A damaged database")
struct QuarantineTests {
    /// A closed database with some rows in it, a part of them still in its log.
    private func makeDatabase(rows: Int = 300) throws -> TestDirectory {
        let live = try TestDirectory()
        let store = try StateStore(path: live.database)
        try store.commit([.revision(revision(7), files: [file("a.yaml", "x")], documents: [])])
        try store.queue.inDatabase { try $0.execute(sql: "PRAGMA wal_autocheckpoint = 0") }
        for id in 1...Int64(rows) { try store.commit([.job(job(id, run: id)), .event(event("event \(id)"))]) }
        try store.commit([.run(RunRecord(id: 44, service: QualifiedName("web"), revision: 7, startedAt: now))])
        let copy = try TestDirectory()
        for suffix in ["", "-wal"] {
            try FileManager.default.copyItem(atPath: live.database + suffix, toPath: copy.database + suffix)
        }
        // What every reconciler has beside it.
        AppliedRevisionFile(revision: revision(7), files: [file("a.yaml", "x")]).write(copy.database)
        return copy
    }

    /// Moves the log into the database, as a checkpoint does.
    private func checkpoint(_ directory: TestDirectory) throws {
        let queue = try Connection.openWriter(path: directory.database).queue
        try queue.inDatabase { _ = try Row.fetchAll($0, sql: "PRAGMA wal_checkpoint(TRUNCATE)") }
        try queue.close()
    }

    /// Puts bytes into a file.
    private func overwrite(_ bytes: [UInt8], into path: String, at offset: Int) throws {
        let file = open(path, O_WRONLY)
        try #require(file >= 0)
        defer { close(file) }
        try #require(pwrite(file, bytes, bytes.count, off_t(offset)) == bytes.count)
    }

    private func fileSize(_ path: String) -> Int {
        (try? Connection.fileSize(path: path)).flatMap { $0 }.map(Int.init) ?? 0
    }

    @Test("DB-5: whatever is done to its pages, a reconciler gets a database it can use, and the old one is kept whole")
    func randomDamage() throws {
        let seed = TestSettings.seed()
        var random = SeededGenerator(state: seed)
        // Three hundred in the long form.
        let rounds = TestSettings.cycles(12, share: 3)
        var remade = 0
        for round in 0..<rounds {
            let directory = try makeDatabase(rows: 120)
            if round % 3 != 0 { try checkpoint(directory) }
            let target = directory.database + (round % 3 == 0 && round % 2 == 0 ? "-wal" : "")
            let length = fileSize(target)
            switch round % 4 {
            case 0:
                let count = Int.random(in: 1...4096, using: &random)
                let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
                try overwrite(bytes, into: target, at: Int.random(in: 0..<max(1, length - count), using: &random))
            case 1: #expect(truncate(target, off_t(Int.random(in: 1..<length, using: &random))) == 0)
            case 2: try overwrite([UInt8](repeating: 0, count: 100), into: target, at: 0)
            default:
                let other = try makeDatabase(rows: 40)
                try? FileManager.default.removeItem(atPath: directory.database + "-wal")
                try FileManager.default.copyItem(atPath: other.database + "-wal", toPath: directory.database + "-wal")
            }
            let store = try StateStore.open(path: directory.database, at: now)
            // Damage that SQLite's own checks cannot see (a log that was cut) is an older state, and no quarantine.
            if let quarantine = store.quarantine {
                remade += 1
                #expect(FileManager.default.fileExists(atPath: try #require(quarantine.path)))
                #expect(try store.load() == StoredState())
            }
            try store.commit([.job(job(10_000, phase: .running))])
            #expect(try store.reader.job(10_000)?.phase == .running)
            #expect(!store.isDamaged)
        }
        #expect(remade > 0)
        let verdict = "usable; \(remade) made anew"
        TestSettings.reportRow(["row": "DB-5 pages", "cycles": "\(rounds)", "seed": "\(seed)", "verdict": verdict])
    }

    @Test(
        "DB-5: each kind of damage is found at the start",
        arguments: ["header", "format", "foreign", "application", "page", "row", "text", "empty"]
    )
    func knownDamage(kind: String) throws {
        let directory = try makeDatabase()
        if kind != "empty" { try checkpoint(directory) }
        let path = directory.database
        func execute(_ sql: String) throws {
            let queue = try DatabaseQueue(path: path)
            try queue.inDatabase { try $0.execute(sql: sql) }
            try queue.close()
        }
        switch kind {
        case "header": try overwrite([UInt8](repeating: 0, count: 100), into: path, at: 0)
        // The schema format is one that SQLite does not know; the rest is as it was.
        case "format": try overwrite([0xA5], into: path, at: 47)
        case "foreign":
            for suffix in ["", "-wal", "-shm"] { unlink(path + suffix) }
            try execute("CREATE TABLE mine (id)")
        case "application": try execute("PRAGMA application_id = 7")
        case "page": try overwrite([UInt8](repeating: 0xA5, count: 4096), into: path, at: 4096 * 9)
        case "text":
            try Data("not a database, but long enough to have a header of some kind\n".utf8).write(
                to: URL(fileURLWithPath: path)
            )
        // Nobody can have written this; it is found when it is read, by the reconciler.
        case "row": try execute("UPDATE revisions SET applied_at = 'yesterday'")
        default: #expect(truncate(path, 0) == 0)
        }
        let store = try StateStore.open(path: path, at: now)
        if kind == "row" {
            #expect(storeErrorKind { _ = try store.load() } == .damaged)
            try store.recreate(because: "it holds yesterday", at: now)
        }
        let quarantine = try #require(store.quarantine)
        #expect(quarantine.path == path + ".corrupt-20261118T110640.123456Z")
        #expect(try store.load() == StoredState())
        if kind == "application" || kind == "row" {
            #expect(quarantine.lastJob == 300 && quarantine.lastRun == 44 && quarantine.lastRevision == 7)
        }
        #expect(store.appliedRevisionFile?.revision == revision(7), "what is wanted is not lost with it")
        try store.continueNumbers(after: quarantine.lastJob, run: quarantine.lastRun)
        #expect(try store.load().lastJob == quarantine.lastJob && store.load().lastRun == quarantine.lastRun)
    }

    @Test("FP-DB-3: a log whose database was moved away goes after it, and is never removed alone")
    func interruptedMove() throws {
        let directory = try makeDatabase()
        let target = directory.database + ".corrupt-20260101T000000.000000Z"
        #expect(rename(directory.database, target) == 0)
        let log = try Data(contentsOf: URL(fileURLWithPath: directory.database + "-wal"))
        let store = try StateStore.open(path: directory.database, at: now)
        #expect(store.quarantine?.path == target)
        #expect(try Data(contentsOf: URL(fileURLWithPath: target + "-wal")) == log)
        // Together they are what they were.
        let jobs = try DatabaseQueue(path: target).read { try Int.fetchOne($0, sql: "SELECT count(*) FROM jobs") }
        #expect(jobs == 300 && store.quarantine?.lastJob == 300)
    }

    @Test("What is kept aside is its owner's alone, and no more than five of them are kept")
    func boundedCount() throws {
        let directory = try TestDirectory()
        for second in 0..<8 {
            try Data("garbage \(second)".utf8).write(to: URL(fileURLWithPath: directory.database))
            let time = WallTime(microseconds: now.microseconds + Int64(second) * 1_000_000)
            _ = try StateStore.open(path: directory.database, at: time)
            for suffix in ["", "-wal", "-shm"] { unlink(directory.database + suffix) }
        }
        let kept = Quarantine.keptDatabases(directory.database)
        #expect(kept.count == Quarantine.maxKept)
        #expect(try String(contentsOfFile: try #require(kept.last), encoding: .utf8) == "garbage 7")
    }

    @Test("DB-8: a newer database is not damaged: it stays where it is")
    func newerFormat() throws {
        let directory = try makeDatabase()
        try checkpoint(directory)
        let queue = try DatabaseQueue(path: directory.database)
        try queue.inDatabase { try $0.execute(sql: "PRAGMA user_version = \(Schema.version + 1)") }
        try queue.close()
        let before = try directory.contents()
        #expect(storeErrorKind { _ = try StateStore.open(path: directory.database, at: now) } == .newer)
        #expect(try directory.contents() == before)
    }

    @Test("A store goes on with the database that it was made anew with, and its reader too")
    func recreatesDatabase() throws {
        let directory = try TestDirectory()
        let store = try StateStore.open(path: directory.database, at: now)
        try store.commit([.service(service("web")), .job(job(1))])
        try store.recreate(because: "a test", at: now)
        #expect(try store.load() == StoredState())
        // The same spec is not taken for one that is written already.
        try store.commit([.service(service("web"))])
        #expect(try store.load().services == [service("web")])
        #expect(try store.reader.serviceSummaries().count == 1)
        #expect(try StateReader(path: directory.database)?.serviceSummaries().count == 1)
    }

    @Test("DB-5: the copy of the last revision is whole or none, and never one that was followed by another")
    func appliedRevisionFile() throws {
        let directory = try TestDirectory()
        let store = try StateStore.open(path: directory.database, at: now)
        #expect(store.appliedRevisionFile == nil)
        for number in 1...3 as ClosedRange<Int64> {
            let files = [file("web.yaml", "kind: Service # \(number) \u{0}\u{1F600}")]
            try store.commit([.revision(revision(number), files: files, documents: [])])
            #expect(store.appliedRevisionFile == AppliedRevisionFile(revision: revision(number), files: files))
        }
        let path = directory.path + "/applied.json"
        let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        var random = SeededGenerator(state: 3)
        for _ in 0..<40 {
            var broken = bytes
            broken[Int.random(in: 0..<bytes.count, using: &random)] ^= UInt8.random(in: 1...255, using: &random)
            try broken.write(to: URL(fileURLWithPath: path))
            #expect(store.appliedRevisionFile == nil)
        }
        // Where it cannot be written, none is better than an old one.
        try bytes.write(to: URL(fileURLWithPath: path))
        mkdir(path + ".new", 0o700)
        try store.commit([.revision(revision(4), files: [], documents: [])])
        #expect(store.appliedRevisionFile == nil)
    }
}
