import GRDB
import HeroModel
import Testing

@testable import HeroStore

/// A time before `now`.
private func timeAgo(_ seconds: Int64) -> WallTime { WallTime(microseconds: now.microseconds - seconds * 1_000_000) }

@Suite("Cleanup")
struct CleanupTests {
    /// A job that ended before `now`.
    private func endedJob(
        _ id: JobID,
        service: String? = nil,
        action: String = "seed",
        run: RunID? = nil,
        phase: JobPhase = .succeeded,
        tags: [String] = ["ci"],
        context: String = "core",
        secondsAgo: Int64? = 60
    ) -> StoreChange {
        var job = job(id, service: service, action: action, run: run, phase: phase, tags: tags, context: context)
        job.finishedAt = secondsAgo.map { WallTime(microseconds: now.microseconds - $0 * 1_000_000) }
        return .job(job)
    }

    @Test(
        "A cleanup rule selects jobs that match all conditions with whole words",
        arguments: [
            (CleanupRule(tags: ["ci"]), [1, 2, 3, 4, 5, 6]),
            (CleanupRule(tags: ["c"]), []),
            (CleanupRule(tags: ["ci_kind_build"]), [2, 3]),
            (CleanupRule(tags: ["ci", "ci_kind_build"]), [2, 3]),
            (CleanupRule(tags: ["ci", "ci_kind_build", "ci_target_web"]), [3]),
            (CleanupRule(tags: ["ci", "ci_kind"]), []),
            (CleanupRule(tags: ["ci", "ci_anna"]), [4]),
            (CleanupRule(tags: ["ci"], endedBefore: timeAgo(100)), [5]),
            (CleanupRule(tags: ["ci"], endedBefore: timeAgo(60)), [5]),
            (CleanupRule(tags: ["ci"], endedBefore: timeAgo(59)), [1, 2, 3, 4, 5]),
            (CleanupRule(tags: ["ci"], phases: [.failed, .cancelled]), [2, 6]),
            (CleanupRule(service: QualifiedName("web")), [7]),
            (CleanupRule(service: QualifiedName("web", context: "lab")), [8]),
            (CleanupRule(service: QualifiedName("we")), []),
            (CleanupRule(action: "other"), [4]),
            (CleanupRule(tags: ["it's \"quoted\""]), [7]),
        ] as [(CleanupRule, [JobID])]
    )
    func matchesRule(rule: CleanupRule, expected: [JobID]) throws {
        let store = try StateStore.inMemory()
        try store.commit([
            endedJob(1), endedJob(2, phase: .failed, tags: ["ci", "ci_kind_build"]),
            endedJob(3, tags: ["ci", "ci_kind_build", "ci_target_web"]),
            endedJob(4, action: "other", tags: ["ci", "ci_anna"]),
            endedJob(5, secondsAgo: 200), endedJob(6, phase: .cancelled, secondsAgo: nil),
            endedJob(7, service: "web", tags: ["cider", "it's \"quoted\""]),
            endedJob(8, service: "web", tags: ["xci"], context: "lab"),
        ])
        #expect(try store.reader.removableJobs(rule).map(\.id) == expected)
        #expect(try store.reader.removableJobs(rule, limit: 1).map(\.id) == Array(expected.prefix(1)))
    }

    @Test("A cleanup keeps active jobs and the jobs of running services")
    func keepsActiveJobs() throws {
        let store = try StateStore.inMemory()
        var down = service("down", run: 9)
        down.isStartRequested = false
        try store.commit([.service(service("web", run: 2)), .service(down)])
        let phases = JobPhase.allCases
        for (offset, phase) in phases.enumerated() {
            let number = JobID(offset)
            try store.commit([
                endedJob(10 + number, service: "web", run: 2, phase: phase),
                endedJob(20 + number, service: "web", run: 1, phase: phase),
                endedJob(30 + number, service: "down", run: 9, phase: phase), endedJob(40 + number, phase: phase),
            ])
        }
        func kept(_ base: JobID) throws -> [JobPhase] {
            let removed = try store.reader.removableJobs(CleanupRule(tags: ["ci"])).map(\.id)
            return phases.enumerated().filter { !removed.contains(base + JobID($0.offset)) }.map(\.element)
        }
        #expect(try kept(10) == phases)
        #expect(try kept(20) == [.running, .retrying])
        #expect(try kept(30) == [.running, .retrying])
        #expect(try kept(40) == [.pending, .waiting, .running, .retrying])
    }

    @Test("A retention rule selects only jobs that ended before its age")
    func retentionRule() {
        let rule = CleanupRule(RetentionRule(tag: "ci", olderThan: .seconds(60)), now: now)
        #expect(rule.phases == [.succeeded, .failed, .cancelled])
        #expect(rule.tags == ["ci"])
        #expect(rule.endedBefore == timeAgo(60))
        #expect(CleanupRule(RetentionRule(phases: [.failed], olderThan: .zero), now: now).phases == [.failed])
    }

