import HeroModel
import HeroSchedule
import Testing

@Suite("Time zone rules")
struct TimeZoneRulesTests {
    @Test(
        "The offset changes at the exact second",
        arguments: [
            (TestZones.brussels, "2026-03-29T00:59:59Z", 3600), (TestZones.brussels, "2026-03-29T01:00:00Z", 7200),
            (TestZones.brussels, "2026-10-25T00:59:59Z", 7200), (TestZones.brussels, "2026-10-25T01:00:00Z", 3600),
            (TestZones.newYork, "2026-03-08T06:59:59Z", -18_000), (TestZones.newYork, "2026-03-08T07:00:00Z", -14_400),
            (TestZones.newYork, "2026-11-01T05:59:59Z", -14_400), (TestZones.newYork, "2026-11-01T06:00:00Z", -18_000),
            (TestZones.kolkata, "2026-07-01T00:00:00Z", 19_800), (TestZones.kolkata, "1700-01-01T00:00:00Z", 19_800),
            (TestZones.lordHowe, "2026-04-04T14:59:59Z", 39_600), (TestZones.lordHowe, "2026-04-04T15:00:00Z", 37_800),
            (TestZones.lordHowe, "2026-10-03T15:29:59Z", 37_800), (TestZones.lordHowe, "2026-10-03T15:30:00Z", 39_600),
            (TestZones.apia, "2011-12-30T09:59:59Z", -36_000), (TestZones.apia, "2011-12-30T10:00:00Z", 50_400),
            (.utc, "2026-07-01T00:00:00Z", 0),
        ] as [(TimeZoneRules?, String, Int64)]
    )
    func offsets(zone: TimeZoneRules?, time: String, offset: Int64) throws {
        #expect(try #require(zone).offset(at: try seconds(time)) == offset)
    }

