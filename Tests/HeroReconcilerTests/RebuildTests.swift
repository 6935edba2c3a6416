import HeroKernel
import HeroModel
import HeroSim
import HeroStore
import Testing

@testable import HeroReconciler

/// A database that is lost is made again around what runs (reliability.md DB-5).
@Suite("A database that is lost")
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

    @Test("DB-5: nothing that runs is started again, and each job is the one that it was")
    func runningJobs() throws {
        let machine = try ReconcilerHarness()
        try machine.apply(Self.set, then: .seconds(2))
        machine.killProgram(try #require(machine.machine.runningProcess("core/web.run")))
        try machine.advance(.seconds(60))
        let before = try machine.jobs()
        let processes = ["core/web.run", "core/web.side", "core/api.run"].map { machine.machine.runningProcess($0) }
        try machine.crashWithoutDatabase()
        try machine.advance(.seconds(5))

        #expect(
            ["core/web.run", "core/web.side", "core/api.run"].map { machine.machine.runningProcess($0) } == processes
        )
        #expect(machine.executions("core/web.run") == 2 && machine.executions("core/api.run") == 1)
        #expect(machine.executions("core/web.seed") == 1, "one that ended well in this run is remembered by the others")
        let after = try machine.jobs()
        #expect(after.map(\.id) == before.map(\.id))
        for (job, former) in zip(after, before) {
            #expect(job.service == former.service && job.action == former.action && job.run == former.run)
            #expect(job.restartCount == former.restartCount && job.phase == former.phase, "\(job.action)")
            #expect(job.generation == former.generation && job.tags == former.tags && job.isReady == former.isReady)
        }
        #expect(try machine.state("web") == .running && machine.state("api") == .running)
        #expect(try machine.events("").contains { $0.hasPrefix("db_rebuilt: ") && $0.contains("it was lost") })

        // It is supervised as before, and no number is given twice.
        machine.killProgram(try #require(machine.machine.runningProcess("core/web.run")))
        try machine.advance(.seconds(2))
        #expect(machine.executions("core/web.run") == 3)
        let last = try #require(before.map(\.id).max())
        try machine.apply(Self.set.replacing("steady", with: "other"), then: .seconds(3))
        #expect(try machine.jobs().allSatisfy { $0.id > last })
    }

    @Test(
        "DB-5: of a run in which all has ended well but one, the one knows it, also when the others ended after it began"
    )
    func endedLater() throws {
        let machine = try ReconcilerHarness()
        try machine.apply(
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
        try machine.crashWithoutDatabase()
        try machine.advance(.seconds(5))
        #expect(machine.executions("core/web.seed") == 1)
        #expect(try machine.jobs("seed").map(\.phase) == [.succeeded])
        #expect(try machine.state("web") == .running)
    }

    @Test(
        "DB-5: without any word of what is wanted nothing is stopped and nothing new is started, until the next apply"
    )
    func wantedUnknown() throws {
        let machine = try ReconcilerHarness()
        try machine.apply(Self.set, then: .seconds(2))
        try machine.crashWithoutDatabase()
        try machine.advance(.seconds(2))
        // The simulation has no copy beside its database: this is what is left without one.
        let revision = try #require(try machine.store.reader.revision())
        #expect(revision.number == 1 && revision.actor == "reconciler")
        try machine.crashReconciler()
        try machine.advance(.seconds(2))
        #expect(machine.executions("core/web.run") == 1 && machine.executions("core/api.run") == 1)
        #expect(
            machine.machine.runningProcess("core/web.run") != nil
                && machine.machine.runningProcess("core/api.run") != nil
        )
        #expect(try machine.events("").contains { $0.contains("apply them anew") })
        let result = try #require(try machine.apply(Self.set, then: .seconds(2)))
        #expect(result.isConverged && result.revision == 2)
        #expect(machine.executions("core/web.run") == 1, "the same is no change")
    }

    @Test("DB-5: a job that ended while nobody looked, and whose row is lost, is taken in with its end and healed")
    func endedMeanwhile() throws {
        let machine = try ReconcilerHarness()
        try machine.apply(Self.set, then: .seconds(2))
        machine.killProgram(try #require(machine.machine.runningProcess("core/api.run")))
        machine.machine.advanceTime(.seconds(1))
        try machine.crashWithoutDatabase()
        try machine.advance(.seconds(5))
        let job = try #require(try machine.jobs("run", of: "api").first)
        #expect(job.restartCount == 1 && job.phase == .running)
        #expect(job.outcome == .signaled(.kill, coreDumped: false), "its end was in the record")
    }

    @Test("DB-5: a standalone run goes on; one that is over is not run again for want of a row")
    func standalone() throws {
        let machine = try ReconcilerHarness()
        try machine.apply("kind: Action\nname: backup\nexec: [sim, steady]\nrun_on: apply\n", then: .seconds(1))
        let job = try #require(try machine.jobs("backup").first)
        try machine.crashWithoutDatabase()
        try machine.advance(.seconds(5))
        #expect(machine.executions("core/backup") == 1)
        let after = try #require(try machine.jobs("backup").first)
        #expect(after.id == job.id && after.service == nil && after.phase == .running)
    }

    @Test("What stands beside a record is believed only when its digest is right")
    func digest() throws {
        let machine = try ReconcilerHarness()
        try machine.apply(Self.set, then: .seconds(2))
        let id = try #require(try machine.jobs("run", of: "api").first).id
        let bytes = try #require(machine.kernel.recoveryRecord(of: id))
        let origin = try #require(JobRecoveryRecord(bytes))
        #expect(origin.job.id == id && origin.service?.name == QualifiedName("api"))
        #expect(origin.bytes.flatMap { JobRecoveryRecord($0) } == origin)
        for index in stride(from: 0, to: bytes.count, by: 37) {
            var broken = bytes
            broken[index] ^= 1
            #expect(JobRecoveryRecord(broken) == nil, "byte \(index)")
        }
        #expect(JobRecoveryRecord(Array(bytes.dropLast())) == nil)
        #expect(JobRecoveryRecord([]) == nil)
    }

    @Test("DB-5: what a former version started gets its origin when it is adopted")
    func adopted() throws {
        let machine = try ReconcilerHarness()
        try machine.apply(Self.set, then: .seconds(2))
        let jobs = try machine.jobs().filter { $0.phase == .running }
        for job in jobs { machine.machine.removeRecoveryRecord(of: job.id) }
        try machine.crashReconciler()
        try machine.advance(.seconds(1))
        for job in jobs {
            #expect(
                machine.kernel.recoveryRecord(of: job.id).flatMap { JobRecoveryRecord($0) }?.job.process == job.process
            )
        }
        try machine.crashWithoutDatabase()
        try machine.advance(.seconds(2))
        #expect(machine.executions("core/web.run") == 1 && machine.executions("core/api.run") == 1)
    }

    @Test("Records that were left by a crash after their rows went are removed, and bring nothing back")
    func leftoverRecords() throws {
        let machine = try ReconcilerHarness()
        try machine.apply(Self.set, then: .seconds(2))
        let job = try #require(try machine.jobs("run", of: "api").first)
        let bytes = try #require(machine.kernel.recoveryRecord(of: job.id))
        try machine.down(then: .seconds(2))
        try machine.apply(Self.set, then: .seconds(2))
        let before = try machine.jobs()
        // As if the row of this job had gone with the new run, and its traces had not.
        let gone = job.id
        #expect(!before.contains { $0.id == gone })
        #expect(machine.kernel.writeRecoveryRecord(bytes, of: gone))
        try machine.crashReconciler()
        try machine.advance(.seconds(1))
        #expect(try machine.jobs().map(\.id) == before.map(\.id))
        #expect(machine.kernel.recoveryRecord(of: gone) == nil)
    }
}
