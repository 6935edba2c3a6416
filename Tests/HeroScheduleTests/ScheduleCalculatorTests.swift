import HeroLifecycle
import HeroModel
import HeroSchedule
import Testing

@Suite("Schedule calculator")
struct ScheduleCalculatorTests {
    private static let rows: [(summary: String, cron: String, zone: TimeZoneRules?, after: String, runs: [String])] = [
        (
            "the next run is always later than the given time",
            "*/20 * * * *", .utc, "2026-11-21T10:00:00Z",
            ["2026-11-21T10:20:00Z", "2026-11-21T10:40:00Z", "2026-11-21T11:00:00Z"]
        ),
        (
            "a run at the end of the current minute",
            "0 12 * * *", .utc, "2026-11-21T11:59:59.999999Z", ["2026-11-21T12:00:00Z", "2026-11-22T12:00:00Z"]
        ),
        (
            "runs across months and years",
            "59 23 31 * *", .utc, "2026-11-21T00:00:00Z", ["2026-12-31T23:59:00Z", "2027-01-31T23:59:00Z"]
        ),
        (
            "29 February, across 2100",
            "0 0 29 2 *", .utc, "2096-03-01T00:00:00Z", ["2104-02-29T00:00:00Z"]
        ),
        (
            "the rarest day: 29 February on one day of the week",
            "0 0 29 2 */7", .utc, "2088-03-01T00:00:00Z", ["2128-02-29T00:00:00Z"]
        ),
        (
            "a skipped time runs once at the end of the gap",
            "15,45 2 * * *", TestZones.brussels, "2026-03-28T02:00:00Z",
            ["2026-03-29T01:00:00Z", "2026-03-30T00:15:00Z", "2026-03-30T00:45:00Z"]
        ),
        (
            "a skipped time and a time at the end of the gap run once",
            "0,30 2,3 * * *", TestZones.brussels, "2026-03-29T00:00:00Z",
            ["2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z", "2026-03-30T00:00:00Z"]
        ),
        (
            "a repeated time runs the first time",
            "30 2 * * *", TestZones.brussels, "2026-10-24T12:00:00Z",
            ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]
        ),
        (
            "no run in the repeated hour",
            "*/15 2 * * *", TestZones.brussels, "2026-10-25T01:10:00Z", ["2026-10-26T01:00:00Z"]
        ),
        (
            "an hourly expression runs in real time through a gap",
            "*/30 * * * *", TestZones.brussels, "2026-03-29T00:29:00Z",
            ["2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z"]
        ),
        (
            "an hourly expression runs in both repeated hours",
            "30 * * * *", TestZones.brussels, "2026-10-25T00:00:00Z",
            ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:30:00Z"]
        ),
        (
            "local time of New York",
            "30 1 * * *", TestZones.newYork, "2026-10-31T12:00:00Z", ["2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"]
        ),
        (
            "an offset of half an hour",
            "0 9 * * mon-fri", TestZones.kolkata, "2026-11-20T12:00:00Z",
            ["2026-11-23T03:30:00Z", "2026-11-24T03:30:00Z"]
        ),
        (
            "a skipped day runs once at its end",
            "0 12 * * *", TestZones.apia, "2011-12-29T23:00:00Z",
            ["2011-12-30T10:00:00Z", "2011-12-30T22:00:00Z", "2011-12-31T22:00:00Z"]
        ),
        (
            "a repeated day runs the first time",
            "0 12 * * *", TestZones.repeatedDay, "2011-12-29T12:00:00Z",
            ["2011-12-29T22:00:00Z", "2011-12-31T22:00:00Z"]
        ),
        (
            "daylight saving time of half an hour begins",
            "15 2 * * *", TestZones.lordHowe, "2026-10-02T20:00:00Z", ["2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z"]
        ),
        (
            "daylight saving time of half an hour ends",
            "45 1 * * *", TestZones.lordHowe, "2026-04-04T00:00:00Z", ["2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z"]
        ),
    ]

    @Test("Delays within a jitter depend on the machine and the action, and cover the range")
    func delays() {
        let jitter = Duration.seconds(100)
        let delays = (0..<400).map { number in
            ScheduleCalculator.delay(within: jitter, of: QualifiedName("job\(number)"), on: "machine")
        }
        #expect(delays.allSatisfy { $0 >= .zero && $0 < jitter })
        #expect(
            (0..<10).allSatisfy { tenth in
                delays.contains { $0 >= .seconds(10 * tenth) && $0 < .seconds(10 * tenth + 10) }
            }
        )
        let name = QualifiedName("backup")
        #expect(
            ScheduleCalculator.delay(within: jitter, of: name, on: "a")
                != ScheduleCalculator.delay(within: jitter, of: name, on: "b")
        )
        #expect(ScheduleCalculator.delay(within: .zero, of: name, on: "a") == .zero)
    }

    @Test("A cron schedule runs at the expected times", arguments: rows.indices)
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
        "Missed runs are counted exactly across clock changes",
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

    @Test("An interval schedule counts from its anchor without drift")
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

    @Test("Times at the ends of the range neither crash nor take long")
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