    @Test(
        "A cleanup removes exactly what its preview reports"
    )
    func cleanup() throws {
        let queue = try Connection.openInMemory()
        let store = StateStore(path: ":memory:", queue: queue)
        var removed = service("gone", run: 5)
        removed.spec.actions[0].name = "old"
        func run(_ id: RunID, _ name: String) -> StoreChange {
            .run(RunRecord(id: id, service: QualifiedName(name), revision: 1, startedAt: now, endedAt: now))
        }
        try store.commit([
            .service(service("web", run: 2)), .service(removed), .serviceRemoved(removed.name), run(2, "web"),
            run(5, "gone"),
            endedJob(1, service: "gone", action: "old", run: 5), endedJob(2, service: "web", action: "server", run: 2),
            endedJob(3, tags: []), .start(StartRecord(job: 1, generation: 1, startedAt: now)),
        ])
        let before = try queue.read { try Int.fetchOne($0, sql: "SELECT total_changes()") }
        let preview = try store.reader.previewCleanup(CleanupRule(tags: ["ci"]))
        #expect(try queue.read { try Int.fetchOne($0, sql: "SELECT total_changes()") } == before)
        #expect(preview.isDryRun)
        #expect(preview.jobs == [1])
        #expect(preview.actions == [ActionKey(context: "core", service: "gone", action: "old")])
        var files: [RemovableJob] = []
        let result = try store.cleanUp(CleanupRule(tags: ["ci"])) { jobs in
            files += jobs
            return ["cannot remove a log"]
        }
        #expect(result.jobs == preview.jobs && result.actions == preview.actions)
        #expect(result.errors == ["cannot remove a log"])
        #expect(files.map(\.action.logDirectory) == ["core/gone/old"])
        for (table, count) in [("jobs", 2), ("starts", 0), ("job_tags", 1), ("runs", 1), ("actions", 1)] {
            #expect(try queue.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM \(table)") } == count, "\(table)")
        }
        #expect(try store.cleanUp(CleanupRule(tags: ["ci"])) { _ in [] } == CleanupResult())
    }

    @Test("Old jobs of a standalone action are found with an index")
    func endedStandaloneJobs() throws {
        let store = try StateStore.inMemory()
        try store.commit([
            endedJob(1), endedJob(2), endedJob(3, phase: .running), endedJob(4, service: "web"),
            endedJob(5, context: "lab"),
            endedJob(6, action: "other"), endedJob(7, phase: .failed), endedJob(8, phase: .cancelled),
        ])
        let name = QualifiedName("seed")
        #expect(try store.reader.endedStandaloneJobs(of: name, exceptNewest: 2) == [2, 1])
        #expect(try store.reader.endedStandaloneJobs(of: name, exceptNewest: 4) == [])
        let steps = try queryPlan(of: Queries.endedStandaloneJobs(of: name, exceptNewest: 2))
        #expect(steps.contains { $0.contains("jobs_action_id") }, "\(steps)")
        #expect(!steps.contains { $0.contains("TEMP B-TREE") }, "\(steps)")
    }

    /// The query plan of SQLite.
    private func queryPlan(of query: Queries.Query) throws -> [String] {
        try Connection.openInMemory().read { db in
            try Row.fetchAll(
                db,
                sql: "EXPLAIN QUERY PLAN " + query.sql,
                arguments: StatementArguments(query.arguments)
            ).map { String.fromDatabaseValue($0["detail"]) ?? "" }
        }
    }

    @Test("Cleanup queries use an index")
    func usesIndexes() throws {
        let tagged = CleanupRule(tags: ["ci", "ci_kind_build"], phases: [.failed], endedBefore: now)
        for (rule, index) in [
            (tagged, "job_tags USING PRIMARY KEY"), (CleanupRule(service: QualifiedName("web")), "jobs_service_id"),
            (CleanupRule(action: "a", phases: [.failed]), "jobs_action_id"),
            (CleanupRule(phases: [.failed], endedBefore: now), "jobs_finished_at"),
        ] {
            let steps = try queryPlan(of: Queries.removableJobs(rule))
            #expect(steps.contains { $0.contains(index) }, "\(steps)")
            #expect(!steps.contains { $0.hasPrefix("SCAN jobs") && !$0.contains("USING INDEX") }, "\(steps)")
        }
    }

    @Test(
        "The last 200 revisions and all used revisions are kept"
    )
    func keepsRevisions() throws {
        let queue = try Connection.openInMemory()
        let store = StateStore(path: ":memory:", queue: queue)
        var unchanged = service("standing")
        unchanged.revision = 3
        for number in 1...260 as ClosedRange<Int64> {
            var changing = service("changing", arguments: ["/bin/echo", "\(number)"])
            changing.revision = number
            try store.commit([
                .revision(revision(number), files: [file("a", "same"), file("b", "\(number)")], documents: []),
                .service(number == 3 ? unchanged : changing),
            ])
        }
        let numbers = try store.reader.revisions(limit: 1000).map(\.number)
        #expect(numbers == Array((61...260).reversed()) + [3])
        #expect(try store.reader.files(of: 3).map(\.path) == ["a", "b"])
        let counts = try queue.read { db in
            try ["texts", "files", "actions"].map { try Int.fetchOne(db, sql: "SELECT count(*) FROM \($0)") }
        }
        // One text is shared by all revisions, and each has one of its own. Specs are removed one change later, and a
        // used one stays.
        #expect(counts[0] == 202)
        #expect(counts[1] == 402)
        #expect((201...203).contains(counts[2] ?? 0), "\(counts)")
    }
}
