import Glibc
public import HeroSchedule

/// The time zone database of the machine: a directory with one TZif file for each name (tzfile(5)).
public struct ZoneFiles: Sendable {
    /// The largest file that is read, in bytes; no file of the database is nearly as large.
    private static let maximumFileSize = 1 << 20

    /// The name of the time zone of the machine.
    private static let local = "local"

    private let directory: String
    private let localFile: String

    /// Locates the database.
    ///
    /// - Parameters:
    ///   - environment: The environment of this process; an absolute `TZDIR` in it is used.
    ///   - localFile: The file of the time zone of the machine.
    public init(environment: [String: String], localFile: String = "/etc/localtime") {
        self.localFile = localFile
        let given = environment["TZDIR"] ?? ""
        directory = given.hasPrefix("/") ? given : "/usr/share/zoneinfo"
    }

    /// Returns the rules of a time zone; nil if its name is invalid or not in the database.
    ///
    /// `UTC` needs no database. The file is read each time, so that an update of the database takes effect at once.
    public func rules(named name: String) -> TimeZoneRules? {
        if name == "UTC" { return .utc }
        // The C library uses UTC too if the machine has no time zone.
        if name == Self.local {
            return readFile(localFile, limit: Self.maximumFileSize).flatMap { TimeZoneRules(tzif: $0) } ?? .utc
        }
        guard Self.isValidName(name), let bytes = readFile("\(directory)/\(name)", limit: Self.maximumFileSize) else {
            return nil
        }
        return TimeZoneRules(tzif: bytes)
    }

    /// Whether a time zone may exist.
    ///
    /// On a machine without a database every valid name is accepted.
    public func mayExist(_ name: String) -> Bool {
        if name == Self.local { return true }
        guard Self.isValidName(name) else { return false }
        return access(directory, F_OK) != 0 || rules(named: name) != nil
    }

    /// Whether a text can be the name of a time zone: parts separated by slashes, none of which leads out of the
    /// database.
    public static func isValidName(_ name: String) -> Bool {
        guard (1...128).contains(name.utf8.count) else { return false }
        return name.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { part in
            guard let first = part.utf8.first, first != UInt8(ascii: "."), first != UInt8(ascii: "-") else {
                return false
            }
            return part.utf8.allSatisfy { byte in
                (65...90).contains(byte & 0xDF) || (48...57).contains(byte) || "+-_.".utf8.contains(byte)
            }
        }
    }
}
