import GRDB
import HeroModel
import Testing

@testable import HeroStore

@Suite("Queries")
struct QueryTests {
    @Test(
        "A job filter returns matching jobs, newest first",
        arguments: [
            (JobFilter(), [5, 4, 3, 2, 1]),
            (JobFilter(context: "lab"), [5]),
            (JobFilter(service: "web"), [3, 2, 1]),
            (JobFilter(action: "seed"), [4, 3]),
            (JobFilter(tag: "red"), [4, 2]),
            (JobFilter(tag: "re"), []),
            (JobFilter(phase: .failed), [3]),
            (JobFilter(run: 7), [2, 1]),
            (JobFilter(activeOnly: true), [5, 2, 1]),
            (JobFilter(service: "web", phase: .running, activeOnly: true, limit: 1), [2]),
            (JobFilter(limit: 2), [5, 4]),
            (JobFilter(limit: 0), []),
            (JobFilter(limit: -1), []),
        ] as [(JobFilter, [JobID])]
    )
    func filters(filter: JobFilter, expected: [JobID]) throws {
        let store = try StateStore.inMemory()
        try store.commit([
            .job(job(1, run: 7, phase: .running)),
            .job(job(2, run: 7, phase: .running, tags: ["blue", "red"])),
            .job(job(3, action: "seed", run: 8, phase: .failed)),
            .job(job(4, service: nil, action: "seed", phase: .succeeded, tags: ["red"])),
            .job(job(5, service: "db", phase: .retrying, context: "lab")),
        ])
        #expect(try store.reader.jobs(filter).map(\.id) == expected)
    }

    @Test("A reconciler loads current runs, their jobs and all active jobs")
    func load() throws {
        let directory = try TestDirectory()
        func run(_ id: RunID) -> StoreChange {
            .run(RunRecord(id: id, service: QualifiedName("web"), revision: 1, startedAt: now))
        }
        do {
            let store = try StateStore(path: directory.database)
            #expect(try store.load() == StoredState())
            try store.commit([
                .revision(revision(1), files: [file("old.yaml", "old")], documents: []),
                .revision(revision(2), files: [file("new.yaml", "new")], documents: []),
                .service(service("web", run: 2)), .service(service("db")), run(1), run(2), run(3),
                .job(job(1, run: 1, phase: .cancelled)), .job(job(2, run: 1, phase: .running)),
                .job(job(3, run: 2, phase: .succeeded)), .job(job(4, run: 2, phase: .pending)),
                .job(job(5, service: nil, phase: .retrying)), .job(job(6, service: nil, phase: .failed)),
                .job(job(99, run: 1, phase: .failed)), .jobsRemoved([99]), .runsRemoved([3]),
            ])
        }
        let state = try StateStore(path: directory.database).load()
        #expect(state.revision == revision(2))
        #expect(state.files == [file("new.yaml", "new")])
        #expect(state.services.map(\.name.name) == ["db", "web"])
        #expect(state.runs.map(\.id) == [2])
        #expect(state.jobs.map(\.id) == [2, 3, 4, 5])
        // The numbers of removed rows are not used again.
        #expect(state.lastJob == 99)
        #expect(state.lastRun == 3)
    }

    @Test("Events are selected by number without gaps and by time")
    func events() throws {
        let store = try StateStore.inMemory()
        let events = (0..<6).map { event("\($0)", at: WallTime(microseconds: now.microseconds + $0)) }
        try store.commit(events.map { .event($0) })
        func texts(_ filter: EventFilter) throws -> [String] { try store.reader.events(filter).map(\.text) }
        #expect(try store.reader.events() == events)
        #expect(try texts(EventFilter(limit: 2)) == ["4", "5"])
        #expect(try texts(EventFilter(since: events[3].time)) == ["3", "4", "5"])
        let ids = try store.reader.numberedEvents().map(\.id)
        #expect(try texts(EventFilter(after: ids[1], limit: 2)) == ["2", "3"])
        #expect(try texts(EventFilter(after: ids[5])) == [])
    }

