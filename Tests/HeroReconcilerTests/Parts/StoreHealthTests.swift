import HeroModel
import HeroSim
import HeroStore
import Testing

@testable import HeroReconciler

@Suite("The store health")
struct StoreHealthTests {
    @Test("A failed commit begins an outage, keeps its rows, and repeats after one second")
    func outage() throws {
        let parts = try ReconcilerParts()
        var recoveries: [Set<JobID>] = []
        parts.storeHealth.onRecovery = { recoveries.append($0) }
        parts.store.injectedError = StoreError(.full, "the disk is full")
        parts.journal.recordEvent(.info, "web", "first")
        #expect(!parts.storeHealth.commitTurn())
        #expect(parts.storeHealth.outage?.error.kind == .full && !parts.journal.rows.isEmpty)
        #expect(parts.kernel.storeOutage == "the disk is full")
        #expect(!parts.storeHealth.allowsPlan)

        parts.store.injectedError = nil
        #expect(!parts.storeHealth.commitTurn(), "one second has not passed")
        parts.machine.advanceTime(.seconds(1))
        #expect(parts.storeHealth.commitTurn())
        #expect(parts.storeHealth.outage == nil && recoveries == [[]])
        #expect(parts.kernel.storeOutage == nil)
        #expect(try parts.store.reader.events().contains { $0.text == "first" })
    }

    @Test("During an outage only a down may be planned")
    func down() throws {
        let parts = try ReconcilerParts()
        parts.store.injectedError = StoreError(.readOnly, "read-only")
        parts.journal.recordEvent(.info, "", "a row")
        #expect(!parts.storeHealth.commitTurn() && !parts.storeHealth.allowsPlan)
        parts.state.revision = RevisionRecord(
            number: 2,
            time: parts.kernel.wallTime(),
            directory: "/etc/sim",
            actor: "test",
            summary: "down",
            isDown: true
        )
        #expect(parts.storeHealth.allowsPlan)
    }

    @Test("The deadline of an unstored job is postponed until the outage ends")
    func postponed() throws {
        let parts = try ReconcilerParts()
        var postponed: Set<JobID> = []
        parts.storeHealth.onRecovery = { postponed = $0 }
        let web = parts.addService("web", state: .stopped)
        let job = parts.jobs.makeJob(web.record.spec.actions[0], for: .service(web))
        #expect(!parts.storeHealth.postpone(job.id), "there is no outage")
        parts.store.injectedError = StoreError(.busy, "busy")
        #expect(!parts.storeHealth.commitTurn())
        #expect(parts.storeHealth.isUnstored(job.id) && parts.storeHealth.postpone(job.id))
        #expect(!parts.storeHealth.postpone(job.id + 1), "the database knows all other jobs")
        parts.store.injectedError = nil
        parts.machine.advanceTime(.seconds(1))
        #expect(parts.storeHealth.commitTurn())
        #expect(postponed == [job.id] && !parts.storeHealth.isUnstored(job.id))
    }

    @Test("A revision that cannot be committed changes nothing and begins no outage")
    func revision() throws {
        let parts = try ReconcilerParts()
        parts.store.injectedError = StoreError(.full, "the disk is full")
        let record = RevisionRecord(
            number: 1,
            time: parts.kernel.wallTime(),
            directory: "/etc/sim",
            actor: "test",
            summary: "1 service declared"
        )
        let error = parts.storeHealth.commitRevision(.revision(record, files: [], documents: []))
        #expect(error?.kind == .full)
        #expect(parts.journal.rows.isEmpty && parts.storeHealth.outage == nil)
    }

    @Test("A failed read records an event and returns nothing")
    func read() throws {
        let parts = try ReconcilerParts()
        let jobs: [JobRecord] = parts.storeHealth.read(orRecord: "cannot read the jobs", "web") { _ in
            throw StoreError(.other, "no luck")
        }
        #expect(jobs.isEmpty)
        #expect(parts.events == ["cannot read the jobs: no luck"])
    }

    @Test("A lost database is rebuilt from memory with its revision, services and jobs")
    func rebuilt() throws {
        let parts = try ReconcilerParts()
        let web = parts.addService("web", state: .running)
        web.jobs = [parts.jobs.makeJob(web.record.spec.actions[0], for: .service(web))]
        #expect(parts.storeHealth.commitTurn())
        try parts.store.recreate(because: "a test", at: parts.kernel.wallTime())
        #expect(try parts.store.reader.jobs(JobFilter()).isEmpty)
        parts.store.injectedError = StoreError(.damaged, "damaged")
        parts.journal.recordEvent(.info, "", "a row")
        // The rebuilt database takes writes again.
        _ = parts.storeHealth.commitTurn()
        parts.store.injectedError = nil
        parts.machine.advanceTime(.seconds(1))
        #expect(parts.storeHealth.commitTurn())
        #expect(try parts.store.reader.jobs(JobFilter()).map(\.id) == [web.jobs[0].id])
        #expect(try parts.store.reader.events().contains { $0.text.hasPrefix("db_rebuilt: ") })
    }
}
