import HeroKernel
import HeroModel
import HeroSim
import HeroStore
import Testing

@testable import HeroReconciler

/// What goes on and what waits while the database takes nothing (reliability.md DB-4, I11).
@Suite("A database that takes nothing")
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

    private func process(_ machine: ReconcilerHarness, _ service: String) throws -> ProcessIdentity {
        try #require(machine.machine.runningProcess("core/\(service).run"))
    }

    @Test(
        "DB-4: what dies is started again in the same job, and every end is stored once the database takes writes",
        arguments: [StoreError.Kind.full, .readOnly, .busy, .other, .inaccessible]
    )
    func restarts(kind: StoreError.Kind) throws {
        let machine = try ReconcilerHarness()
        try machine.apply(Self.pair)
        let job = try #require(try machine.jobs(of: "web").first)
        machine.failStore(kind)
        for round in 1...3 {
            machine.killProgram(try process(machine, "web"))
            try machine.advance(.seconds(3))
            #expect(machine.executions("core/web.run") == round + 1)
        }
        #expect(machine.executions("core/api.run") == 1, "nobody else notices")
        #expect(try machine.jobs(of: "web").first == job, "nothing could be written")
        #expect(machine.kernel.storeOutage?.contains(kind.rawValue) == true)

        machine.failStore(nil)
        try machine.advance(.seconds(3))
        let after = try #require(try machine.jobs(of: "web").first)
        #expect(after.id == job.id && after.restartCount == 3 && after.generation == 4)
        let starts = try machine.store.reader.starts(of: job.id)
        #expect(starts.map(\.generation) == [3, 2, 1])
        #expect(starts.allSatisfy { $0.outcome == .signaled(.kill, coreDumped: false) })
        #expect(machine.kernel.storeOutage == nil)
        #expect(try machine.events("").contains { $0.contains("takes writes again") })
    }

    @Test("DB-4: an order that cannot be recorded is refused with the reason, and changes nothing")
    func refused() throws {
        let machine = try ReconcilerHarness()
        try machine.apply(Self.pair)
        machine.failStore(.full)
        #expect(try machine.apply(Self.pair.replacing("steady", with: "other")) == nil)
        #expect(machine.refusal?.contains("no luck: full") == true)
        #expect(machine.executions("core/web.run") == 1)
        machine.failStore(nil)
        try machine.advance(.seconds(3))
        #expect(machine.executions("core/web.run") == 1, "what was refused is not done later")
        #expect(try machine.store.reader.revision()?.number == 1)
    }

    @Test("DB-4: a down is carried out although it cannot be recorded, and says that it is not")
    func down() throws {
        let machine = try ReconcilerHarness()
        try machine.apply(Self.pair)
        machine.failStore(.readOnly)
        let result = try machine.down(then: .seconds(2))
        #expect(result?.isConverged == false)
        #expect(result?.errors.contains { $0.contains("not recorded") } == true)
        #expect(
            machine.machine.runningProcess("core/web.run") == nil
                && machine.machine.runningProcess("core/api.run") == nil
        )
        machine.failStore(nil)
        try machine.advance(.seconds(3))
        #expect(try machine.store.reader.revision()?.isDown == true)
        #expect(try machine.state("web") == .stopped)
    }

    @Test("DB-4: a run that comes due waits, and begins when it can be recorded")
    func schedules() throws {
        let machine = try ReconcilerHarness()
        try machine.apply(
            """
            kind: Action
            name: tick
            exec: [sim, job]
            schedule: {every: 5s}
            """
        )
        machine.failStore(.full)
        let before = machine.executions("core/tick")
        try machine.advance(.seconds(12))
        #expect(machine.executions("core/tick") == before)
        machine.failStore(nil)
        try machine.advance(.seconds(12))
        #expect(machine.executions("core/tick") > before)
        #expect(try machine.jobs("tick").count == machine.executions("core/tick"), "no run without its row")
    }

    @Test("DB-4: the reconciler dies in trouble too: the next one goes on from what stands beside the records")
    func crash() throws {
        let machine = try ReconcilerHarness()
        try machine.apply(Self.pair)
        machine.failStore(.full)
        for _ in 1...2 {
            machine.killProgram(try process(machine, "web"))
            try machine.advance(.seconds(2))
        }
        let process = try process(machine, "web")
        machine.failStore(nil)
        try machine.crashReconciler()
        try machine.advance(.seconds(2))
        #expect(try self.process(machine, "web").isSameProcess(as: process), "it was adopted")
        #expect(machine.executions("core/web.run") == 3)
        let job = try #require(try machine.jobs(of: "web").first)
        #expect(job.restartCount == 2 && job.phase == .running)
        #expect(try machine.store.reader.starts(of: job.id).map(\.generation) == [2, 1], "no end is lost")
    }

    @Test("I11: where nothing can be written beside the record either, nothing is started")
    func nowhere() throws {
        let machine = try ReconcilerHarness()
        try machine.apply(Self.pair)
        machine.failStore(.full)
        machine.machine.isRunDirectoryFull = true
        machine.killProgram(try process(machine, "web"))
        try machine.advance(.seconds(5))
        #expect(machine.executions("core/web.run") == 1)
        machine.machine.isRunDirectoryFull = false
        try machine.advance(.seconds(40))
        #expect(machine.executions("core/web.run") == 2)
    }

    @Test("DB-5: a database that turns out damaged while we live is made again from memory")
    func remade() throws {
        let machine = try ReconcilerHarness()
        try machine.apply(Self.pair)
        let jobs = try machine.jobs()
        machine.failStore(.damaged)
        machine.killProgram(try process(machine, "web"))
        try machine.advance(.seconds(2))
        #expect(machine.executions("core/web.run") == 2 && machine.executions("core/api.run") == 1)
        #expect(try machine.jobs().map(\.id) == jobs.map(\.id))
        #expect(try machine.store.reader.revision()?.number == 1)
        #expect(try machine.events("").contains { $0.hasPrefix("db_rebuilt: ") })
        // Numbers go on.
        try machine.apply(Self.pair.replacing("steady", with: "other"), then: .seconds(2))
        #expect(try machine.jobs().allSatisfy { $0.id > jobs.map(\.id).max() ?? .max })
    }

    @Test("I10: what waits to be stored does not grow for ever")
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
