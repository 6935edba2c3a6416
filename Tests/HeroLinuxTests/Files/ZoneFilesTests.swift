import Foundation
import HeroLinux
import HeroModel
import HeroSchedule
import Testing

@Suite("ZoneFiles")
struct ZoneFilesTests {
    private static let hasDatabase = FileManager.default.fileExists(atPath: "/usr/share/zoneinfo/Europe/Brussels")

    @Test("The zone `local` is that of the machine, and UTC on a machine without one")
    func localZone() throws {
        let zones = ZoneFiles(environment: [:], localFile: "/usr/share/zoneinfo/Asia/Tokyo")
        let zone = try #require(zones.rules(named: "local"))
        #expect(zone.offset(at: 0) == (Self.hasDatabase ? 32_400 : 0))
        let without = ZoneFiles(environment: ["TZDIR": "/nowhere"], localFile: "/nowhere/localtime")
        #expect(try #require(without.rules(named: "local")).offset(at: 0) == 0)
        #expect(without.mayExist("local"))
    }

    @Test(
        "Time zone offsets agree with those of Foundation",
        .enabled(if: hasDatabase, "this machine has no time zone database"),
        arguments: [
            "Europe/Brussels", "America/New_York", "Asia/Kolkata", "Pacific/Apia", "Australia/Lord_Howe",
            "Europe/Dublin",
            "Antarctica/Troll", "America/Sao_Paulo", "Etc/GMT-14",
        ]
    )
    func offsets(name: String) throws {
        let zone = try #require(ZoneFiles(environment: [:]).rules(named: name))
        let other = try #require(TimeZone(identifier: name))
        var random = SystemRandomNumberGenerator()
        for _ in 0..<2000 {
            // From 1971 to 2036; Foundation's database may have another version.
            let time = Int64.random(in: 31_536_000...2_082_758_400, using: &random)
            let expected = other.secondsFromGMT(for: Date(timeIntervalSince1970: TimeInterval(time)))
            #expect(zone.offset(at: time) == expected, "\(name) at \(time)")
        }
    }

    @Test("UTC needs no time zone database, and TZDIR selects another one")
    func otherDatabase() throws {
        let sandbox = try Sandbox()
        let zones = ZoneFiles(environment: ["TZDIR": sandbox.folder + "/none"])
        #expect(zones.rules(named: "UTC") == .utc)
        #expect(zones.rules(named: "Europe/Brussels") == nil)
    }

    @Test("Without a time zone database every valid zone name may exist", arguments: ["", "/none"])
    func mayExist(folder: String) throws {
        let sandbox = try Sandbox()
        let zones = ZoneFiles(environment: ["TZDIR": sandbox.folder + folder])
        #expect(zones.mayExist("UTC"))
        #expect(zones.mayExist("Europe/Brussels") == !folder.isEmpty)
        #expect(!zones.mayExist("../passwd"))
    }

    @Test(
        "A zone name never leads out of the time zone database",
        arguments: [
            ("Europe/Brussels", true), ("America/Argentina/Buenos_Aires", true), ("Etc/GMT+1", true), ("", false),
            ("/etc/passwd", false), ("../passwd", false), ("Europe/../passwd", false), ("Europe//Brussels", false),
            ("Europe/", false), (".hidden", false), ("-x", false), ("Europe/Brüssel", false), ("a b", false),
            ("a\0b", false), (String(repeating: "a", count: 129), false),
        ]
    )
    func validNames(name: String, isName: Bool) {
        #expect(ZoneFiles.isValidName(name) == isName)
    }
}
