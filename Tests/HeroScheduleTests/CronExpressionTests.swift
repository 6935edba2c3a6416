import HeroModel
import HeroSchedule
import Testing

@Suite("Cron expressions")
struct CronExpressionTests {
    @Test(
        "A cron expression has the meaning of crontab(5)",
        arguments: [
            // The number of allowed minutes, hours, days, months and weekdays.
            ("* * * * *", "60 24 31 12 7"),
            ("*/5 * * * *", "12 24 31 12 7"),
            ("0 3 * * *", "1 1 31 12 7"),
            ("0-29/10,45 9-17 * * mon-fri", "4 9 31 12 5"),
            ("0 0 1,15 jan,JUL *", "1 1 2 2 7"),
            ("7 4 * * sun", "1 1 31 12 1"),
            ("7 4 * * 7", "1 1 31 12 1"),
            ("7 4 * * 0,7", "1 1 31 12 1"),
            ("7 4 * * 5-7", "1 1 31 12 3"),
            ("7 4 * * fri-sun", "1 1 31 12 3"),
            ("*/61 */99 */40 */13 */9", "1 1 1 1 1"),
            ("@hourly", "1 24 31 12 7"),
            ("@daily", "1 1 31 12 7"),
            ("@weekly", "1 1 31 12 1"),
            ("@monthly", "1 1 1 12 7"),
            ("@Yearly", "1 1 1 1 7"),
        ]
    )
    func meaning(text: String, counts: String) throws {
        let fields = try #require(try CronExpression(parsing: text).fields)
        let sets = [fields.minutes, fields.hours, fields.days, fields.months, fields.weekdays]
        #expect(sets.map { String($0.count(below: 64)) }.joined(separator: " ") == counts)
    }

    @Test("The text of a cron expression has one space between the fields")
    func canonicalText() throws {
        #expect(try CronExpression(parsing: "  0\t3   * *  mon ").text == "0 3 * * mon")
    }

    @Test(
        "A syntax error has a position, a problem and a solution",
        arguments: [
            ("", 0, "the cron expression is empty; write five fields, such as `*/5 * * * *`"),
            (
                "* * * *", 7,
                "there are 4 fields; write five: minute, hour, day of month, month and day of week"
            ),
            (
                "0 * * * * *", 10,
                "there are 6 fields; write five: minute, hour, day of month, month and day of week"
                    + " (seconds and years are not available)"
            ),
            ("60 * * * *", 0, "`60` is not a valid minute; write a number from 0 to 59"),
            ("* 24 * * *", 2, "`24` is not a valid hour; write a number from 0 to 23"),
            ("* * 0 * *", 4, "`0` is not a valid day of month; write a number from 1 to 31"),
            ("* * * 1,13 *", 8, "`13` is not a valid month; write a number from 1 to 12 or a name from jan to dec"),
            ("* * * july *", 6, "`july` is not a valid month; write a number from 1 to 12 or a name from jan to dec"),
            ("* * * * 8", 8, "`8` is not a valid day of week; write a number from 0 to 7 or a name from sun to sat"),
            ("1,,2 * * * *", 2, "a number is missing in the minute"),
            ("*/0 * * * *", 2, "`0` is not a step; write a number from 1"),
            ("*/2/3 * * * *", 4, "there are two steps; write one"),
            ("5/10 * * * *", 0, "a step needs a range: write `5-59/10`"),
            ("0 22-2 * * *", 2, "the range `22-2` ends before it begins; write two: `22-23,0-2`"),
            ("0 1-2-3 * * *", 2, "`1-2-3` is not a range; write two numbers"),
            ("0 -1 * * *", 2, "a number is missing in the hour"),
            ("٣ * * * *", 0, "`٣` is not a valid minute; write a number from 0 to 59"),
            (
                "0 0 L * *", 4,
                "`L` is not available in the day of month: L, W, # and ? are extensions of other programs"
            ),
            (
                "0 0 * * 5#2", 8,
                "`5#2` is not available in the day of week: L, W, # and ? are extensions of other programs"
            ),
            ("@reboot", 0, "`@reboot` is not available; use `run_on: apply`, or a service"),
            ("@noon", 0, "`@noon` is not a schedule name; use @hourly, @daily, @weekly, @monthly or @yearly"),
            ("@daily  x", 8, "`@daily` must be the only word; remove the text after it"),
            ("0 0 30 2 *", 4, "this day never occurs: no such month has a day 30"),
            ("0 0 31 2,4,jun,9,11 *", 4, "this day never occurs: no such month has a day 31"),
        ] as [(String, Int, String)]
    )
    func syntaxErrors(text: String, offset: Int, message: String) {
        #expect(throws: CronSyntaxError(message, offset: offset)) { try CronExpression(parsing: text) }
    }

    @Test(
        "A day that occurs rarely is valid",
        arguments: ["0 0 29 2 *", "0 0 30 2 mon", "0 0 31 2,3 *"]
    )
    func rareDays(text: String) throws {
        #expect(try CronExpression(parsing: text).text == text)
    }

    @Test(
        "With both days given either of them matches",
        arguments: [
            // 2026-11-13 is a Friday, the 16th a Monday.
            ("0 0 13 * mon", [13, 16], [12, 14, 20]),
            ("0 0 */2 * mon", [9, 23], [2, 16, 13]),
            ("0 0 13 * *", [13], [16]),
            ("0 0 * * 1", [2, 16], [13]),
        ] as [(String, [Int], [Int])]
    )
    func days(text: String, matching: [Int], others: [Int]) throws {
        let fields = try #require(try CronExpression(parsing: text).fields)
        for day in matching + others {
            let number = CalendarDate(year: 2026, month: 11, day: day).dayNumber
            #expect(fields.allows(day: number) == matching.contains(day), "\(day)")
        }
    }
}
