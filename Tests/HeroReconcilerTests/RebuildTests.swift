import HeroKernel
import HeroModel
import HeroSim
import HeroStore
import Testing

@testable import HeroReconciler

/// A lost database is rebuilt around the running jobs (DB-5).
@Suite("A lost database")
struct RebuildTests {
    private static let set = """
        kind: Service
        name: web
        tags: [front]
        actions:
          - {name: seed, exec: [sim, job]}
          - {name: run, exec: [sim, steady], is_process: true, retry: {delay: 100ms, jitter: 0}}
          - {name: side, exec: [sim, steady], is_process: true}
        ---
        kind: Service
        name: api
        requires: [web]
        actions:
          - {name: run, exec: [sim, steady], is_process: true}
        """

    @Test("DB-5: A rebuild restarts no running program and keeps every job")
    func runningJobs() throws {
        let harness = try ReconcilerHarness()
        try harness.apply(Self.set, then: .seconds(2))
        harness.killProgram(try #require(harness.machine.runningProcess("core/web.run")))
        try harness.advance(.seconds(60))
        let before = try harness.jobs()
        let processes = ["core/web.run", "core/web.side", "core/api.run"].map { harness.machine.runningProcess($0) }
        try harness.crashWithoutDatabase()
        try harness.advance(.seconds(5))

        #expect(
            ["core/web.run", "core/web.side", "core/api.run"].map { harness.machine.runningProcess($0) } == processes
        )
        #expect(harness.executions("core/web.run") == 2 && harness.executions("core/api.run") == 1)
        #expect(
            harness.executions("core/web.seed") == 1,
            "the other jobs have recorded the one-shot that has succeeded"
        )
        let after = try harness.jobs()
        #expect(after.map(\.id) == before.map(\.id))
        for (job, former) in zip(after, before) {
            #expect(job.service == former.service && job.action == former.action && job.run == former.run)
            #expect(job.restartCount == former.restartCount && job.phase == former.phase, "\(job.action)")
            #expect(job.generation == former.generation && job.tags == former.tags && job.isReady == former.isReady)
        }
        #expect(try harness.state("web") == .running && harness.state("api") == .running)
        #expect(try harness.events("").contains { $0.hasPrefix("db_rebuilt: ") && $0.contains("it was lost") })

        // It is supervised as before, and no number is used twice.
        harness.killProgram(try #require(harness.machine.runningProcess("core/web.run")))
        try harness.advance(.seconds(2))
        #expect(harness.executions("core/web.run") == 3)
        let last = try #require(before.map(\.id).max())
        try harness.apply(Self.set.replacing("steady", with: "other"), then: .seconds(3))
        #expect(try harness.jobs().allSatisfy { $0.id > last })
    }

    @Test(
        "DB-5: The remaining job of a run restores those that ended after its start"
    )
    func endedLater() throws {
        let harness = try ReconcilerHarness()
        try harness.apply(
            """
            kind: Service
            name: web
            start_order: parallel
            actions:
              - {name: run, exec: [sim, steady], is_process: true}
              - {name: seed, exec: [sim, job]}
            """,
            then: .seconds(5)
        )
        try harness.crashWithoutDatabase()
        try harness.advance(.seconds(5))
        #expect(harness.executions("core/web.seed") == 1)
        #expect(try harness.jobs("seed").map(\.phase) == [.succeeded])
        #expect(try harness.state("web") == .running)
    }

