import HeroModel
import HeroSchedule

/// Time zones with special cases, defined here so that no test depends on the time zone database of the machine.
enum TestZones {
    static let brussels = TimeZoneRules(posix: "CET-1CEST,M3.5.0,M10.5.0/3")
    static let newYork = TimeZoneRules(posix: "EST5EDT,M3.2.0,M11.1.0")
    static let kolkata = TimeZoneRules(posix: "IST-5:30")
    /// Daylight saving time is half an hour ahead.
    static let lordHowe = TimeZoneRules(posix: "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0")
    /// Crossed the date line: 30 December 2011 was skipped.
    static let apia = TimeZoneRules(
        tzif: TZifFile(
            offsets: [-36_000, 50_400],
            transitions: [(1_325_239_200, 1)],
            footer: "<+14>-14"
        ).bytes
    )
    /// Crossed the date line in the other direction: 30 December was repeated (in 1844; here in 2011).
    static let repeatedDay = TimeZoneRules(
        tzif: TZifFile(offsets: [50_400, -36_000], transitions: [(1_325_239_200, 1)], footer: "<-10>10").bytes
    )
}

/// A time zone file as RFC 9636 describes it.
struct TZifFile {
    var version = UInt8(ascii: "2")
    var offsets: [Int32]
    var transitions: [(time: Int64, type: UInt8)] = []
    var footer = ""
    var leapSeconds = 0

    /// The content of the file.
    var bytes: [UInt8] {
        var file = block(timeSize: 4)
        guard version != 0 else { return file }
        file += block(timeSize: 8)
        return file + "\n\(footer)\n".utf8
    }

    private func block(timeSize: Int) -> [UInt8] {
        var block = Array("TZif".utf8) + [version] + [UInt8](repeating: 0, count: 15)
        for count in [0, 0, leapSeconds, transitions.count, offsets.count, 4] { block += Self.number(Int64(count), 4) }
        for change in transitions { block += Self.number(change.time, timeSize) }
        block += transitions.map(\.type)
        for type in offsets { block += Self.number(Int64(type), 4) + [0, 0] }
        block += Array("LMT".utf8) + [0]
        return block + [UInt8](repeating: 0, count: leapSeconds * (timeSize + 4))
    }

    private static func number(_ value: Int64, _ size: Int) -> [UInt8] {
        (0..<size).map { UInt8(truncatingIfNeeded: value >> Int64(8 * (size - 1 - $0))) }
    }
}
