import Foundation
import GRDB
import HeroModel
import HeroRandom
import TestSupport
import Testing

@testable import HeroStore

/// An unusable database is moved away unchanged and replaced by a new one (guarantee DB-5).
@Suite("Damaged databases")
struct QuarantineTests {
    /// A closed database with some rows, part of them in its log.
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
        // Every reconciler writes this file.
        AppliedRevisionFile(revision: revision(7), files: [file("a.yaml", "x")]).write(copy.database)
        return copy
    }

    /// Performs a checkpoint of the whole log.
    private func checkpoint(_ directory: TestDirectory) throws {
        let queue = try Connection.openWriter(path: directory.database).queue
        try queue.inDatabase { _ = try Row.fetchAll($0, sql: "PRAGMA wal_checkpoint(TRUNCATE)") }
        try queue.close()
    }

    /// Overwrites bytes of a file.
    private func overwrite(_ bytes: [UInt8], into path: String, at offset: Int) throws {
        let file = open(path, O_WRONLY)
        try #require(file >= 0)
        defer { close(file) }
        try #require(pwrite(file, bytes, bytes.count, off_t(offset)) == bytes.count)
    }

    private func fileSize(_ path: String) -> Int {
        (try? Connection.fileSize(path: path)).flatMap { $0 }.map(Int.init) ?? 0
    }

    @Test("A reconciler gets a usable database after any damage of pages (DB-5)")
    func randomDamage() throws {
        let seed = TestSettings.seed()
        var generator = SeededGenerator(seed)
        // 300 rounds in the long form.
        let rounds = TestSettings.cycles(12, share: 3)
        var recreated = 0
        for round in 0..<rounds {
            let directory = try makeDatabase(rows: 120)
            if round % 3 != 0 { try checkpoint(directory) }
            let target = directory.database + (round % 3 == 0 && round % 2 == 0 ? "-wal" : "")
            let length = fileSize(target)
            switch round % 4 {
            case 0:
                let count = Int.random(in: 1...4096, using: &generator)
                let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
                try overwrite(bytes, into: target, at: Int.random(in: 0..<max(1, length - count), using: &generator))
            case 1: #expect(truncate(target, off_t(Int.random(in: 1..<length, using: &generator))) == 0)
            case 2: try overwrite([UInt8](repeating: 0, count: 100), into: target, at: 0)
            default:
                let other = try makeDatabase(rows: 40)
                try? FileManager.default.removeItem(atPath: directory.database + "-wal")
                try FileManager.default.copyItem(atPath: other.database + "-wal", toPath: directory.database + "-wal")
            }
            let store = try StateStore.open(path: directory.database, at: now)
            // Damage that SQLite cannot detect (a truncated log) leads to an older state and to no quarantine.
            if let quarantine = store.quarantine {
                recreated += 1
                #expect(FileManager.default.fileExists(atPath: try #require(quarantine.path)))
                #expect(try store.load() == StoredState())
            }
            try store.commit([.job(job(10_000, phase: .running))])
            #expect(try store.reader.job(10_000)?.phase == .running)
            #expect(!store.isDamaged)
        }
        #expect(recreated > 0)
        let result = "usable; \(recreated) recreated"
        TestSettings.reportRow(["row": "DB-5 pages", "cycles": "\(rounds)", "seed": "\(seed)", "verdict": result])
    }

    @Test(
        "Each kind of damage is detected at the start (DB-5)",
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
        // The schema format is unknown to SQLite; the rest is unchanged.
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
        // An invalid value that is detected only when the reconciler reads it.
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
        #expect(store.appliedRevisionFile?.revision == revision(7), "the desired state is not lost")
        try store.continueNumbers(after: quarantine.lastJob, run: quarantine.lastRun)
        #expect(try store.load().lastJob == quarantine.lastJob && store.load().lastRun == quarantine.lastRun)
    }

    @Test("A log is moved to its database after an interrupted move (FP-DB-3)")
    func interruptedMove() throws {
        let directory = try makeDatabase()
        let target = directory.database + ".corrupt-20260101T000000.000000Z"
        #expect(rename(directory.database, target) == 0)
        let log = try Data(contentsOf: URL(fileURLWithPath: directory.database + "-wal"))
        let store = try StateStore.open(path: directory.database, at: now)
        #expect(store.quarantine?.path == target)
        #expect(try Data(contentsOf: URL(fileURLWithPath: target + "-wal")) == log)
        // The database with its log has all rows.
        let jobs = try DatabaseQueue(path: target).read { try Int.fetchOne($0, sql: "SELECT count(*) FROM jobs") }
        #expect(jobs == 300 && store.quarantine?.lastJob == 300)
    }

    @Test("At most five quarantined databases are kept")
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

    @Test("A database of a newer heroproc is not quarantined (DB-8)")
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

    @Test("A store and its reader continue with the recreated database")
    func recreatesDatabase() throws {
        let directory = try TestDirectory()
        let store = try StateStore.open(path: directory.database, at: now)
        try store.commit([.service(service("web")), .job(job(1))])
        try store.recreate(because: "a test", at: now)
        #expect(try store.load() == StoredState())
        // The same spec must be written again.
        try store.commit([.service(service("web"))])
        #expect(try store.load().services == [service("web")])
        #expect(try store.reader.serviceSummaries().count == 1)
        #expect(try StateReader(path: directory.database)?.serviceSummaries().count == 1)
    }

    @Test("The file of the applied revision is valid and current, or missing (DB-5)")
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
        var generator = SeededGenerator(3)
        for _ in 0..<40 {
            var damaged = bytes
            damaged[Int.random(in: 0..<bytes.count, using: &generator)] ^= UInt8.random(in: 1...255, using: &generator)
            try damaged.write(to: URL(fileURLWithPath: path))
            #expect(store.appliedRevisionFile == nil)
        }
        // If the file cannot be written, the old one is removed.
        try bytes.write(to: URL(fileURLWithPath: path))
        mkdir(path + ".new", 0o700)
        try store.commit([.revision(revision(4), files: [], documents: [])])
        #expect(store.appliedRevisionFile == nil)
    }
}