    @Test(
        "A skipped local time has no instant, a repeated one has two",
        arguments: [
            (TestZones.brussels, "2026-03-29T02:30:00Z", []),
            (TestZones.brussels, "2026-03-29T03:00:00Z", ["2026-03-29T01:00:00Z"]),
            (TestZones.brussels, "2026-10-25T02:30:00Z", ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"]),
            (TestZones.brussels, "2026-10-25T03:00:00Z", ["2026-10-25T02:00:00Z"]),
            (TestZones.apia, "2011-12-30T12:00:00Z", []),
            (TestZones.repeatedDay, "2011-12-30T12:00:00Z", ["2011-12-29T22:00:00Z", "2011-12-30T22:00:00Z"]),
            (TestZones.lordHowe, "2026-04-05T01:45:00Z", ["2026-04-04T14:45:00Z", "2026-04-04T15:15:00Z"]),
            (TestZones.kolkata, "2026-01-01T00:00:00Z", ["2025-12-31T18:30:00Z"]),
        ] as [(TimeZoneRules?, String, [String])]
    )
    func instants(zone: TimeZoneRules?, local: String, expected: [String]) throws {
        #expect(try #require(zone).instants(ofLocal: try seconds(local)) == expected.map { try seconds($0) })
    }

    @Test(
        "Rules accept all forms of a TZif footer",
        arguments: [
            // Dublin: winter time is the exception. Greenland: the change is on the day before.
            ("IST-1GMT0,M10.5.0,M3.5.0/1", "2026-01-01T00:00:00Z", 0),
            ("IST-1GMT0,M10.5.0,M3.5.0/1", "2026-07-01T00:00:00Z", 3600),
            ("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2026-03-29T00:59:59Z", -7200),
            ("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2026-03-29T01:00:00Z", -3600),
            ("XXX3EDT4,0/0,J365/23", "2026-01-01T02:59:59Z", -14_400),
            ("XXX3EDT4,0/0,J365/23", "2026-06-01T00:00:00Z", -14_400),
            ("AAA0BBB,J60/0,J300/0", "2028-02-29T23:59:59Z", 0), ("AAA0BBB,J60/0,J300/0", "2028-03-01T00:00:00Z", 3600),
            ("AAA0BBB,59/0,300/0", "2028-02-28T23:59:59Z", 0), ("AAA0BBB,59/0,300/0", "2028-02-29T00:00:00Z", 3600),
            ("AAA-0:00:01", "2026-01-01T00:00:00Z", 1),
        ]
    )
    func rules(text: String, time: String, offset: Int64) throws {
        #expect(try #require(TimeZoneRules(posix: text)).offset(at: try seconds(time)) == offset)
    }

    @Test(
        "An invalid rule is rejected",
        arguments: [
            "", "C", "CE-1", "CET", "CET-", "CET-26", "CET-1:60", "<CET-1", "CET-1CEST", "CET-1CEST,M3.5.0",
            "CET-1CEST,M3.5.0,M13.1.0", "CET-1CEST,M3.5.0,M10.6.0", "CET-1CEST,M3.5.0,M10.5.7", "CET-1CEST,J0,J365",
            "CET-1CEST,J1,366", "CET-1CEST,M3.5.0/168,M10.5.0", "CET-1CEST,M3.5.0,M10.5.0 ", "CET-1 ", "CET-1111",
        ]
    )
    func badRules(text: String) {
        #expect(TimeZoneRules(posix: text) == nil)
    }

    @Test(
        "TZif files of all versions are read, with the offset before the first change",
        arguments: [0, 50, 51, 52] as [UInt8]
    )
    func files(version: UInt8) throws {
        let file = TZifFile(
            version: version,
            offsets: [1050, 3600, 7200],
            transitions: [(0, 1), (1000, 2), (2000, 1)],
            footer: "CET-1CEST,M3.5.0,M10.5.0/3"
        )
        let zone = try #require(TimeZoneRules(tzif: file.bytes))
        #expect([-1, 0, 999, 1000, 2000].map { zone.offset(at: $0) } == [1050, 3600, 3600, 7200, 3600])
        // The first version has no rule for what comes after the last change.
        #expect(zone.offset(at: try seconds("2026-07-01T00:00:00Z")) == (version == 0 ? 3600 : 7200))
    }

    @Test("A TZif file with impossible values is rejected")
    func impossibleFiles() {
        let good = TZifFile(offsets: [0, 3600], transitions: [(0, 1), (10, 0)], footer: "CET-1")
        func read(_ change: (inout TZifFile) -> Void) -> TimeZoneRules? {
            var file = good
            change(&file)
            return TimeZoneRules(tzif: file.bytes)
        }
        #expect(read { _ in } != nil)
        #expect(read { $0.offsets = [] } == nil)
        #expect(read { $0.offsets = [0] } == nil, "a change to a missing type")
        #expect(read { $0.offsets = [0, 93_600] } == nil, "an offset of more than 26 hours")
        #expect(read { $0.transitions = [(10, 1), (10, 0)] } == nil, "two changes at the same time")
        #expect(read { $0.transitions = [(.min, 1)] } == nil, "before the supported range")
        #expect(read { $0.footer = "CET" } == nil)
        #expect(read { $0.leapSeconds = 1 } == nil, "leap seconds are not supported")
    }

    @Test("No truncated or changed TZif file causes a crash")
    func hostileFiles() throws {
        let bytes = TZifFile(offsets: [0, 3600], transitions: [(0, 1), (10, 0)], footer: "CET-1CEST,M3.5.0,M10.5.0/3")
            .bytes
        for count in 0..<bytes.count { #expect(TimeZoneRules(tzif: Array(bytes[..<count])) == nil) }
        for index in bytes.indices {
            for value in [0, 1, 0x7F, 0x80, 0xFF] as [UInt8] {
                var changed = bytes
                changed[index] = value
                let zone = TimeZoneRules(tzif: changed)
                for time in [.min, -1, 0, 10, 1_800_000_000, .max] as [Int64] {
                    _ = zone?.offset(at: time)
                    _ = zone?.instants(ofLocal: time)
                }
            }
        }
    }

    private func seconds(_ text: String) throws -> Int64 {
        try #require(WallTime(text)).microseconds / 1_000_000
    }
}