    @Test("The last 20 starts of each job are kept")
    func starts() throws {
        let store = try StateStore.inMemory()
        for generation in Array(31...50) + Array(1...30) as [UInt32] {
            try store.commit([.start(StartRecord(job: 1, generation: generation, startedAt: now))])
        }
        try store.commit([.start(StartRecord(job: 2, generation: 1, startedAt: nil))])
        #expect(try store.reader.starts(of: 1).map(\.generation) == Array((31...50).reversed()))
        #expect(try store.reader.starts(of: 2).count == 1)
        try store.commit([.jobsRemoved([1])])
        #expect(try store.reader.starts(of: 1) == [])
    }

    @Test("The newest 10,000 events are kept (DB-9)")
    func boundedEvents() throws {
        let queue = try Connection.openInMemory()
        let store = StateStore(path: ":memory:", queue: queue)
        var highest = 0
        for batch in 0..<30 {
            try store.commit((0..<777).map { .event(event("\(batch * 777 + $0)")) })
            highest = max(highest, try queue.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM events") } ?? 0)
        }
        let kept = try store.reader.events().map(\.text)
        #expect((10_000...10_500).contains(kept.count))
        #expect(highest <= 10_500)
        #expect(kept.last == "\(30 * 777 - 1)")
        #expect(kept == (0..<30 * 777).suffix(kept.count).map { "\($0)" })
    }

    @Test(
        "Queries use an index",
        arguments: [
            (Queries.query(JobFilter(service: "web")).sql, "jobs_service_id"),
            (Queries.query(JobFilter(action: "server")).sql, "jobs_action_id"),
            (Queries.query(JobFilter(service: "web", phase: .running)).sql, "jobs_service_id_phase"),
            (Queries.query(JobFilter(context: "core", service: "web", action: "server")).sql, "jobs_"),
            (Queries.query(JobFilter(action: "server", phase: .succeeded)).sql, "jobs_action_id"),
            (Queries.query(JobFilter(phase: .failed, limit: 9)).sql, "jobs_phase"),
            (Queries.query(JobFilter(tag: "red")).sql, "jobs USING INTEGER PRIMARY KEY"),
            (Queries.query(JobFilter(tag: "red")).sql, "job_tags USING PRIMARY KEY"),
            (Queries.query(JobFilter(tag: "red", phase: .succeeded)).sql, "job_tags USING PRIMARY KEY"),
            (Queries.query(JobFilter(service: "web", tag: "red", limit: 5)).sql, "jobs_service_id"),
            (Queries.query(JobFilter(run: 1)).sql, "jobs_run_id"),
            (Queries.runs(of: QualifiedName("web")).sql, "runs_service_id"),
            (Queries.query(JobFilter(activeOnly: true)).sql, "jobs_phase"),
            (Queries.Query(sql: Queries.selectCurrentJobs).sql, "jobs_phase"),
            (Queries.Query(sql: Queries.selectCurrentJobs).sql, "jobs_run_id"),
            (Queries.Query(sql: Queries.selectCurrentRuns).sql, "runs USING INTEGER PRIMARY KEY"),
            (Queries.query(EventFilter(after: 5)).sql, "events USING INTEGER PRIMARY KEY"),
        ] as [(String, String)]
    )
    func indexes(sql: String, index: String) throws {
        let values = sql.filter { $0 == "?" }.map { _ in DatabaseValue.null }
        let steps = try Connection.openInMemory().read { db in
            try Row.fetchAll(
                db,
                sql: "EXPLAIN QUERY PLAN " + sql,
                arguments: StatementArguments(values)
            ).map { String.fromDatabaseValue($0["detail"]) ?? "" }
        }
        #expect(steps.contains { $0.contains(index) }, "\(steps)")
        #expect(!steps.contains { $0 == "SCAN jobs" || $0 == "SCAN runs" || $0 == "SCAN events" }, "\(steps)")
    }
}
