import Foundation
import Glibc
import HeroModel
import HeroStore
import Synchronization
import Testing

/// Keeps what heroproc is allowed to forget: every start it ever recorded, and every log file it ever wrote.
///
/// The ledger keeps the last 20 starts of a job and the last files of its log; under torture more than that happens,
/// so the books look every now and then. A log file is kept by a hard link, so not a byte of it can be missed.
final class Books: Sendable {
    private struct Content {
        var starts: [JobID: [UInt32: StartRecord]] = [:]
        var rewritten: [String] = []
    }

    private let world: World
    private let content = Mutex(Content())
    private var kept: String { world.root + "/kept" }

    init(of world: World) {
        self.world = world
        mkdir(world.root + "/kept", 0o700)
    }

    /// Looks at all there is now.
    func look(at jobs: Set<Int>) throws {
        keepLogs()
        guard let reader = try StateReader(path: world.database) else { return }
        for job in jobs.map({ JobID($0) }) {
            let starts = try reader.starts(of: job)
            content.withLock { content in
                for start in starts {
                    let former = content.starts[job, default: [:]].updateValue(start, forKey: start.generation)
                    if let before = former?.outcome, before != start.outcome {
                        content.rewritten.append("job \(job), start \(start.generation): \(before) became \(start)")
                    }
                }
            }
        }
    }

    /// Outcomes that were changed after they had been written: there must be none.
    var rewritten: [String] { content.withLock(\.rewritten) }

    /// The starts of a job whose program executed, in their order.
    func executed(of job: Int) -> [StartRecord] {
        content.withLock { $0.starts[JobID(job), default: [:]].values.filter { $0.startedAt != nil } }
            .sorted { $0.generation < $1.generation }
    }

    // MARK: Logs

    private func keepLogs() {
        let logs = world.logs
        for path in (try? FileManager.default.subpathsOfDirectory(atPath: logs)) ?? [] where path.contains(".log") {
            var file = stat()
            // A file may get another name between the two calls; then it is met again at the next look.
            guard stat("\(logs)/\(path)", &file) == 0, file.st_mode & S_IFMT == S_IFREG else { continue }
            link("\(logs)/\(path)", "\(kept)/\(file.st_ino)")
        }
    }

    /// The oracle's lines in all log files, by job and restart count: the numbers in the order of the files.
    ///
    /// Whatever is torn, tampered with or no line of an oracle is an issue.
    func lines(sourceLocation: SourceLocation = #_sourceLocation) -> [Instance: [Int]] {
        var found: [Instance: [Int]] = [:]
        for name in (try? FileManager.default.contentsOfDirectory(atPath: kept)) ?? [] {
            for line in world.text("\(kept)/\(name)").split(separator: "\n") {
                guard let number = OracleLine(line) else {
                    Issue.record("no line of an oracle: \(line)", sourceLocation: sourceLocation)
                    continue
                }
                found[number.instance, default: []].append(number.number)
            }
        }
        return found
    }
}

/// Which start of which job.
struct Instance: Hashable, Sendable {
    let job: Int
    let restarts: Int
}

/// One numbered line of an oracle as it stands in a CRI log.
struct OracleLine {
    let instance: Instance
    let number: Int

    /// Reads `TIME stdout F line JOB RESTARTS NUMBER FILLING CHECKSUM`; nil when the checksum or anything else is wrong.
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
        instance = Instance(job: job, restarts: restarts)
        self.number = number
    }
}
