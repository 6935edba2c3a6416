internal import Foundation
internal import GRDB
public import HeroModel

/// A database that could not be used any more, and what has become of it (reliability.md DB-5).
public struct Quarantine: Hashable, Sendable {
    /// Why, in words.
    public var reason: String
    /// Where it was moved, with its `-wal` and `-shm`; nil when nothing of it was there.
    public var path: String?
    /// The highest number of a job that can still be read in it; 0 when there is none.
    public var lastJob: JobID = 0
    /// The same for runs.
    public var lastRun: RunID = 0
    /// The same for revisions.
    public var lastRevision: RevisionNumber = 0

    /// How many of them are kept.
    static let maxKept = 5
    private static let infix = ".corrupt-"
    private static let sidecarSuffixes = ["-wal", "-shm"]

    /// Moves a database away with its log, and never one without the other: they are only worth something together.
    ///
    /// The database goes first. Whoever is interrupted here finds a log without a database, which goes after it the next
    /// time (FP-DB-3).
    static func move(_ path: String, because reason: String, at time: WallTime) throws -> Quarantine {
        var target = path + infix + timestamp(time)
        if FileIdentity(path) == nil {
            guard sidecarSuffixes.contains(where: { FileIdentity(path + $0) != nil }) else {
                return Quarantine(reason: reason)
            }
            // Its database may be waiting for it.
            if let waiting = keptDatabases(path).last(where: { FileIdentity($0 + "-wal") == nil }) { target = waiting }
        } else {
            while FileIdentity(target) != nil { target += "-2" }
        }
        for suffix in [""] + sidecarSuffixes where FileIdentity(path + suffix) != nil {
            guard rename(path + suffix, target + suffix) == 0 else {
                let words = String(cString: strerror(errno))
                throw StoreError(.inaccessible, "cannot move the state database \(path) away to \(target): \(words)")
            }
        }
        for old in keptDatabases(path).dropLast(maxKept) {
            for suffix in [""] + sidecarSuffixes { unlink(old + suffix) }
        }
        return readLastNumbers(target, reason)
    }

    /// Whether a log is there whose database is gone, or was cut to nothing: SQLite would remove it.
    static func hasOrphanedWAL(_ path: String) throws -> Bool {
        guard try Connection.fileSize(path: path) ?? 0 == 0 else { return false }
        return try Connection.fileSize(path: path + "-wal") ?? 0 > 0
    }

    /// Those that are kept, oldest first.
    static func keptDatabases(_ path: String) -> [String] {
        let prefix = path.fileName + infix
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path.parentDirectory)) ?? []
        return names.filter { name in name.hasPrefix(prefix) && !sidecarSuffixes.contains { name.hasSuffix($0) } }
            .sorted()
            .map { "\(path.parentDirectory)/\($0)" }
    }

    /// A moment as a part of a name: `20260301T120000.123456Z`.
    private static func timestamp(_ time: WallTime) -> String { time.description.filter { $0 != "-" && $0 != ":" } }

    /// Reads the numbers that were given, as far as they can be read: none of them is to be given again.
    ///
    /// What is read may be anything; more than a machine can have given in its life is not believed.
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
