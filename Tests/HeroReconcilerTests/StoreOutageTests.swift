import HeroKernel
import HeroModel
import HeroSim
import HeroStore
import Testing

@testable import HeroReconciler

/// What continues and what waits during a store outage (DB-4, I11).
@Suite("Store outages")
struct StoreOutageTests {
    private static let pair = """
        kind: Service
        name: web
        actions:
          - {name: run, exec: [sim, steady], is_process: true, retry: {delay: 100ms, jitter: 0}}
        ---
        kind: Service
        name: api
        requires: [web]
        actions:
          - {name: run, exec: [sim, steady], is_process: true}
        """

    private func process(_ harness: ReconcilerHarness, _ service: String) throws -> ProcessIdentity {
        try #require(harness.machine.runningProcess("core/\(service).run"))
    }

    @Test(
        "DB-4: Jobs restart during an outage, and every end is stored after it",
        arguments: [StoreError.Kind.full, .readOnly, .busy, .other, .inaccessible]
    )
    func restarts(kind: StoreError.Kind) throws {
        let harness = try ReconcilerHarness()
        try harness.apply(Self.pair)
        let job = try #require(try harness.jobs(of: "web").first)
        harness.failStore(kind)
        for round in 1...3 {
            harness.killProgram(try process(harness, "web"))
            try harness.advance(.seconds(3))
            #expect(harness.executions("core/web.run") == round + 1)
        }
        #expect(harness.executions("core/api.run") == 1, "no other service is affected")
        #expect(try harness.jobs(of: "web").first == job, "nothing could be written")
        #expect(harness.kernel.storeOutage?.contains(kind.rawValue) == true)

        harness.failStore(nil)
        try harness.advance(.seconds(3))
        let after = try #require(try harness.jobs(of: "web").first)
        #expect(after.id == job.id && after.restartCount == 3 && after.generation == 4)
        let starts = try harness.store.reader.starts(of: job.id)
        #expect(starts.map(\.generation) == [3, 2, 1])
        #expect(starts.allSatisfy { $0.outcome == .signaled(.kill, coreDumped: false) })
        #expect(harness.kernel.storeOutage == nil)
        #expect(try harness.events("").contains { $0.contains("is writable again") })
    }

    @Test("DB-4: An apply that cannot be recorded is refused and changes nothing")
    func refused() throws {
        let harness = try ReconcilerHarness()
        try harness.apply(Self.pair)
        harness.failStore(.full)
        #expect(try harness.apply(Self.pair.replacing("steady", with: "other")) == nil)
        #expect(harness.refusal?.contains("no luck: full") == true)
        #expect(harness.executions("core/web.run") == 1)
        harness.failStore(nil)
        try harness.advance(.seconds(3))
        #expect(harness.executions("core/web.run") == 1, "the refused apply is not made later")
        #expect(try harness.store.reader.revision()?.number == 1)
    }

