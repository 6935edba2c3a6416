import Foundation
import GRDB
import Glibc
import HeroModel
import Testing

/// Copies of data that heroproc may delete: every recorded start and every log file.
///
/// heroproc keeps the last 20 starts of a job and the last files of its log. Torture tests create more. A trigger in
/// the database records every insert and update of a start. A hard link keeps every log file, so that no byte is
/// missing.
struct RecordedHistory: Sendable {
    /// The last recorded state of one start of a job.
    struct Start: Sendable {
        var generation: Int
        var wasExecuted: Bool
        var outcome: Outcome?
    }

    private let host: TestHost
    private var keptLogDirectory: String { host.root + "/kept" }

    init(of host: TestHost) {
        self.host = host
        mkdir(host.root + "/kept", 0o700)
    }

    /// Starts to record all starts.
    ///
    /// Call this before the first service is declared.
    func startRecording() async throws {
        // A pass without manifests creates the database.
        try #require(try await host.run("reconcile").exitCode == 0)
        var configuration = Configuration()
        configuration.busyMode = .timeout(20)
        try await DatabaseQueue(path: host.databasePath, configuration: configuration).write { db in
            try db.execute(
                sql: """
                    CREATE TABLE start_history (id INTEGER PRIMARY KEY, job_id, generation, started_at, outcome);
                    CREATE TRIGGER start_history_insert AFTER INSERT ON starts BEGIN
                        INSERT INTO start_history (job_id, generation, started_at, outcome)
                        VALUES (new.job_id, new.generation, new.started_at, new.outcome);
                    END;
                    CREATE TRIGGER start_history_update AFTER UPDATE ON starts BEGIN
                        INSERT INTO start_history (job_id, generation, started_at, outcome)
                        VALUES (new.job_id, new.generation, new.started_at, new.outcome);
                    END;
                    INSERT INTO start_history (job_id, generation, started_at, outcome)
                    SELECT job_id, generation, started_at, outcome FROM starts;
                    """
            )
        }
    }

    /// The executed starts of a job in their order, and a message for each recorded outcome that changed later.
    func executedStarts(of job: Int) throws -> (starts: [Start], rewritten: [String]) {
        let rows = try host.readDatabase { db in
            try Row.fetchAll(db, sql: "SELECT * FROM start_history WHERE job_id = ? ORDER BY id", arguments: [job])
        }
        var rewritten: [String] = []
        let starts = try Self.parseStarts(rows) { rewritten.append("job \(job), \($0)") }
        return (starts.filter(\.wasExecuted), rewritten)
    }

    /// The starts of one job from rows of the database, by generation.
    ///
    /// `rewritten` receives a message for each changed outcome.
    static func parseStarts(_ rows: [Row], rewritten: (String) -> Void = { _ in }) throws -> [Start] {
        var starts: [Int: Start] = [:]
        for row in rows {
            let (started, text): (String?, String?) = (row["started_at"], row["outcome"])
            let outcome = try text.map { try JSONDecoder().decode(Outcome.self, from: Data($0.utf8)) }
            let start = Start(generation: row["generation"], wasExecuted: started != nil, outcome: outcome)
            if let before = starts.updateValue(start, forKey: start.generation)?.outcome, before != outcome {
                rewritten("start \(start.generation): \(before) became \(text ?? "nothing")")
            }
        }
        return starts.values.sorted { $0.generation < $1.generation }
    }

    // MARK: Logs

    /// Preserves all existing log files.
    func preserveLogs() {
        let logs = host.logDirectory
        for path in (try? FileManager.default.subpathsOfDirectory(atPath: logs)) ?? [] where path.contains(".log") {
            var file = stat()
            // A file may be renamed between the two calls. The next call then preserves it.
            guard stat("\(logs)/\(path)", &file) == 0, file.st_mode & S_IFMT == S_IFREG else { continue }
            let (name, inode) = ("\(keptLogDirectory)/\(file.st_ino)", file.st_ino)
            guard link("\(logs)/\(path)", name) == 0 else { continue }
            // Another file may have taken the name between the two calls. Under two inodes it would be read twice.
            if stat(name, &file) != 0 || file.st_ino != inode { unlink(name) }
        }
    }

    /// The line numbers of the oracles in all preserved log files, by instance and in the order of writing; and all
    /// lines that are torn, modified or not written by an oracle.
    func oracleLines() -> (lines: [InstanceID: [Int]], unknown: [String]) {
        var (found, unknown): ([InstanceID: [Int]], [String]) = ([:], [])
        let names = (try? FileManager.default.contentsOfDirectory(atPath: keptLogDirectory)) ?? []
        // A line begins with a time of fixed length. Therefore the first lines define the order of the files.
        for text in names.map({ host.readText("\(keptLogDirectory)/\($0)") }).sorted(by: {
            $0.prefix(30) < $1.prefix(30)
        }) {
            var isAfterMarker = false
            for line in text.split(separator: "\n") {
                if let number = OracleLine(line) {
                    found[number.instance, default: []].append(number.number)
                } else if line.hasSuffix(LostShimMarker.suffix) {
                    isAfterMarker = true
                    continue
                } else if !isAfterMarker {
                    // The line after the marker may be the end of a line whose beginning was lost with the shim.
                    unknown.append(String(line))
                }
                isAfterMarker = false
            }
        }
        return (found, unknown)
    }
}
