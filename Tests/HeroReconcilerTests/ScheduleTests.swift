import HeroManifest
import HeroModel
import HeroPlan
import HeroReconciler
import HeroSim
import HeroStore
import Testing

@Suite("Schedules")
struct ScheduleTests {
    private func manifest(_ schedule: String, _ kind: String = "job", _ keys: String = "") -> String {
        "kind: Action\nname: backup\nexec: [sim, \(kind)]\nschedule: {\(schedule)}\nstop: {timeout: 200ms}\n\(keys)"
    }

    private func seconds(_ time: WallTime?) -> Int64? { time.map { $0.microseconds / 1_000_000 } }

    @Test("A schedule with `every` runs a new job in each interval after the apply")
    func every() throws {
        let harness = try ReconcilerHarness()
        let begun = harness.machine.wallTime
        #expect(try harness.apply(manifest("every: 10s"))?.isConverged == true)
        #expect(try harness.jobs("backup").isEmpty)
        #expect(try harness.standalone("backup")?.nextRunAt == WallTime(microseconds: begun.microseconds + 10_000_000))
        try harness.advance(.seconds(35))
        let jobs = try harness.jobs("backup")
        #expect(jobs.map(\.phase) == [.succeeded, .succeeded, .succeeded])
        let starts = jobs.compactMap(\.startedAt).map { ($0.microseconds - begun.microseconds) / 1_000_000 }
        #expect(starts == [10, 20, 30])
        #expect(Set(jobs.map(\.id)).count == 3)
    }

