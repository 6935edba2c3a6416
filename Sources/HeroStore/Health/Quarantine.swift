internal import Foundation
internal import GRDB
public import HeroModel

/// An unusable database that was moved away (guarantee DB-5).
public struct Quarantine: Hashable, Sendable {
    /// Why it was unusable, for people.
    public var reason: String
    /// Its new path, with `-wal` and `-shm` next to it; nil when no file was left.
    public var path: String?
    /// The highest job number that can still be read from it; 0 when there is none.
    public var lastJob: JobID = 0
    /// The highest run number that can still be read from it; 0 when there is none.
    public var lastRun: RunID = 0
    /// The highest revision number that can still be read from it; 0 when there is none.
    public var lastRevision: RevisionNumber = 0

    /// How many quarantined databases are kept.
    static let maxKept = 5
    private static let infix = ".corrupt-"
    private static let sidecarSuffixes = ["-wal", "-shm"]

    /// Moves a database away together with its write-ahead log, because neither is usable without the other.
    ///
    /// The database is moved first. After an interruption only the log is left at the old path, and the next call moves
    /// it to its database (FP-DB-3).
    static func move(_ path: String, because reason: String, at time: WallTime) throws -> Quarantine {
        var target = path + infix + timestamp(time)
        if FileIdentity(path) == nil {
            guard sidecarSuffixes.contains(where: { FileIdentity(path + $0) != nil }) else {
                return Quarantine(reason: reason)
            }
            // An interrupted move left the database without its log: complete that move.
            if let incomplete = keptDatabases(path).last(where: { FileIdentity($0 + "-wal") == nil }) {
                target = incomplete
            }
        } else {
            while FileIdentity(target) != nil { target += "-2" }
        }
        for suffix in [""] + sidecarSuffixes where FileIdentity(path + suffix) != nil {
            guard rename(path + suffix, target + suffix) == 0 else {
                let cause = String(cString: strerror(errno))
                throw StoreError(.inaccessible, "cannot move the state database \(path) to \(target): \(cause)")
            }
        }
        for oldest in keptDatabases(path).dropLast(maxKept) {
            for suffix in [""] + sidecarSuffixes { unlink(oldest + suffix) }
        }
        return readLastNumbers(target, reason)
    }

    /// Whether there is a log whose database is missing or empty; SQLite would delete that log.
    static func hasOrphanedWAL(_ path: String) throws -> Bool {
        guard try Connection.fileSize(path: path) ?? 0 == 0 else { return false }
        return try Connection.fileSize(path: path + "-wal") ?? 0 > 0
    }

    /// The quarantined databases, oldest first.
    static func keptDatabases(_ path: String) -> [String] {
        let prefix = path.fileName + infix
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path.parentDirectory)) ?? []
        return names.filter { name in name.hasPrefix(prefix) && !sidecarSuffixes.contains { name.hasSuffix($0) } }
            .sorted()
            .map { "\(path.parentDirectory)/\($0)" }
    }

    /// A time as part of a file name: `20260301T120000.123456Z`.
    private static func timestamp(_ time: WallTime) -> String { time.description.filter { $0 != "-" && $0 != ":" } }

    /// Reads the highest numbers that were assigned, as far as possible, so that none is assigned again.
    ///
    /// The database may be damaged: implausibly large numbers are ignored.
    private static func readLastNumbers(_ target: String, _ reason: String) -> Quarantine {
        var result = Quarantine(reason: reason, path: target)
        guard let queue = try? Connection.openReadOnly(path: target) else { return result }
        defer { try? queue.close() }
        func number(_ sql: String) -> Int64 {
            let found = (try? queue.inDatabase { try Int64.fetchOne($0, sql: sql) }) ?? nil
            return found.flatMap { (1..<(1 << 40)).contains($0) ? $0 : nil } ?? 0
        }
        for (table, path) in [("jobs", \Quarantine.lastJob), ("runs", \Quarantine.lastRun)] {
            result[keyPath: path] = max(
                number("SELECT seq FROM sqlite_sequence WHERE name = '\(table)'"),
                number("SELECT max(id) FROM \(table)")
            )
        }
        result.lastRevision = number("SELECT max(number) FROM revisions")
        return result
    }
}
