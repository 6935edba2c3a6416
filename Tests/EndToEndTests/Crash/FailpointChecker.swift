import Foundation
import GRDB
import Glibc
import HeroModel
import Testing

/// What was found in one run.
struct FailpointResult: Sendable {
    /// Something that must never be; `law` is an invariant of reliability.md section 3.
    struct Violation: Sendable, CustomStringConvertible {
        let invariant: String
        let text: String
        var description: String { "\(invariant): \(text)" }
    }

    /// From the fault to the last proof that nothing is left to do; nil when that never came.
    var recoveryMilliseconds: Int?
    var violations: [Violation] = []
    /// The last events, where a law was broken.
    var recentEvents = ""

    /// Whether a law was broken.
    func violates(_ law: String) -> Bool { violations.contains { $0.invariant == law } }
}

/// Says whether the invariants held, from what the oracles wrote down, the kernel, and only then the product's own books
/// (reliability.md 6.1).
struct FailpointChecker {
    private let host: TestHost
    private let scenario: FailpointScenario
    /// Programs whose shim was killed above them: what they wrote last may be lost with it.
    private var programsWithoutShim: Set<pid_t> = []
    /// Those of them whose end nobody had written down by then: it may be unknown.
    private var programsWithUnknownEnd: Set<pid_t> = []
    private(set) var violations: [FailpointResult.Violation] = []

    init(_ world: TestHost, _ recipe: FailpointScenario) {
        self.host = world
        self.scenario = recipe
    }

    /// What heroproc says that it did, for whoever looks for the reason.
    func recentEvents() async -> String {
        let events = (try? await host.events()) ?? []
        return events.suffix(30).map { "\n  \($0["time"] ?? "") \($0["subject"] ?? "") \($0["text"] ?? "")" }.joined()
    }

    mutating func addViolation(_ law: String, _ text: String) { violations.append(.init(invariant: law, text: text)) }

    /// These shims are about to be killed; `isBlind` says that one of them has seen an end and written nothing.
    mutating func recordLostShims(_ shims: Set<pid_t>, isBlind: Bool) {
        for child in shims.flatMap(children) {
            programsWithoutShim.insert(child)
            if isAlive(child) || isBlind { programsWithUnknownEnd.insert(child) }
        }
    }

    private var expectedStates: [String: FailpointScenario.ExpectedState] {
        scenario.expectedStates.merging(scenario.isFirstUse ? [:] : ["steady": .running]) { $1 }
    }

