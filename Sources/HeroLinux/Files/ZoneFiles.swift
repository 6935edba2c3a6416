import Glibc
public import HeroSchedule

/// The machine's time zone database: TZif files in a directory, one for each name (tzfile(5)).
public struct ZoneFiles: Sendable {
    /// No file of the database is nearly as long.
    private static let maximumFileSize = 1 << 20

    private let directory: String

    /// Finds the database.
    ///
    /// - Parameter environment: The process's environment; an absolute `TZDIR` in it is believed.
    public init(environment: [String: String]) {
        let given = environment["TZDIR"] ?? ""
        directory = given.hasPrefix("/") ? given : "/usr/share/zoneinfo"
    }

    /// The clocks of a place; nil when its name is not one, or the database does not have it.
    ///
    /// `UTC` needs no database. The file is read anew each time, so that an update of the database counts at once.
    public func rules(named name: String) -> TimeZoneRules? {
        if name == "UTC" { return .utc }
        guard Self.isValidName(name), let bytes = readFile("\(directory)/\(name)", limit: Self.maximumFileSize) else {
            return nil
        }
        return TimeZoneRules(tzif: bytes)
    }

    /// Whether there can be a zone of this name: where the machine has no database at all, any name may be one elsewhere.
    public func mayExist(_ name: String) -> Bool {
        guard Self.isValidName(name) else { return false }
        return access(directory, F_OK) != 0 || rules(named: name) != nil
    }

    /// Whether a text can be the name of a zone: words with a slash between, none of them a way out of the database.
    public static func isValidName(_ name: String) -> Bool {
        guard (1...128).contains(name.utf8.count) else { return false }
        return name.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { word in
            guard let first = word.utf8.first, first != UInt8(ascii: "."), first != UInt8(ascii: "-") else {
                return false
            }
            return word.utf8.allSatisfy { byte in
                (65...90).contains(byte & 0xDF) || (48...57).contains(byte) || "+-_.".utf8.contains(byte)
            }
        }
    }
}