    @Test(
        "DB-5: Without the manifests nothing is stopped or started until the next apply"
    )
    func wantedUnknown() throws {
        let harness = try ReconcilerHarness()
        try harness.apply(Self.set, then: .seconds(2))
        try harness.crashWithoutDatabase()
        try harness.advance(.seconds(2))
        // The simulation has no copy of the revision next to its database.
        let revision = try #require(try harness.store.reader.revision())
        #expect(revision.number == 1 && revision.actor == "reconciler")
        try harness.crashReconciler()
        try harness.advance(.seconds(2))
        #expect(harness.executions("core/web.run") == 1 && harness.executions("core/api.run") == 1)
        #expect(
            harness.machine.runningProcess("core/web.run") != nil
                && harness.machine.runningProcess("core/api.run") != nil
        )
        #expect(try harness.events("").contains { $0.contains("apply them again") })
        let result = try #require(try harness.apply(Self.set, then: .seconds(2)))
        #expect(result.isConverged && result.revision == 2)
        #expect(harness.executions("core/web.run") == 1, "the same manifests are no change")
    }

    @Test("DB-5: A job that ended without reconciler and database is restored and restarted")
    func endedMeanwhile() throws {
        let harness = try ReconcilerHarness()
        try harness.apply(Self.set, then: .seconds(2))
        harness.killProgram(try #require(harness.machine.runningProcess("core/api.run")))
        harness.machine.advanceTime(.seconds(1))
        try harness.crashWithoutDatabase()
        try harness.advance(.seconds(5))
        let job = try #require(try harness.jobs("run", of: "api").first)
        #expect(job.restartCount == 1 && job.phase == .running)
        #expect(job.outcome == .signaled(.kill, coreDumped: false), "its end was in the record")
    }

    @Test("DB-5: A standalone run continues, and a completed one does not run again")
    func standalone() throws {
        let harness = try ReconcilerHarness()
        try harness.apply("kind: Action\nname: backup\nexec: [sim, steady]\nrun_on: apply\n", then: .seconds(1))
        let job = try #require(try harness.jobs("backup").first)
        try harness.crashWithoutDatabase()
        try harness.advance(.seconds(5))
        #expect(harness.executions("core/backup") == 1)
        let after = try #require(try harness.jobs("backup").first)
        #expect(after.id == job.id && after.service == nil && after.phase == .running)
    }

    @Test("A recovery record is accepted only with the right digest")
    func digest() throws {
        let harness = try ReconcilerHarness()
        try harness.apply(Self.set, then: .seconds(2))
        let id = try #require(try harness.jobs("run", of: "api").first).id
        let bytes = try #require(harness.kernel.recoveryRecord(of: id))
        let record = try #require(JobRecoveryRecord(bytes))
        #expect(record.job.id == id && record.service?.name == QualifiedName("api"))
        #expect(record.bytes.flatMap { JobRecoveryRecord($0) } == record)
        for index in stride(from: 0, to: bytes.count, by: 37) {
            var broken = bytes
            broken[index] ^= 1
            #expect(JobRecoveryRecord(broken) == nil, "byte \(index)")
        }
        #expect(JobRecoveryRecord(Array(bytes.dropLast())) == nil)
        #expect(JobRecoveryRecord([]) == nil)
    }

    @Test("DB-5: A job of an earlier version gets a recovery record when it is adopted")
    func adopted() throws {
        let harness = try ReconcilerHarness()
        try harness.apply(Self.set, then: .seconds(2))
        let jobs = try harness.jobs().filter { $0.phase == .running }
        for job in jobs { harness.machine.removeRecoveryRecord(of: job.id) }
        try harness.crashReconciler()
        try harness.advance(.seconds(1))
        for job in jobs {
            #expect(
                harness.kernel.recoveryRecord(of: job.id).flatMap { JobRecoveryRecord($0) }?.job.process == job.process
            )
        }
        try harness.crashWithoutDatabase()
        try harness.advance(.seconds(2))
        #expect(harness.executions("core/web.run") == 1 && harness.executions("core/api.run") == 1)
    }

    @Test("Recovery records of deleted jobs are removed and restore nothing")
    func leftoverRecords() throws {
        let harness = try ReconcilerHarness()
        try harness.apply(Self.set, then: .seconds(2))
        let job = try #require(try harness.jobs("run", of: "api").first)
        let bytes = try #require(harness.kernel.recoveryRecord(of: job.id))
        try harness.down(then: .seconds(2))
        try harness.apply(Self.set, then: .seconds(2))
        let before = try harness.jobs()
        // As if the row of this job had been removed by the new run, and its files had not.
        let gone = job.id
        #expect(!before.contains { $0.id == gone })
        #expect(harness.kernel.writeRecoveryRecord(bytes, of: gone))
        try harness.crashReconciler()
        try harness.advance(.seconds(1))
        #expect(try harness.jobs().map(\.id) == before.map(\.id))
        #expect(harness.kernel.recoveryRecord(of: gone) == nil)
    }

    @Test("I1: A program is adopted by its identity when the run directory is lost")
    func lostRunDirectory() throws {
        let harness = try ReconcilerHarness()
        try harness.apply(
            """
            kind: Service
            name: web
            actions:
              - {name: run, exec: [sim, steady], is_process: true}
            """
        )
        let process = try #require(harness.machine.runningProcess("core/web.run"))
        harness.machine.removeRunDirectory()
        try harness.crashReconciler()
        try harness.advance(.seconds(2))
        #expect(try harness.state("web") == .running)
        #expect(harness.machine.runningProcess("core/web.run")?.isSameProcess(as: process) == true)
        #expect(harness.executions("core/web.run") == 1)

        harness.killProgram(process)
        try harness.advance(.seconds(5))
        #expect(harness.executions("core/web.run") == 2, "it is healed as before")
    }
}
