import HeroManifest
import HeroModel
import HeroPlan
import HeroReconciler
import HeroSim
import HeroStore
import Testing

@Suite("What runs at times")
struct ScheduleTests {
    private func manifest(_ schedule: String, _ kind: String = "job", _ keys: String = "") -> String {
        "kind: Action\nname: backup\nexec: [sim, \(kind)]\nschedule: {\(schedule)}\nstop: {timeout: 200ms}\n\(keys)"
    }

    private func seconds(_ time: WallTime?) -> Int64? { time.map { $0.microseconds / 1_000_000 } }

    @Test("`every` runs again and again, counted from the apply, without drift; each run is a job of its own")
    func every() throws {
        let machine = try ReconcilerHarness()
        let begun = machine.machine.wallTime
        #expect(try machine.apply(manifest("every: 10s"))?.isConverged == true)
        #expect(try machine.jobs("backup").isEmpty)
        #expect(try machine.standalone("backup")?.nextRunAt == WallTime(microseconds: begun.microseconds + 10_000_000))
        try machine.advance(.seconds(35))
        let jobs = try machine.jobs("backup")
        #expect(jobs.map(\.phase) == [.succeeded, .succeeded, .succeeded])
        let starts = jobs.compactMap(\.startedAt).map { ($0.microseconds - begun.microseconds) / 1_000_000 }
        #expect(starts == [10, 20, 30])
        #expect(Set(jobs.map(\.id)).count == 3)
    }

