import Foundation
import GRDB
import Glibc
import HeroModel
import Testing

/// Keeps what heroproc is allowed to forget: every start it ever recorded, and every log file it ever wrote.
///
/// The ledger keeps the last 20 starts of a job and the last files of its log; under torture more than that happens.
/// A trigger in the database itself writes down every row of the ledger as it is written, and each time it is changed.
/// A log file is kept by a hard link, so not a byte of it can be missed.
struct RecordedHistory: Sendable {
    /// One start of a job, as it was recorded last.
    struct Start: Sendable {
        var generation: Int
        var wasExecuted: Bool
        var outcome: Outcome?
    }

    private let host: TestHost
    private var keptLogDirectory: String { host.root + "/kept" }

    init(of world: TestHost) {
        self.host = world
        mkdir(world.root + "/kept", 0o700)
    }

    /// Begins to write down every start; to be called before anything is declared.
    func startRecording() async throws {
        // A pass over nothing makes the database.
        try #require(try await host.run("reconcile").exitCode == 0)
        var configuration = Configuration()
        configuration.busyMode = .timeout(20)
        try await DatabaseQueue(path: host.databasePath, configuration: configuration).write { db in
            try db.execute(
                sql: """
                    CREATE TABLE books (id INTEGER PRIMARY KEY, job_id, generation, started_at, outcome);
                    CREATE TRIGGER books_insert AFTER INSERT ON starts BEGIN
                        INSERT INTO books (job_id, generation, started_at, outcome)
                        VALUES (new.job_id, new.generation, new.started_at, new.outcome);
                    END;
                    CREATE TRIGGER books_update AFTER UPDATE ON starts BEGIN
                        INSERT INTO books (job_id, generation, started_at, outcome)
                        VALUES (new.job_id, new.generation, new.started_at, new.outcome);
                    END;
                    INSERT INTO books (job_id, generation, started_at, outcome)
                    SELECT job_id, generation, started_at, outcome FROM starts;
                    """
            )
        }
    }

    /// The starts of a job whose program executed, in their order; and what was said of one and taken back later.
    func executedStarts(of job: Int) throws -> (starts: [Start], rewritten: [String]) {
        let rows = try host.readDatabase { db in
            try Row.fetchAll(db, sql: "SELECT * FROM books WHERE job_id = ? ORDER BY id", arguments: [job])
        }
        var rewritten: [String] = []
        let starts = try Self.parseStarts(rows) { rewritten.append("job \(job), \($0)") }
        return (starts.filter(\.wasExecuted), rewritten)
    }

    /// The starts of one job in rows of the ledger, by generation; `rewritten` is told of outcomes that became others.
    static func parseStarts(_ rows: [Row], rewritten: (String) -> Void = { _ in }) throws -> [Start] {
        var starts: [Int: Start] = [:]
        for row in rows {
            let (started, told): (String?, String?) = (row["started_at"], row["outcome"])
            let outcome = try told.map { try JSONDecoder().decode(Outcome.self, from: Data($0.utf8)) }
            let start = Start(generation: row["generation"], wasExecuted: started != nil, outcome: outcome)
            if let before = starts.updateValue(start, forKey: start.generation)?.outcome, before != outcome {
                rewritten("start \(start.generation): \(before) became \(told ?? "nothing")")
            }
        }
        return starts.values.sorted { $0.generation < $1.generation }
    }

    // MARK: Logs

    /// Keeps all log files there are now.
    func preserveLogs() {
        let logs = host.logDirectory
        for path in (try? FileManager.default.subpathsOfDirectory(atPath: logs)) ?? [] where path.contains(".log") {
            var file = stat()
            // A file may get another name between the two calls; then it is met again at the next look.
            guard stat("\(logs)/\(path)", &file) == 0, file.st_mode & S_IFMT == S_IFREG else { continue }
            let (name, inode) = ("\(keptLogDirectory)/\(file.st_ino)", file.st_ino)
            guard link("\(logs)/\(path)", name) == 0 else { continue }
            // Another file may have taken its name between the two calls: kept under two numbers, it would be read twice.
            if stat(name, &file) != 0 || file.st_ino != inode { unlink(name) }
        }
    }

    /// The oracle's lines in all log files, by job and restart count: the numbers in the order in which they were written; and what
    /// is torn, tampered with or no line of an oracle.
    func oracleLines() -> (lines: [InstanceID: [Int]], strange: [String]) {
        var (found, strange): ([InstanceID: [Int]], [String]) = ([:], [])
        let names = (try? FileManager.default.contentsOfDirectory(atPath: keptLogDirectory)) ?? []
        // A line begins with its time, all of one length: so the first lines of the files tell their order.
        for text in names.map({ host.readText("\(keptLogDirectory)/\($0)") }).sorted(by: {
            $0.prefix(30) < $1.prefix(30)
        }) {
            var isBehindLoss = false
            for line in text.split(separator: "\n") {
                if let number = OracleLine(line) {
                    found[number.instance, default: []].append(number.number)
                } else if line.hasSuffix(LostShimMarker.suffix) {
                    isBehindLoss = true
                    continue
                } else if !isBehindLoss {
                    // Else it may be the end of a line whose beginning the shim has taken with it.
                    strange.append(String(line))
                }
                isBehindLoss = false
            }
        }
        return (found, strange)
    }
}

/// What a log says where a shim was lost.
enum LostShimMarker {
    static let suffix = " stderr F [heroproc: the shim was lost; the reconciler saved what follows]"
}

/// Which start of which job.
struct InstanceID: Hashable, Sendable {
    let job: Int
    let restartCount: Int
}

/// One numbered line of an oracle as it stands in a CRI log.
struct OracleLine {
    let instance: InstanceID
    let number: Int

    /// Reads `TIME stdout F line JOB RESTARTS NUMBER FILLING CHECKSUM`; nil when anything of it is wrong.
    init?(_ line: Substring) {
        let fields = line.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false)
        guard fields.count == 4, fields[1] == "stdout", fields[2] == "F", fields[0].hasSuffix("Z") else { return nil }
        let text = fields[3].utf8
        let words = fields[3].split(separator: " ")
        guard words.count == 6, words[0] == "line", let sum = UInt32(words[5], radix: 16) else { return nil }
        let hash = text.dropLast(9).reduce(UInt32(2_166_136_261)) { ($0 ^ UInt32($1)) &* 16_777_619 }
        guard hash == sum, let job = Int(words[1]), let restarts = Int(words[2]), let number = Int(words[3]) else {
            return nil
        }
        instance = InstanceID(job: job, restartCount: restarts)
        self.number = number
    }
}
