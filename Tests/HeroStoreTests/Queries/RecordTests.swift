import GRDB
import HeroModel
import HeroRandom
import Testing

@testable import HeroStore

@Suite("Records")
struct RecordTests {
    @Test("All records are read back unchanged", arguments: 0..<20)
    func roundTrip(seed: UInt64) throws {
        var generator = SeededGenerator(seed)
        let store = try StateStore.inMemory()
        let jobs = (1...20).map { generator.job($0) }
        let names = ["a", "b", "c"].map { QualifiedName($0) }
        let services = names.map { generator.service($0) }
        let starts = (1...20).map {
            StartRecord(
                job: 7,
                generation: $0,
                startedAt: generator.maybe { $0.time() },
                endedAt: generator.maybe { $0.time() },
                outcome: generator.maybe { $0.outcome() }
            )
        }
        try store.commit(jobs.map { .job($0) } + services.map { .service($0) } + starts.map { .start($0) })
        #expect(try store.reader.jobs() == jobs.reversed())
        #expect(try store.load().services == services)
        #expect(try store.reader.starts(of: 7) == starts.reversed())
        for job in jobs { #expect(try store.reader.job(job.id) == job) }
    }

    @Test("A store in memory, on disk and reopened return equal records", arguments: 0..<8)
    func sameEverywhere(seed: UInt64) throws {
        let directory = try TestDirectory()
        var generator = SeededGenerator(seed &+ 1000)
        let memory = try StateStore.inMemory()
        var disk: StateStore? = try StateStore(path: directory.database)
        for _ in 0..<20 {
            let batch = generator.changes(15)
            try memory.commit(batch)
            try disk?.commit(batch)
        }
        try expectSame(memory, try #require(disk))
        disk = nil
        try expectSame(memory, try StateStore(path: directory.database))
        let reader = try #require(try StateReader(path: directory.database))
        #expect(try reader.serviceSummaries() == memory.reader.serviceSummaries())
        #expect(try reader.jobs() == memory.reader.jobs())
    }

    private func expectSame(_ left: StateStore, _ right: StateStore) throws {
        #expect(try left.load() == right.load())
        #expect(try left.reader.jobs() == right.reader.jobs())
        #expect(try left.reader.currentJobs() == right.reader.currentJobs())
        #expect(try left.reader.serviceSummaries() == right.reader.serviceSummaries())
        #expect(try left.reader.numberedEvents() == right.reader.numberedEvents())
        #expect(try left.reader.revisions(limit: 9) == right.reader.revisions(limit: 9))
        for revision in try left.reader.revisions(limit: 9) {
            #expect(try right.reader.revision(number: revision.number) == revision)
        }
        for number in 1...4 as ClosedRange<Int64> {
            #expect(try left.reader.files(of: number) == right.reader.files(of: number))
            #expect(try left.reader.documents(of: number) == right.reader.documents(of: number))
        }
        for job in 1...30 as ClosedRange<Int64> {
            #expect(try left.reader.starts(of: job) == right.reader.starts(of: job))
        }
    }

    @Test("A service summary matches its record")
    func summaries() throws {
        var generator = SeededGenerator(5)
        let store = try StateStore.inMemory()
        let record = generator.service(QualifiedName("web"))
        try store.commit([.service(record)])
        let summary = try #require(try store.reader.serviceSummaries().first)
        #expect(summary.name == record.name)
        #expect(summary.serviceClass == record.spec.serviceClass)
        #expect(summary.status == record.spec.status)
        #expect(summary.canonical == record.canonical)
        #expect(summary.requires == record.spec.requires)
        #expect(summary.after == record.spec.after + record.spec.wants)
        #expect(summary.state == record.state)
        #expect(summary.since == record.since)
        #expect(summary.blockedBy == record.blockedBy)
        #expect(summary.run == record.run)
        #expect(summary.revision == record.revision)
        #expect(summary.isStartRequested == record.isStartRequested)
    }

    @Test(
        "A standalone action is read back unchanged, and can be removed",
        arguments: 0..<5
    )
    func standalone(seed: UInt64) throws {
        var generator = SeededGenerator(seed)
        let store = try StateStore.inMemory()
        var records = [generator.standalone(QualifiedName("a")), generator.standalone(QualifiedName("b"))]
        records[0].job = 3
        try store.commit(records.map { .standalone($0) } + [.job(job(3, service: nil, action: "a", phase: .succeeded))])
        #expect(try store.load().standalone == records)
        #expect(try store.load().jobs.map(\.id) == [3])
        let summaries = try store.reader.standaloneSummaries()
        #expect(summaries.map(\.name) == records.map(\.name))
        #expect(summaries.map(\.canonical) == records.map(\.canonical))
        #expect(summaries.map(\.nextRunAt) == records.map(\.nextRunAt))
        records[0].requestedRun = records[0].requestedRun == .begun ? .none : .begun
        records[0].job = nil
        try store.commit([.standalone(records[0]), .jobsRemoved([3])])
        #expect(try store.load().standalone == records)
        try store.commit([.standaloneRemoved(records[1].name)])
        #expect(try store.load().standalone == [records[0]])
    }

    @Test("A changed spec of a service is written, and an equal spec is kept")
    func specs() throws {
        let store = try StateStore.inMemory()
        var record = service("web")
        try store.commit([.service(record)])
        record.state = .failed
        record.run = 9
        try store.commit([.service(record)])
        #expect(try store.load().services == [record])
        record = service("web", arguments: ["/bin/false"])
        try store.commit([
            .service(record), .serviceState(record.name, .blocked, since: now, blockedBy: [], isStartRequested: false),
        ])
        record.state = .blocked
        record.isStartRequested = false
        #expect(try store.load().services == [record])
        try store.commit([.serviceRemoved(record.name)])
        #expect(try store.load().services == [])
        try store.commit([.service(record)])
        #expect(try store.load().services == [record])
    }

    @Test("Each distinct action spec is one row with its first revision")
    func actions() throws {
        let queue = try Connection.openInMemory()
        let store = StateStore(path: ":memory:", queue: queue)
        var second = service("web", arguments: ["/bin/false"])
        second.revision = 2
        var third = service("web")
        third.revision = 3
        for record in [service("web"), second, third] { try store.commit([.service(record)]) }
        let revisions = try queue.read {
            try Int64.fetchAll($0, sql: "SELECT first_revision FROM actions ORDER BY id")
        }
        #expect(revisions == [1, 2])
    }

    @Test("Equal texts are stored once, and different texts may share a digest")
    func texts() throws {
        let queue = try Connection.openInMemory()
        let store = StateStore(path: ":memory:", queue: queue)
        let files = [file("a.yaml", "same"), file("b.yaml", "same"), file("c.yaml", ""), file("d.yaml", "other")]
        let digest = contentDigest("other".utf8)
        try queue.write {
            try $0.execute(sql: "INSERT INTO texts (digest, bytes) VALUES (?, x'ff')", arguments: [digest])
        }
        try store.commit([.revision(revision(1), files: files, documents: [])])
        try store.commit([.revision(revision(2), files: files.reversed(), documents: [])])
        #expect(try store.reader.files(of: 1) == files)
        #expect(try store.load().files == files.reversed())
        #expect(try queue.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM texts") } == 4)
        // The published FNV-1a value for "a".
        #expect(contentDigest("a".utf8) == "d228cb696f1a8caf78912b704e4a8964")
    }

    @Test("The jobs table starts with the columns of `jobs -o json`")
    func columns() throws {
        let found = try Connection.openInMemory().read { try $0.columns(in: "jobs").map(\.name) }
        let expected = [
            "id", "context", "service_id", "action_id", "run_id", "revision", "phase", "attempt", "restart_count",
            "pid", "exit_code", "signal", "error", "tags", "created_at", "started_at", "finished_at",
        ]
        #expect(Array(found.prefix(expected.count)) == expected)
        #expect(Set(found) == Set(JobRecord.columns))
    }
}