    @Test("`cron` runs at the minutes of its zone")
    func cron() throws {
        let machine = try ReconcilerHarness()
        try machine.apply(manifest("cron: '*/5 * * * *', timezone: UTC"))
        try machine.advance(.seconds(900))
        let jobs = try machine.jobs("backup")
        #expect(jobs.count == 3)
        for job in jobs { #expect((seconds(job.startedAt) ?? 1) % 300 == 0) }
    }

    @Test("an equal apply and a restart of the reconciler keep the rhythm; another rhythm begins anew")
    func rhythm() throws {
        let machine = try ReconcilerHarness()
        try machine.apply(manifest("every: 10s"))
        let next = try machine.standalone("backup")?.nextRunAt
        try machine.advance(.seconds(3))
        try machine.apply(manifest("every: 10s", "job", "timeout: 3s\n"))
        #expect(try machine.standalone("backup")?.nextRunAt == next)
        try machine.crashReconciler()
        #expect(try machine.standalone("backup")?.nextRunAt == next)
        let now = machine.machine.wallTime
        try machine.apply(manifest("every: 20s"))
        #expect(try machine.standalone("backup")?.nextRunAt == WallTime(microseconds: now.microseconds + 20_000_000))
    }

    @Test(
        "a run that takes longer than the rhythm: the due one is left out, waits, or takes its place",
        arguments: [("skip", 40), ("queue", 35), ("replace", 20)] as [(String, Int64)]
    )
    func overlap(overlap: String, secondBegan: Int64) throws {
        let machine = try ReconcilerHarness()
        let begun = machine.machine.wallTime.microseconds
        try machine.apply(manifest("every: 10s, overlap: \(overlap)", "steady"), then: .seconds(35))
        if overlap != "replace" {
            #expect(try machine.phases("backup") == [.running])
            // It ends after 25 s of work.
            machine.killProgram(try #require(try machine.jobs("backup").first?.process))
        }
        try machine.advance(.seconds(10))
        let jobs = try machine.jobs("backup")
        let began = try #require(jobs.dropFirst().first?.startedAt).microseconds - begun
        #expect(began / 1_000_000 == secondBegan)
        #expect(jobs.last?.phase == .running)
        #expect(jobs.dropLast().allSatisfy { $0.phase == (overlap == "replace" ? .cancelled : .failed) })
        #expect(machine.machine.trace.violations.isEmpty)
    }

    @Test("with `queue` at most one run waits, and it still does after the reconciler was killed")
    func queue() throws {
        let machine = try ReconcilerHarness()
        try machine.apply(manifest("every: 1s, overlap: queue", "steady"), then: .milliseconds(5500))
        #expect(try machine.phases("backup") == [.running])
        try machine.crashReconciler()
        try machine.advance(.milliseconds(100))
        let process = try #require(try machine.jobs("backup").first?.process)
        machine.killProgram(process)
        try machine.advance(.milliseconds(200))
        #expect(try machine.phases("backup") == [.failed, .running])
        let said = try machine.events("core/backup").filter { $0.contains("still goes on") }
        #expect(said.count <= 2, "it is said once for each job and reconciler")
    }

    @Test("a run that waits begins even if the one before it ended while no reconciler lived", arguments: [1, 7200])
    func waited(seconds: Int) throws {
        let machine = try ReconcilerHarness()
        try machine.apply(manifest("every: 10000s, overlap: queue", "steady"), then: .seconds(20_001))
        #expect(try machine.standalone("backup")?.isWaiting == true)
        machine.killProgram(try #require(try machine.jobs("backup").first?.process))
        try machine.crashReconciler(for: .seconds(seconds))
        try machine.advance(.seconds(1))
        #expect(try machine.phases("backup") == [.failed, .running])
        #expect(try machine.standalone("backup")?.isWaiting == false)
    }

    @Test("a schedule that never comes due is as its manifest says, and rests with a `down` like any other")
    func never() throws {
        let machine = try ReconcilerHarness()
        let text = manifest("cron: '0 0 * * *'")
        try machine.apply(text)
        // No expression that a manifest may have is like that; the clocks of a zone might be.
        var record = try #require(try machine.store.load().standalone.first)
        record.nextRunAt = nil
        try machine.store.commit([.standalone(record)])
        try machine.crashReconciler()
        #expect(try planned(text, machine) == .keep)
        try machine.down()
        #expect(try planned(text, machine) == .start)
        try machine.apply(text)
        #expect(try planned(text, machine) == .keep)
    }

    /// What `diff` would say of the one action there is.
    private func planned(_ text: String, _ machine: ReconcilerHarness) throws -> PlanAction? {
        let file = ManifestFile(path: "sim.yaml", baseDirectory: "/etc/sim", bytes: Array(text.utf8))
        let read = Manifests.read([file], options: ManifestOptions(requiresCore: false))
        let observed = try Observation.read(machine.store.reader, isAlive: { _ in true })
        return Planner.plan(try #require(read.desired), observed).changes.first?.action
    }

    @Test("the newest 1000 jobs of an action are kept, those of others too")
    func bounded() throws {
        let machine = try ReconcilerHarness()
        func ended(_ id: JobID, _ action: String, service: String? = nil) -> StoreChange {
            var job = JobRecord(
                id: id,
                context: "core",
                service: service,
                action: action,
                run: nil,
                revision: 1,
                tags: [],
                createdAt: machine.machine.wallTime
            )
            job.phase = .succeeded
            return .job(job)
        }
        let own = (1...1010).map { ended($0, "backup") }
        try machine.store.commit(own + [ended(1011, "backup", service: "web"), ended(1012, "other")])
        try machine.crashReconciler()
        try machine.apply(manifest("every: 10s"), then: .seconds(11))
        let jobs = try machine.store.reader.jobs(JobFilter())
        #expect(jobs.filter { $0.action == "backup" && $0.service == nil }.map(\.id) == [1013] + (12...1010).reversed())
        #expect(jobs.count == 1002)
    }

    @Test("what came due while no reconciler lived is not made up, but said in one event")
    func missed() throws {
        let machine = try ReconcilerHarness()
        try machine.apply(manifest("every: 10s"))
        let due = try #require(try machine.standalone("backup")?.nextRunAt)
        try machine.crashReconciler(for: .seconds(45))
        let back = machine.machine.wallTime
        try machine.advance(.milliseconds(10))
        #expect(try machine.jobs("backup").isEmpty)
        let text = "missed 4 runs between \(due) and \(back); they are not made up"
        #expect(try machine.events("core/backup").filter { $0.hasPrefix("missed") } == [text])
        let next = try #require(try machine.standalone("backup")?.nextRunAt)
        #expect(next.microseconds == due.microseconds + 40_000_000, "the rhythm is the same as before")
        try machine.advance(.seconds(10))
        #expect(try machine.jobs("backup").count == 1)
    }

    @Test("TM-1: a calendar that was put back while nobody looked delays no run beyond the rhythm")
    func putBackUnseen() throws {
        let machine = try ReconcilerHarness()
        try machine.apply(manifest("every: 10s"))
        machine.machine.setCalendar(by: .seconds(-20_000))
        try machine.crashReconciler()
        try machine.advance(.seconds(11))
        #expect(try machine.jobs("backup").count == 1)
    }

    @Test("a job that goes on while the reconciler is killed is taken up, and ends as it would have")
    func adopted() throws {
        let machine = try ReconcilerHarness()
        try machine.apply(manifest("every: 1s", "long"), then: .milliseconds(1100))
        #expect(try machine.phases("backup") == [.running])
        let id = try machine.jobs("backup").first?.id
        try machine.crashReconciler()
        try machine.advance(.seconds(10))
        let first = try #require(try machine.jobs("backup").first)
        #expect(first.id == id && first.phase == .succeeded && first.executions == 1)
    }

    @Test("a running job ends with the spec it began with, whoever takes it up; the next run has the new one")
    func oldSpec() throws {
        let machine = try ReconcilerHarness()
        let tries = "retry: {max_attempts: 2, delay: 10ms}\n"
        try machine.apply(manifest("every: 10s", "steady", tries), then: .seconds(11))
        try machine.apply(manifest("every: 10s", "job", tries))
        try machine.crashReconciler()
        machine.killProgram(try #require(try machine.jobs("backup").first?.process))
        try machine.advance(.seconds(1))
        #expect(try machine.phases("backup") == [.running], "its second try is of the old spec too")
        machine.killProgram(try #require(try machine.jobs("backup").first?.process))
        try machine.advance(.seconds(10))
        #expect(try machine.phases("backup") == [.failed, .succeeded])
    }

    @Test("`down` stops what runs and lets the schedule rest, also over a restart; an apply lets it go on")
    func down() throws {
        let machine = try ReconcilerHarness()
        let text = manifest("every: 10s", "steady")
        try machine.apply(text, then: .seconds(11))
        #expect(try machine.down()?.isConverged == true)
        #expect(try machine.phases("backup") == [.cancelled])
        #expect(try machine.standalone("backup")?.nextRunAt == nil)
        try machine.crashReconciler()
        try machine.advance(.seconds(60))
        #expect(try machine.phases("backup") == [.cancelled])
        try machine.apply(text)
        try machine.advance(.seconds(10))
        #expect(try machine.phases("backup") == [.cancelled, .running])
    }

    @Test("whoever slept over some runs makes the one of this minute, and says how many were missed")
    func late() throws {
        let machine = try ReconcilerHarness()
        try machine.apply(manifest("every: 100s"), then: .seconds(1))
        // After 150 s: that of 100 s is too late by less than a minute.
        machine.machine.advanceTime(.seconds(149))
        try machine.advance(.seconds(1))
        #expect(try machine.jobs("backup").count == 1)
        // After 516 s: those of 200, 300 and 400 s are missed.
        machine.machine.advanceTime(.seconds(365))
        try machine.advance(.seconds(1))
        #expect(try machine.jobs("backup").count == 2)
        #expect(try machine.events("core/backup").filter { $0.hasPrefix("missed 3 runs") }.count == 1)
        // After 697 s: that of 600 s is too late.
        machine.machine.advanceTime(.seconds(180))
        try machine.advance(.seconds(1))
        #expect(try machine.jobs("backup").count == 2)
        #expect(try machine.events("core/backup").filter { $0.hasPrefix("missed 1 run ") }.count == 1)
    }
}

@Suite("A calendar that is set")
struct CalendarTests {
    private func manifest(_ schedule: String) -> String {
        "kind: Action\nname: backup\nexec: [sim, job]\nschedule: {\(schedule)}\n"
    }

    @Test(
        "does not move `every`: its runs come after the time that has passed (TM-1)",
        arguments: [-7200, 7200, 473_000_000]
    )
    func every(shift: Int) throws {
        let machine = try ReconcilerHarness()
        try machine.apply(manifest("every: 10s"), then: .seconds(4))
        machine.machine.setCalendar(by: .seconds(shift))
        try machine.advance(.seconds(5))
        #expect(try machine.jobs("backup").isEmpty)
        try machine.advance(.seconds(2))
        #expect(try machine.jobs("backup").count == 1)
        try machine.advance(.seconds(10))
        #expect(try machine.jobs("backup").count == 2)
        #expect(try !machine.events("core/backup").contains { $0.hasPrefix("missed") })
    }

    /// Noon, and a schedule of each hour.
    private func noon() throws -> ReconcilerHarness {
        let machine = try ReconcilerHarness()
        try machine.apply(manifest("cron: '0 * * * *'"))
        try machine.advance(.seconds(3600))
        #expect(try machine.jobs("backup").count == 1)
        return machine
    }

    @Test("back by a little runs nothing twice (TM-1)")
    func back() throws {
        let machine = try noon()
        let next = try machine.standalone("backup")?.nextRunAt
        machine.machine.setCalendar(by: .seconds(-3000))
        try machine.advance(.seconds(3000))
        #expect(try machine.jobs("backup").count == 1)
        #expect(try machine.standalone("backup")?.nextRunAt == next)
        try machine.advance(.seconds(3600))
        #expect(try machine.jobs("backup").count == 2)
    }

    @Test("back by a lot was wrong before: the schedule goes by the new time (TM-1)")
    func farBack() throws {
        let machine = try noon()
        machine.machine.setCalendar(by: .seconds(-86_400))
        try machine.advance(.seconds(3600))
        #expect(try machine.jobs("backup").count == 2)
    }

    @Test("back by a little makes no run of one that was made already, whoever looks at it later (TM-1)")
    func backWhileWaiting() throws {
        let machine = try ReconcilerHarness()
        let text = "kind: Action\nname: backup\nexec: [sim, steady]\nschedule: {every: 10s, overlap: queue}\n"
        try machine.apply(text, then: .seconds(21))
        // Its second run waits, and begins before the time at which it came due.
        machine.machine.setCalendar(by: .seconds(-5))
        machine.killProgram(try #require(try machine.jobs("backup").last?.process))
        try machine.advance(.milliseconds(500))
        let second = try #require(try machine.jobs("backup").last)
        let due = try #require(try machine.standalone("backup")?.lastDueAt)
        #expect(second.phase == .running && second.createdAt < due)
        try machine.crashReconciler()
        machine.killProgram(try #require(second.process))
        try machine.advance(.milliseconds(500))
        #expect(try machine.phases("backup") == [.failed, .failed])
    }

    @Test("forward leaves out what it jumps over, and says so (TM-1)")
    func forward() throws {
        let machine = try noon()
        machine.machine.setCalendar(by: .seconds(3 * 3600))
        try machine.advance(.seconds(1))
        #expect(try machine.jobs("backup").count == 1)
        #expect(try machine.events("core/backup").contains { $0.hasPrefix("missed 3 runs") })
        try machine.advance(.seconds(3600))
        #expect(try machine.jobs("backup").count == 2)
    }

    @Test("over a due time by a second runs it (TM-1)")
    func step() throws {
        let machine = try noon()
        let next = try #require(try machine.standalone("backup")?.nextRunAt)
        let rest = next.microseconds - machine.machine.wallTime.microseconds
        try machine.advance(.microseconds(rest - 500_000))
        machine.machine.setCalendar(by: .seconds(1))
        try machine.advance(.seconds(1))
        #expect(try machine.jobs("backup").count == 2)
    }
}