    @Test("DB-4: A down is carried out and reports that it is not recorded")
    func down() throws {
        let harness = try ReconcilerHarness()
        try harness.apply(Self.pair)
        harness.failStore(.readOnly)
        let result = try harness.down(then: .seconds(2))
        #expect(result?.isConverged == false)
        #expect(result?.errors.contains { $0.contains("not recorded") } == true)
        #expect(
            harness.machine.runningProcess("core/web.run") == nil
                && harness.machine.runningProcess("core/api.run") == nil
        )
        harness.failStore(nil)
        try harness.advance(.seconds(3))
        #expect(try harness.store.reader.revision()?.isDown == true)
        #expect(try harness.state("web") == .stopped)
    }

    @Test("DB-4: A due run waits until it can be recorded")
    func schedules() throws {
        let harness = try ReconcilerHarness()
        try harness.apply(
            """
            kind: Action
            name: tick
            exec: [sim, job]
            schedule: {every: 5s}
            """
        )
        harness.failStore(.full)
        let before = harness.executions("core/tick")
        try harness.advance(.seconds(12))
        #expect(harness.executions("core/tick") == before)
        harness.failStore(nil)
        try harness.advance(.seconds(12))
        #expect(harness.executions("core/tick") > before)
        #expect(try harness.jobs("tick").count == harness.executions("core/tick"), "every run has a row")
    }

    @Test("DB-4: A reconciler killed during an outage is continued from the recovery records")
    func crash() throws {
        let harness = try ReconcilerHarness()
        try harness.apply(Self.pair)
        harness.failStore(.full)
        for _ in 1...2 {
            harness.killProgram(try process(harness, "web"))
            try harness.advance(.seconds(2))
        }
        let process = try process(harness, "web")
        harness.failStore(nil)
        try harness.crashReconciler()
        try harness.advance(.seconds(2))
        #expect(try self.process(harness, "web").isSameProcess(as: process), "it was adopted")
        #expect(harness.executions("core/web.run") == 3)
        let job = try #require(try harness.jobs(of: "web").first)
        #expect(job.restartCount == 2 && job.phase == .running)
        #expect(try harness.store.reader.starts(of: job.id).map(\.generation) == [2, 1], "no end is lost")
    }

    @Test("I1: A start on its way at a kill in an outage is not repeated")
    func unseenStart() throws {
        let harness = try ReconcilerHarness()
        try harness.apply(
            """
            kind: Service
            name: web
            actions:
              - {name: run, exec: [sim, job], retry: {max_attempts: 9, delay: 100ms, jitter: 0}}
            """,
            then: .zero
        )
        while harness.machine.runningProcess("core/web.run") == nil { try harness.advance(.microseconds(50)) }
        harness.failStore(.full)
        harness.killProgram(try process(harness, "web"))
        while harness.launches("core/web.run") < 2 { try harness.advance(.microseconds(50)) }

        // The shim of the second start executes its program between the two reconcilers' looks at the run directory.
        harness.machine.failingLaunches = 1
        try harness.crashReconciler()
        try harness.advance(.seconds(3))
        harness.failStore(nil)
        try harness.advance(.seconds(40))
        let job = try #require(try harness.jobs(of: "web").first)
        #expect(job.phase == .succeeded)
        #expect(harness.executions("core/web.run") == job.executions)
    }

    @Test("I11: Nothing restarts when the recovery record cannot be written either")
    func nowhere() throws {
        let harness = try ReconcilerHarness()
        try harness.apply(Self.pair)
        harness.failStore(.full)
        harness.machine.isRunDirectoryFull = true
        harness.killProgram(try process(harness, "web"))
        try harness.advance(.seconds(5))
        #expect(harness.executions("core/web.run") == 1)
        harness.machine.isRunDirectoryFull = false
        try harness.advance(.seconds(40))
        #expect(harness.executions("core/web.run") == 2)
    }

    @Test("DB-5: A database that becomes damaged is rebuilt from memory")
    func remade() throws {
        let harness = try ReconcilerHarness()
        try harness.apply(Self.pair)
        let jobs = try harness.jobs()
        harness.failStore(.damaged)
        harness.killProgram(try process(harness, "web"))
        try harness.advance(.seconds(2))
        #expect(harness.executions("core/web.run") == 2 && harness.executions("core/api.run") == 1)
        #expect(try harness.jobs().map(\.id) == jobs.map(\.id))
        #expect(try harness.store.reader.revision()?.number == 1)
        #expect(try harness.events("").contains { $0.hasPrefix("db_rebuilt: ") })
        // The numbers continue.
        try harness.apply(Self.pair.replacing("steady", with: "other"), then: .seconds(2))
        #expect(try harness.jobs().allSatisfy { $0.id > jobs.map(\.id).max() ?? .max })
    }

    @Test("I10: The rows that wait during an outage are limited")
    func condensed() {
        var batch = RowBatch()
        for number in 1...10_000 {
            let time = WallTime(microseconds: Int64(number))
            batch.append(.start(StartRecord(job: Int64(number % 2), generation: UInt32(number), startedAt: time)))
            batch.append(.event(EventRecord(time: time, level: .info, source: "a", subject: "b", text: "\(number)")))
            batch.compact()
        }
        #expect(batch.changes.count <= 2 * RowBatch.maxEvents + 2)
        #expect(batch.starts(of: 0).map(\.generation).last == 10_000)
        #expect(batch.takeDroppedCount() > 5000)
        #expect(batch.takeDroppedCount() == 0)
    }
}
