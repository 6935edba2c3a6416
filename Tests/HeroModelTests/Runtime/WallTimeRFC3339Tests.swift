import HeroModel
import Testing

@Suite("Times of RFC 3339")
struct WallTimeRFC3339Tests {
    @Test(
        "A time with any offset is read as a time in UTC",
        arguments: [
            ("2026-12-24T17:00:00Z", "2026-12-24T17:00:00Z"), ("2026-12-24T18:00:00+01:00", "2026-12-24T17:00:00Z"),
            ("2026-12-24t11:30:00.25-05:30", "2026-12-24T17:00:00.250000Z"),
            ("2024-02-29T00:00:00+14:00", "2024-02-28T10:00:00Z"), ("1970-01-01T00:00:00z", "1970-01-01T00:00:00Z"),
        ]
    )
    func good(_ text: String, _ expected: String) {
        #expect(WallTime(rfc3339: text)?.rfc3339Text == expected)
    }

    @Test(
        "A text of another form is no time",
        arguments: [
            "", "tomorrow", "2026-12-24", "2026-12-24T17:00:00", "2026-12-24 17:00:00Z", "2026-13-01T00:00:00Z",
            "2026-02-29T00:00:00Z", "2026-12-24T24:00:00Z", "2026-12-24T17:00:00+1:00", "2026-12-24T17:00:00+01",
            "2026-12-24T17:00:00.Z", "2026-12-24T17:00:00ZZ", "26-12-24T17:00:00Z", "2026-12-24T17:60:00Z",
        ]
    )
    func bad(_ text: String) {
        #expect(WallTime(rfc3339: text) == nil)
    }
}