    /// Waits until everything stands as it is wanted and the next plan is empty (I5).
    ///
    /// `meanwhile` is done at every look.
    mutating func waitForConvergence(within seconds: Int, meanwhile: () throws -> Void = {}) async throws -> Bool {
        let deadline = ContinuousClock.now + .seconds(seconds)
        var last = ""
        while ContinuousClock.now < deadline {
            try meanwhile()
            let wrong = expectedStates.filter { host.verifiedState(of: $0.key) != $0.value }.keys.sorted()
            if wrong.isEmpty {
                let answer = try await host.run("diff")
                if answer.exitCode == 0, try await host.run("status").exitCode == 0 { return true }
                last = "diff says: \(answer.output)\(answer.errorOutput)"
            } else {
                last = "not as wanted: \(wrong.joined(separator: ", "))"
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        let events = try await host.events().suffix(12).map { "\($0["subject"] ?? "") \($0["text"] ?? "")" }
        addViolation("I5", "no convergence within \(seconds) s; \(last)\n  \(events.joined(separator: "\n  "))")
        return false
    }

    /// Takes everything down, and judges what the books say of it.
    mutating func check(bystanders live: Bool) async {
        if !live { addViolation("I3", "a bystander was signalled") }
        do {
            let answer = try await host.run("down", "--all")
            if answer.exitCode != 0 {
                addViolation("I5", "down left with \(answer.exitCode): \(answer.output)\(answer.errorOutput)")
            }
            for service in expectedStates.keys.sorted() { try checkService(service) }
            for (dependent, required) in scenario.dependencies { checkOrder(dependent, required) }
        } catch {
            addViolation("I5", "the books cannot be read: \(error)")
        }
    }

    // MARK: One service

    private mutating func checkService(_ service: String) throws {
        if host.readText("\(host.traceDirectory)/\(service).run.trace").contains("DUP ") {
            addViolation("I1", "two instances of \(service) lived at once")
        }
        let lives = instances(of: service)
        let jobs = Set(lives.map(\.job))
        if jobs.count > 1 { addViolation("I6", "\(service) changed its job: \(jobs.sorted())") }
        for job in jobs.sorted() { try checkJob(service, job: job, lives.filter { $0.job == job }) }
    }

    /// The instances of a service; a daemon that forked away is one with whom it forked from.
    private func instances(of service: String) -> [OracleInstance] {
        var lives: [OracleInstance] = []
        for life in host.instances(service) {
            if let last = lives.last, last.restartCount == life.restartCount, last.job == life.job,
                last.end == .exit(code: 0)
            {
                lives.removeLast()
            }
            lives.append(life)
        }
        return lives
    }

    private mutating func checkJob(_ service: String, job: Int, _ lives: [OracleInstance]) throws {
        let starts = try starts(of: job)
        let executed = starts.filter(\.wasExecuted)
        // One that was killed between exec and its first instruction is a start, and no life.
        let numbers = lives.map(\.restartCount)
        if numbers != numbers.sorted() || Set(numbers).count != numbers.count || (numbers.last ?? 0) >= executed.count {
            addViolation(
                "I6",
                "\(service) counts its restarts \(numbers), \(executed.count) starts are recorded as executed"
            )
        }
        for start in starts where start.outcome == nil {
            addViolation("I2", "\(service), start \(start.generation) has no end")
        }
        for (number, start) in executed.enumerated() {
            guard let life = lives.first(where: { $0.restartCount == number }) else {
                if start.outcome?.isKnownCode ?? false {
                    addViolation(
                        "I2",
                        "\(service), start \(start.generation): \(start.outcome.map { "\($0)" } ?? ""), and it never lived"
                    )
                }
                continue
            }
            checkEnd(service, life, start)
            checkLines(service, life)
        }
    }

    /// Each start ends in exactly one record, never an invented one (I2).
    private mutating func checkEnd(_ service: String, _ life: OracleInstance, _ start: RecordedHistory.Start) {
        let told: String
        switch (life.end, start.outcome) {
        case (.exit(let code)?, .exited(let recorded)?) where code == recorded: return
        case (nil, .signaled?), (nil, .outOfMemory?): return
        case (.crash(let signal)?, .signaled(let recorded, coreDumped: _)?) where recorded.number == signal: return
        case (_, .lost?) where programsWithUnknownEnd.contains(life.pid): return
        case (_, nil): return
        case (let end, let outcome?): told = "\(end.map { "\($0)" } ?? "killed") is recorded as \(outcome)"
        }
        addViolation("I2", "\(service), start \(start.generation): \(told)")
    }

    private func starts(of job: Int) throws -> [RecordedHistory.Start] {
        let rows = try host.readDatabase { db in
            let pages = try db.tableExists("books") ? ("books", "id") : ("starts", "generation")
            let sql = "SELECT * FROM \(pages.0) WHERE job_id = ? ORDER BY \(pages.1)"
            return try Row.fetchAll(db, sql: sql, arguments: [job])
        }
        return try RecordedHistory.parseStarts(rows).sorted { $0.generation < $1.generation }
    }

    // MARK: Logs

    /// Whatever was written is in the log, or counted as dropped (I9).
    private mutating func checkLines(_ service: String, _ life: OracleInstance) {
        let log = ParsedLog(host, service, life)
        if let torn = log.unknownLine, !programsWithoutShim.contains(life.pid) {
            addViolation("I9", "\(service) \(life.pid): torn line: \(torn)")
        }
        let first = scenario.removesOldLogs ? log.numbers.first ?? 1 : 1
        var missing = 0
        var next = first
        for (index, number) in log.numbers.enumerated() {
            if number < next {
                return addViolation("I9", "\(service) \(life.pid): line \(number) follows line \(next - 1)")
            }
            if !log.lossPositions.contains(index) { missing += number - next }
            next = number + 1
        }
        if programsWithoutShim.contains(life.pid) {
            // What was in the hands of its shim went with it: before the seam, or at the end; nothing before that may.
            if missing > 0 { addViolation("I9", "\(service) \(life.pid): \(missing) lines are missing in between") }
            return
        }
        if !log.lossPositions.isEmpty { addViolation("I9", "\(service) \(life.pid): its shim was not lost") }
        if let count = life.lineCount { missing += count - (next - 1) }
        if missing * OracleLine.byteCount != log.droppedBytes {
            let there =
                "\(log.numbers.first ?? 0) to \(log.numbers.last ?? 0) of \(life.lineCount ?? 0) in \(log.files)"
            let text = "\(missing) lines are missing, \(log.droppedBytes) bytes are counted as dropped"
            addViolation("I9", "\(service) \(life.pid), job \(life.job): \(text); \(there)")
        }
    }

    // MARK: Order

    /// Nobody is started first without what it requires, and what is required stops last (I7).
    ///
    /// A crash that heals drags nobody along: what comes back in its job waits for nobody.
    private mutating func checkOrder(_ dependent: String, _ required: String) {
        let lower = host.instances(required)
        let upper = host.instances(dependent)
        for life in upper
        where life.restartCount == 0
            && !lower.contains(where: { $0.startedAt < life.startedAt && ($0.endedAt ?? .max) > life.startedAt })
        {
            addViolation("I7", "\(dependent) \(life.pid) began while no \(required) lived")
        }
        for life in lower {
            guard let asked = life.stopRequestedAt, !programsWithoutShim.contains(life.pid) else { continue }
            for above in upper
            where above.startedAt < asked && !programsWithoutShim.contains(above.pid) && (above.endedAt ?? 0) > asked {
                addViolation("I7", "\(required) \(life.pid) was asked to end before \(dependent) \(above.pid) had")
            }
        }
    }
}

/// The oracle's lines of one instance, from all files of its job's log.
private struct ParsedLog {
    var numbers: [Int] = []
    /// Before which of them the log says that the shim was lost.
    var lossPositions: Set<Int> = []
    /// Bytes that a line of heroproc's own counts as dropped.
    var droppedBytes = 0
    /// What is no line of an oracle.
    var unknownLine: String?
    private(set) var files: [String] = []

    init(_ world: TestHost, _ service: String, _ life: OracleInstance) {
        let folder = "\(world.logDirectory)/core/\(service)/run"
        let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).filter {
            $0.hasPrefix("\(life.job).log")
        }
        files = names.sorted()
        // The oldest first: the file without a number is the newest.
        let age = { (name: String) in Int(name.split(separator: ".").last ?? "") ?? 0 }
        for name in names.sorted(by: { age($0) > age($1) }) {
            var (isBehindSeam, mayBeTorn) = (false, false)
            for line in world.readText("\(folder)/\(name)").split(separator: "\n") {
                if line.hasSuffix(LostShimMarker.suffix) {
                    (isBehindSeam, mayBeTorn) = (true, true)
                    continue
                }
                defer { mayBeTorn = false }
                if let read = OracleLine(line) {
                    guard read.instance == InstanceID(job: life.job, restartCount: life.restartCount) else { continue }
                    if isBehindSeam { lossPositions.insert(numbers.count) }
                    isBehindSeam = false
                    numbers.append(read.number)
                } else if let found = line.firstMatch(of: /\[heroproc: dropped (\d+) bytes/) {
                    droppedBytes += Int(found.1) ?? 0
                } else if !mayBeTorn {
                    // Behind a seam it may be the end of a line whose beginning the shim has taken with it.
                    unknownLine = String(line.prefix(160))
                }
            }
        }
    }
}

extension OracleLine {
    /// Bytes of each line of an oracle, with its newline.
    static let byteCount = 100
}

extension Outcome {
    /// Whether it says how a program ended by itself.
    fileprivate var isKnownCode: Bool {
        switch self {
        case .exited: true
        case .signaled, .outOfMemory, .startFailed, .lost: false
        }
    }
}
