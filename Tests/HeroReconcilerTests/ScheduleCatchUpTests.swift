import HeroModel
import HeroReconciler
import HeroSim
import HeroStore
import Testing

@Suite("Missed runs and delays of schedules")
struct ScheduleCatchUpTests {
    private static func manifest(_ schedule: String) -> String {
        "kind: Action\nname: backup\nexec: [sim, job]\nschedule: {\(schedule)}\n"
    }

    @Test("With `catch_up` one missed run is made up by the next reconciler")
    func catchUpAfterOutage() throws {
        let harness = try ReconcilerHarness()
        try harness.apply(Self.manifest("every: 10s, catch_up: true"))
        let due = try #require(try harness.standalone("backup")?.nextRunAt)
        try harness.crashReconciler(for: .seconds(45))
        try harness.advance(.milliseconds(100))
        #expect(try harness.jobs("backup").count == 1)
        let events = try harness.events("core/backup")
        #expect(events.contains("makes up the run that was due at \(due)"), "\(events)")
        #expect(events.contains { $0.hasPrefix("missed 3 runs") }, "\(events)")
        // The run is made up once, and the schedule goes on.
        try harness.crashReconciler()
        try harness.advance(.milliseconds(100))
        #expect(try harness.jobs("backup").count == 1)
        try harness.advance(.seconds(10))
        #expect(try harness.jobs("backup").count == 2)
    }

    @Test("With `catch_up` one run is made up after `down`")
    func catchUpAfterDown() throws {
        let harness = try ReconcilerHarness()
        let text = Self.manifest("every: 10s, catch_up: true")
        try harness.apply(text)
        try harness.down()
        try harness.advance(.seconds(60))
        // It has never been due, so nothing is known to be missed.
        try harness.apply(text)
        try harness.advance(.milliseconds(100))
        #expect(try harness.jobs("backup").isEmpty)
        try harness.advance(.seconds(11))
        #expect(try harness.jobs("backup").count == 1)
        try harness.down()
        try harness.advance(.seconds(60))
        try harness.apply(text)
        try harness.advance(.milliseconds(100))
        #expect(try harness.jobs("backup").count == 2)
        // A pause without a due run makes up nothing.
        try harness.down()
        try harness.apply(text)
        try harness.advance(.milliseconds(100))
        #expect(try harness.jobs("backup").count == 2)
    }

    @Test("With `catch_up` a reconciler that wakes too late still makes one run")
    func catchUpWhenLate() throws {
        let harness = try ReconcilerHarness()
        try harness.apply(Self.manifest("every: 1000s, catch_up: true"), then: .seconds(1))
        harness.machine.advanceTime(.seconds(1500))
        try harness.advance(.seconds(1))
        #expect(try harness.jobs("backup").count == 1)
        #expect(try harness.events("core/backup").contains { $0.hasPrefix("missed") } == false)
    }

    @Test(
        "The delay of `jitter` is the same for each run, and below its limit",
        arguments: ["every: 600s", "cron: '@hourly'"]
    )
    func jitter(_ timing: String) throws {
        let harness = try ReconcilerHarness()
        try harness.apply(Self.manifest(timing))
        let plain = try #require(try harness.standalone("backup")?.nextRunAt)
        let delayed = try ReconcilerHarness()
        try delayed.apply(Self.manifest("\(timing), jitter: 300s"))
        let first = try #require(try delayed.standalone("backup")?.nextRunAt)
        let delay = first.microseconds - plain.microseconds
        #expect((1..<300_000_000).contains(delay))
        try delayed.advance(.microseconds(first.microseconds - delayed.machine.wallTime.microseconds + 1_000_000))
        #expect(try delayed.jobs("backup").count == 1)
        let second = try #require(try delayed.standalone("backup")?.nextRunAt)
        let period: Int64 = timing.hasPrefix("every") ? 600_000_000 : 3_600_000_000
        #expect(second.microseconds - first.microseconds == period)
        try delayed.crashReconciler()
        #expect(try delayed.standalone("backup")?.nextRunAt == second)
    }
}
