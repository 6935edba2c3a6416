import HeroLifecycle
import HeroModel
import HeroSchedule
import Testing

@Suite("A schedule")
struct ScheduleCalculatorTests {
    private static let rows: [(summary: String, cron: String, zone: TimeZoneRules?, after: String, runs: [String])] = [
        (
            "comes again after each run, never at the time that is asked about",
            "*/20 * * * *", .utc, "2026-11-21T10:00:00Z",
            ["2026-11-21T10:20:00Z", "2026-11-21T10:40:00Z", "2026-11-21T11:00:00Z"]
        ),
        (
            "comes in the same minute only when that has not begun",
            "0 12 * * *", .utc, "2026-11-21T11:59:59.999999Z", ["2026-11-21T12:00:00Z", "2026-11-22T12:00:00Z"]
        ),
        (
            "goes over the ends of months and years",
            "59 23 31 * *", .utc, "2026-11-21T00:00:00Z", ["2026-12-31T23:59:00Z", "2027-01-31T23:59:00Z"]
        ),
        (
            "waits for a leap year, also over 2100",
            "0 0 29 2 *", .utc, "2096-03-01T00:00:00Z", ["2104-02-29T00:00:00Z"]
        ),
        (
            "waits for the rarest day there is",
            "0 0 29 2 */7", .utc, "2088-03-01T00:00:00Z", ["2128-02-29T00:00:00Z"]
        ),
        (
            "runs at the first moment after the gap when its time is skipped, once",
            "15,45 2 * * *", TestZones.brussels, "2026-03-28T02:00:00Z",
            ["2026-03-29T01:00:00Z", "2026-03-30T00:15:00Z", "2026-03-30T00:45:00Z"]
        ),
        (
            "runs once at the end of the gap, also when another of its times is there",
            "0,30 2,3 * * *", TestZones.brussels, "2026-03-29T00:00:00Z",
            ["2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z", "2026-03-30T00:00:00Z"]
        ),
        (
            "runs at the first of two when its time comes twice",
            "30 2 * * *", TestZones.brussels, "2026-10-24T12:00:00Z",
            ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]
        ),
        (
            "does not run again in the second of two hours, asked in the midst of it",
            "*/15 2 * * *", TestZones.brussels, "2026-10-25T01:10:00Z", ["2026-10-26T01:00:00Z"]
        ),
        (
            "with every hour runs in real time through a gap",
            "*/30 * * * *", TestZones.brussels, "2026-03-29T00:29:00Z",
            ["2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z"]
        ),
        (
            "with every hour runs in real time through both of two hours",
            "30 * * * *", TestZones.brussels, "2026-10-25T00:00:00Z",
            ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:30:00Z"]
        ),
        (
            "goes by the clocks of New York",
            "30 1 * * *", TestZones.newYork, "2026-10-31T12:00:00Z", ["2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"]
        ),
        (
            "goes by clocks that are half an hour off",
            "0 9 * * mon-fri", TestZones.kolkata, "2026-11-20T12:00:00Z",
            ["2026-11-23T03:30:00Z", "2026-11-24T03:30:00Z"]
        ),
        (
            "runs at the end of a day that is left out",
            "0 12 * * *", TestZones.apia, "2011-12-29T23:00:00Z",
            ["2011-12-30T10:00:00Z", "2011-12-30T22:00:00Z", "2011-12-31T22:00:00Z"]
        ),
        (
            "runs on the first of two days of the same date",
            "0 12 * * *", TestZones.repeatedDay, "2011-12-29T12:00:00Z",
            ["2011-12-29T22:00:00Z", "2011-12-31T22:00:00Z"]
        ),
        (
            "goes over half an hour of summer",
            "15 2 * * *", TestZones.lordHowe, "2026-10-02T20:00:00Z", ["2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z"]
        ),
        (
            "goes back over half an hour of summer",
            "45 1 * * *", TestZones.lordHowe, "2026-04-04T00:00:00Z", ["2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z"]
        ),
    ]

    @Test("with a cron expression", arguments: rows.indices)
    func cron(index: Int) throws {
        let row = Self.rows[index]
        let schedule = Schedule(.cron(try CronExpression(parsing: row.cron)))
        let zone = try #require(row.zone)
        let start = try #require(WallTime(row.after))
        var time = start
        for (number, run) in row.runs.enumerated() {
            let next = try #require(
                ScheduleCalculator.nextRun(of: schedule, after: time, anchor: start, zone: zone),
                "\(row.summary)"
            )
            #expect(next == WallTime(run), "\(row.summary): \(next)")
            #expect(countMissedRuns(schedule, start, next, zone) == number + 1, "\(row.summary): counted to \(next)")
            time = next
        }
    }

    @Test(
        "counts what was missed as often as it would have come, through any change of clocks",
        arguments: [
            "*/7 * * * *", "30 */3 * * *", "0,30 0-4 * * *", "15 2 1-7,25-31 * sun", "0 0 1 1 *",
        ]
    )
    func counting(text: String) throws {
        let schedule = Schedule(.cron(try CronExpression(parsing: text)))
        let springs = [
            (TestZones.brussels, "2026-03-2"), (TestZones.newYork, "2026-03-0"), (TestZones.lordHowe, "2026-10-0"),
        ]
        let autumns = [
            (TestZones.brussels, "2026-10-2"), (TestZones.newYork, "2026-10-2"), (TestZones.lordHowe, "2026-04-0"),
        ]
        for (zone, decade) in [(.utc, "2026-02-2")] + springs + autumns {
            let zone = try #require(zone)
            let start = try #require(WallTime("\(decade)1T00:00:00Z"))
            let end = WallTime(microseconds: start.microseconds + 13 * 86_400_000_000 + 1)
            var runs = 0
            var time = start
            while let next = ScheduleCalculator.nextRun(of: schedule, after: time, anchor: start, zone: zone),
                next <= end
            {
                #expect(next > time)
                runs += 1
                time = next
            }
            #expect(countMissedRuns(schedule, start, end, zone) == runs)
        }
    }

    @Test("of an interval counts from its anchor, and never drifts")
    func every() throws {
        let anchor = try #require(WallTime("2026-11-21T10:00:00.5Z"))
        let schedule = Schedule(.every(.seconds(300)))
        func next(_ after: String) throws -> WallTime? {
            ScheduleCalculator.nextRun(of: schedule, after: try #require(WallTime(after)), anchor: anchor, zone: .utc)
        }
        #expect(try next("2026-11-21T09:00:00Z") == WallTime("2026-11-21T10:05:00.5Z"))
        #expect(try next("2026-11-21T10:00:00.5Z") == WallTime("2026-11-21T10:05:00.5Z"))
        #expect(try next("2026-11-21T10:05:00.5Z") == WallTime("2026-11-21T10:10:00.5Z"))
        #expect(try next("2036-11-21T10:07:00Z") == WallTime("2036-11-21T10:10:00.5Z"))
        let day = try #require(WallTime("2026-11-22T10:00:00.5Z"))
        #expect(countMissedRuns(schedule, anchor, day, .utc, anchor: anchor) == 288)
        #expect(countMissedRuns(schedule, day, anchor, .utc, anchor: anchor) == 0)
    }

    @Test("at the ends of time neither traps nor takes long")
    func extremes() throws {
        let ends = [Int64.min, -1, 0, .max].map(WallTime.init(microseconds:))
        let timings: [Schedule.Timing] = [
            .cron(try CronExpression(parsing: "* * * * *")), .cron(try CronExpression(parsing: "0 0 29 2 */7")),
            .cron(CronExpression(text: "none")), .every(.seconds(1)), .every(.zero), .every(.seconds(Int64.max)),
        ]
        for timing in timings {
            for zone in [.utc, TestZones.brussels, TestZones.apia].compactMap({ $0 }) {
                for first in ends {
                    for second in ends {
                        let next = ScheduleCalculator.nextRun(
                            of: Schedule(timing),
                            after: first,
                            anchor: second,
                            zone: zone
                        )
                        #expect(next ?? .init(microseconds: .max) >= first)
                        #expect(countMissedRuns(Schedule(timing), first, second, zone) >= 0)
                    }
                }
            }
        }
    }

    private func countMissedRuns(
        _ schedule: Schedule,
        _ start: WallTime,
        _ end: WallTime,
        _ zone: TimeZoneRules,
        anchor: WallTime? = nil
    ) -> Int {
        ScheduleCalculator.countMissedRuns(of: schedule, between: start, and: end, anchor: anchor ?? start, zone: zone)
    }
}