    @Test("A schedule with `cron` runs at the minutes of its time zone")
    func cron() throws {
        let harness = try ReconcilerHarness()
        try harness.apply(manifest("cron: '*/5 * * * *', timezone: UTC"))
        try harness.advance(.seconds(900))
        let jobs = try harness.jobs("backup")
        #expect(jobs.count == 3)
        for job in jobs { #expect((seconds(job.startedAt) ?? 1) % 300 == 0) }
    }

    @Test("Only a changed schedule begins again; an apply and a restart keep it")
    func rhythm() throws {
        let harness = try ReconcilerHarness()
        try harness.apply(manifest("every: 10s"))
        let next = try harness.standalone("backup")?.nextRunAt
        try harness.advance(.seconds(3))
        try harness.apply(manifest("every: 10s", "job", "timeout: 3s\n"))
        #expect(try harness.standalone("backup")?.nextRunAt == next)
        try harness.crashReconciler()
        #expect(try harness.standalone("backup")?.nextRunAt == next)
        let now = harness.machine.wallTime
        try harness.apply(manifest("every: 20s"))
        #expect(try harness.standalone("backup")?.nextRunAt == WallTime(microseconds: now.microseconds + 20_000_000))
    }

    @Test(
        "A due run is skipped, queued or replaces the active run, as declared",
        arguments: [("skip", 40), ("queue", 35), ("replace", 20)] as [(String, Int64)]
    )
    func overlap(overlap: String, secondBegan: Int64) throws {
        let harness = try ReconcilerHarness()
        let begun = harness.machine.wallTime.microseconds
        try harness.apply(manifest("every: 10s, overlap: \(overlap)", "steady"), then: .seconds(35))
        if overlap != "replace" {
            #expect(try harness.phases("backup") == [.running])
            // It ends after 25 s of work.
            harness.killProgram(try #require(try harness.jobs("backup").first?.process))
        }
        try harness.advance(.seconds(10))
        let jobs = try harness.jobs("backup")
        let began = try #require(jobs.dropFirst().first?.startedAt).microseconds - begun
        #expect(began / 1_000_000 == secondBegan)
        #expect(jobs.last?.phase == .running)
        #expect(jobs.dropLast().allSatisfy { $0.phase == (overlap == "replace" ? .cancelled : .failed) })
        #expect(harness.machine.trace.violations.isEmpty)
    }

    @Test("With overlap `queue`, at most one run waits, also across a reconciler restart")
    func queue() throws {
        let harness = try ReconcilerHarness()
        try harness.apply(manifest("every: 1s, overlap: queue", "steady"), then: .milliseconds(5500))
        #expect(try harness.phases("backup") == [.running])
        try harness.crashReconciler()
        try harness.advance(.milliseconds(100))
        let process = try #require(try harness.jobs("backup").first?.process)
        harness.killProgram(process)
        try harness.advance(.milliseconds(200))
        #expect(try harness.phases("backup") == [.failed, .running])
        let skipped = try harness.events("core/backup").filter { $0.contains("is still running") }
        #expect(skipped.count <= 2, "it is recorded once for each job and reconciler")
    }

    @Test("A queued run begins although its predecessor ended without a reconciler", arguments: [1, 7200])
    func waited(seconds: Int) throws {
        let harness = try ReconcilerHarness()
        try harness.apply(manifest("every: 10000s, overlap: queue", "steady"), then: .seconds(20_001))
        #expect(try harness.standalone("backup")?.isRunQueued == true)
        harness.killProgram(try #require(try harness.jobs("backup").first?.process))
        try harness.crashReconciler(for: .seconds(seconds))
        try harness.advance(.seconds(1))
        #expect(try harness.phases("backup") == [.failed, .running])
        #expect(try harness.standalone("backup")?.isRunQueued == false)
    }

    @Test("A schedule that never comes due is up to date, and a down pauses it")
    func never() throws {
        let harness = try ReconcilerHarness()
        let text = manifest("cron: '0 0 * * *'")
        try harness.apply(text)
        // No valid expression never comes due; the rules of a time zone may cause it.
        var record = try #require(try harness.store.load().standalone.first)
        record.nextRunAt = nil
        try harness.store.commit([.standalone(record)])
        try harness.crashReconciler()
        #expect(try planned(text, harness) == .keep)
        try harness.down()
        #expect(try planned(text, harness) == .start)
        try harness.apply(text)
        #expect(try planned(text, harness) == .keep)
    }

    /// What `diff` shows for the only action.
    private func planned(_ text: String, _ harness: ReconcilerHarness) throws -> PlanAction? {
        let file = ManifestFile(path: "sim.yaml", baseDirectory: "/etc/sim", bytes: Array(text.utf8))
        let read = Manifests.read([file], options: ManifestOptions(requiresCore: false))
        let observed = try Observation.read(harness.store.reader, isAlive: { _ in true })
        return Planner.plan(try #require(read.desired), observed).changes.first?.action
    }

    @Test("The newest 1000 jobs of an action are kept, and all of others")
    func bounded() throws {
        let harness = try ReconcilerHarness()
        func ended(_ id: JobID, _ action: String, service: String? = nil) -> StoreChange {
            var job = JobRecord(
                id: id,
                context: "core",
                service: service,
                action: action,
                run: nil,
                revision: 1,
                tags: [],
                createdAt: harness.machine.wallTime
            )
            job.phase = .succeeded
            return .job(job)
        }
        let own = (1...1010).map { ended($0, "backup") }
        try harness.store.commit(own + [ended(1011, "backup", service: "web"), ended(1012, "other")])
        try harness.crashReconciler()
        try harness.apply(manifest("every: 10s"), then: .seconds(11))
        let jobs = try harness.store.reader.jobs(JobFilter())
        #expect(jobs.filter { $0.action == "backup" && $0.service == nil }.map(\.id) == [1013] + (12...1010).reversed())
        #expect(jobs.count == 1002)
    }

    @Test("Runs that came due without a reconciler are missed and recorded in one event")
    func missed() throws {
        let harness = try ReconcilerHarness()
        try harness.apply(manifest("every: 10s"))
        let due = try #require(try harness.standalone("backup")?.nextRunAt)
        try harness.crashReconciler(for: .seconds(45))
        let back = harness.machine.wallTime
        try harness.advance(.milliseconds(10))
        #expect(try harness.jobs("backup").isEmpty)
        let text = "missed 4 runs between \(due) and \(back); they will not run later"
        #expect(try harness.events("core/backup").filter { $0.hasPrefix("missed") } == [text])
        let next = try #require(try harness.standalone("backup")?.nextRunAt)
        #expect(next.microseconds == due.microseconds + 40_000_000, "the schedule is the same as before")
        try harness.advance(.seconds(10))
        #expect(try harness.jobs("backup").count == 1)
    }

    @Test("TM-1: A calendar set back without a reconciler delays no run beyond one interval")
    func putBackUnseen() throws {
        let harness = try ReconcilerHarness()
        try harness.apply(manifest("every: 10s"))
        harness.machine.setCalendar(by: .seconds(-20_000))
        try harness.crashReconciler()
        try harness.advance(.seconds(11))
        #expect(try harness.jobs("backup").count == 1)
    }

    @Test("A new reconciler adopts a scheduled job, which ends normally")
    func adopted() throws {
        let harness = try ReconcilerHarness()
        try harness.apply(manifest("every: 1s", "long"), then: .milliseconds(1100))
        #expect(try harness.phases("backup") == [.running])
        let id = try harness.jobs("backup").first?.id
        try harness.crashReconciler()
        try harness.advance(.seconds(10))
        let first = try #require(try harness.jobs("backup").first)
        #expect(first.id == id && first.phase == .succeeded && first.executions == 1)
    }

    @Test("A scheduled job keeps the spec of its start, also after a reconciler restart")
    func oldSpec() throws {
        let harness = try ReconcilerHarness()
        let tries = "retry: {max_attempts: 2, delay: 10ms}\n"
        try harness.apply(manifest("every: 10s", "steady", tries), then: .seconds(11))
        try harness.apply(manifest("every: 10s", "job", tries))
        try harness.crashReconciler()
        harness.killProgram(try #require(try harness.jobs("backup").first?.process))
        try harness.advance(.seconds(1))
        #expect(try harness.phases("backup") == [.running], "its second attempt has the old spec too")
        harness.killProgram(try #require(try harness.jobs("backup").first?.process))
        try harness.advance(.seconds(10))
        #expect(try harness.phases("backup") == [.failed, .succeeded])
    }

    @Test("The command `down` stops the job and pauses the schedule until the next apply")
    func down() throws {
        let harness = try ReconcilerHarness()
        let text = manifest("every: 10s", "steady")
        try harness.apply(text, then: .seconds(11))
        #expect(try harness.down()?.isConverged == true)
        #expect(try harness.phases("backup") == [.cancelled])
        #expect(try harness.standalone("backup")?.nextRunAt == nil)
        try harness.crashReconciler()
        try harness.advance(.seconds(60))
        #expect(try harness.phases("backup") == [.cancelled])
        try harness.apply(text)
        try harness.advance(.seconds(10))
        #expect(try harness.phases("backup") == [.cancelled, .running])
    }

    @Test("A late reconciler makes the run of the last minute and records missed ones")
    func late() throws {
        let harness = try ReconcilerHarness()
        try harness.apply(manifest("every: 100s"), then: .seconds(1))
        // After 150 s: that of 100 s is too late by less than a minute.
        harness.machine.advanceTime(.seconds(149))
        try harness.advance(.seconds(1))
        #expect(try harness.jobs("backup").count == 1)
        // After 516 s: those of 200, 300 and 400 s are missed.
        harness.machine.advanceTime(.seconds(365))
        try harness.advance(.seconds(1))
        #expect(try harness.jobs("backup").count == 2)
        #expect(try harness.events("core/backup").filter { $0.hasPrefix("missed 3 runs") }.count == 1)
        // After 697 s: that of 600 s is too late.
        harness.machine.advanceTime(.seconds(180))
        try harness.advance(.seconds(1))
        #expect(try harness.jobs("backup").count == 2)
        #expect(try harness.events("core/backup").filter { $0.hasPrefix("missed 1 run ") }.count == 1)
    }
}

@Suite("Schedules when the calendar is set")
struct CalendarTests {
    private func manifest(_ schedule: String) -> String {
        "kind: Action\nname: backup\nexec: [sim, job]\nschedule: {\(schedule)}\n"
    }

    @Test(
        "A schedule with `every` does not move when the calendar is set (TM-1)",
        arguments: [-7200, 7200, 473_000_000]
    )
    func every(shift: Int) throws {
        let harness = try ReconcilerHarness()
        try harness.apply(manifest("every: 10s"), then: .seconds(4))
        harness.machine.setCalendar(by: .seconds(shift))
        try harness.advance(.seconds(5))
        #expect(try harness.jobs("backup").isEmpty)
        try harness.advance(.seconds(2))
        #expect(try harness.jobs("backup").count == 1)
        try harness.advance(.seconds(10))
        #expect(try harness.jobs("backup").count == 2)
        #expect(try !harness.events("core/backup").contains { $0.hasPrefix("missed") })
    }

    /// A harness with an hourly schedule that has run once.
    private func hourly() throws -> ReconcilerHarness {
        let harness = try ReconcilerHarness()
        try harness.apply(manifest("cron: '0 * * * *'"))
        try harness.advance(.seconds(3600))
        #expect(try harness.jobs("backup").count == 1)
        return harness
    }

    @Test("No cron run repeats when the calendar is set back a little (TM-1)")
    func back() throws {
        let harness = try hourly()
        let next = try harness.standalone("backup")?.nextRunAt
        harness.machine.setCalendar(by: .seconds(-3000))
        try harness.advance(.seconds(3000))
        #expect(try harness.jobs("backup").count == 1)
        #expect(try harness.standalone("backup")?.nextRunAt == next)
        try harness.advance(.seconds(3600))
        #expect(try harness.jobs("backup").count == 2)
    }

    @Test("A cron schedule follows a calendar that is set back by a day (TM-1)")
    func farBack() throws {
        let harness = try hourly()
        harness.machine.setCalendar(by: .seconds(-86_400))
        try harness.advance(.seconds(3600))
        #expect(try harness.jobs("backup").count == 2)
    }

    @Test("No completed run repeats after a clock change and a reconciler restart (TM-1)")
    func backWhileWaiting() throws {
        let harness = try ReconcilerHarness()
        let text = "kind: Action\nname: backup\nexec: [sim, steady]\nschedule: {every: 10s, overlap: queue}\n"
        try harness.apply(text, then: .seconds(21))
        // Its second run waits, and begins before the time at which it came due.
        harness.machine.setCalendar(by: .seconds(-5))
        harness.killProgram(try #require(try harness.jobs("backup").last?.process))
        try harness.advance(.milliseconds(500))
        let second = try #require(try harness.jobs("backup").last)
        let due = try #require(try harness.standalone("backup")?.lastDueAt)
        #expect(second.phase == .running && second.createdAt < due)
        try harness.crashReconciler()
        harness.killProgram(try #require(second.process))
        try harness.advance(.milliseconds(500))
        #expect(try harness.phases("backup") == [.failed, .failed])
    }

    @Test("Runs that the calendar skips are missed and recorded (TM-1)")
    func forward() throws {
        let harness = try hourly()
        harness.machine.setCalendar(by: .seconds(3 * 3600))
        try harness.advance(.seconds(1))
        #expect(try harness.jobs("backup").count == 1)
        #expect(try harness.events("core/backup").contains { $0.hasPrefix("missed 3 runs") })
        try harness.advance(.seconds(3600))
        #expect(try harness.jobs("backup").count == 2)
    }

    @Test("A run comes due although the calendar skips its time by a second (TM-1)")
    func step() throws {
        let harness = try hourly()
        let next = try #require(try harness.standalone("backup")?.nextRunAt)
        let rest = next.microseconds - harness.machine.wallTime.microseconds
        try harness.advance(.microseconds(rest - 500_000))
        harness.machine.setCalendar(by: .seconds(1))
        try harness.advance(.seconds(1))
        #expect(try harness.jobs("backup").count == 2)
    }
}
