import Foundation
import GRDB
import Glibc
import HeroModel
import Testing

/// The result of one run.
struct FailpointResult: Sendable {
    /// A violated invariant of docs/explanation/guarantees.md.
    struct Violation: Sendable, CustomStringConvertible {
        let invariant: String
        let text: String
        var description: String { "\(invariant): \(text)" }
    }

    /// The time from the fault to convergence; nil without convergence.
    var recoveryMilliseconds: Int?
    var violations: [Violation] = []
    /// The last events; empty without a violation.
    var recentEvents = ""

    /// Whether an invariant is violated.
    func violates(_ invariant: String) -> Bool { violations.contains { $0.invariant == invariant } }
}

/// Checks the invariants with the traces of the oracles, the processes of the kernel, and finally the records of
/// heroproc.
struct FailpointChecker {
    private let host: TestHost
    private let scenario: FailpointScenario
    /// Programs whose shim was killed.
    ///
    /// Their last output may be lost.
    private var programsWithoutShim: Set<pid_t> = []
    /// Programs without shim whose end was not recorded before the kill.
    ///
    /// Their outcome may be unknown.
    private var programsWithUnknownEnd: Set<pid_t> = []
    private(set) var violations: [FailpointResult.Violation] = []

    init(_ host: TestHost, _ scenario: FailpointScenario) {
        self.host = host
        self.scenario = scenario
    }

    /// The last events of heroproc, for the report of a violation.
    func recentEvents() async -> String {
        let events = (try? await host.events()) ?? []
        return events.suffix(30).map { "\n  \($0["time"] ?? "") \($0["subject"] ?? "") \($0["text"] ?? "")" }.joined()
    }

    mutating func addViolation(_ invariant: String, _ text: String) {
        violations.append(.init(invariant: invariant, text: text))
    }

    /// Records shims that the test kills next.
    ///
    /// `isBlind`: a shim has seen the end of its program and has not recorded it.
    mutating func recordLostShims(_ shims: Set<pid_t>, isBlind: Bool) {
        for child in shims.flatMap(children) {
            programsWithoutShim.insert(child)
            if isAlive(child) || isBlind { programsWithUnknownEnd.insert(child) }
        }
    }

    private var expectedStates: [String: FailpointScenario.ExpectedState] {
        scenario.expectedStates.merging(scenario.isFirstUse ? [:] : ["steady": .running]) { $1 }
    }

    /// Waits until all services have their expected state and the next plan is empty (I5).
    ///
    /// `meanwhile` runs before every check.
    mutating func waitForConvergence(within seconds: Int, meanwhile: () throws -> Void = {}) async throws -> Bool {
        let deadline = ContinuousClock.now + .seconds(seconds)
        var last = ""
        while ContinuousClock.now < deadline {
            try meanwhile()
            let wrong = expectedStates.filter { host.verifiedState(of: $0.key) != $0.value }.keys.sorted()
            if wrong.isEmpty {
                let result = try await host.run("diff")
                if result.exitCode == 0, try await host.run("status").exitCode == 0 { return true }
                last = "diff: \(result.output)\(result.errorOutput)"
            } else {
                last = "not in the expected state: \(wrong.joined(separator: ", "))"
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        let events = try await host.events().suffix(12).map { "\($0["subject"] ?? "") \($0["text"] ?? "")" }
        addViolation("I5", "no convergence within \(seconds) s; \(last)\n  \(events.joined(separator: "\n  "))")
        return false
    }

    /// Stops all services and checks the records.
    mutating func check(bystanders live: Bool) async {
        if !live { addViolation("I3", "a bystander received a signal") }
        do {
            let result = try await host.run("down", "--all")
            if result.exitCode != 0 {
                addViolation("I5", "down exited with \(result.exitCode): \(result.output)\(result.errorOutput)")
            }
            for service in expectedStates.keys.sorted() { try checkService(service) }
            for (dependent, required) in scenario.dependencies { checkOrder(dependent, required) }
        } catch {
            addViolation("I5", "the records cannot be read: \(error)")
        }
    }

    // MARK: One service

    private mutating func checkService(_ service: String) throws {
        if host.readText("\(host.traceDirectory)/\(service).run.trace").contains("DUP ") {
            addViolation("I1", "two instances of \(service) ran at once")
        }
        let instances = instances(of: service)
        let jobs = Set(instances.map(\.job))
        if jobs.count > 1 { addViolation("I6", "\(service) changed its job: \(jobs.sorted())") }
        for job in jobs.sorted() { try checkJob(service, job: job, instances.filter { $0.job == job }) }
    }

    /// The instances of a service.
    ///
    /// A forked daemon and its parent count as one instance.
    private func instances(of service: String) -> [OracleInstance] {
        var instances: [OracleInstance] = []
        for instance in host.instances(service) {
            if let last = instances.last, last.restartCount == instance.restartCount, last.job == instance.job,
                last.end == .exit(code: 0)
            {
                instances.removeLast()
            }
            instances.append(instance)
        }
        return instances
    }

    private mutating func checkJob(_ service: String, job: Int, _ instances: [OracleInstance]) throws {
        let starts = try starts(of: job)
        let executed = starts.filter(\.wasExecuted)
        // A program killed between exec and its first instruction has a start and no instance.
        let numbers = instances.map(\.restartCount)
        if numbers != numbers.sorted() || Set(numbers).count != numbers.count || (numbers.last ?? 0) >= executed.count {
            addViolation(
                "I6",
                "\(service) has restart counts \(numbers), \(executed.count) starts are recorded as executed"
            )
        }
        for start in starts where start.outcome == nil {
            addViolation("I2", "\(service), start \(start.generation) has no recorded end")
        }
        for (number, start) in executed.enumerated() {
            guard let instance = instances.first(where: { $0.restartCount == number }) else {
                if start.outcome?.isKnownCode ?? false {
                    addViolation(
                        "I2",
                        "\(service), start \(start.generation): \(start.outcome.map { "\($0)" } ?? ""), without an instance"
                    )
                }
                continue
            }
            checkEnd(service, instance, start)
            checkLines(service, instance)
        }
    }

    /// Each start has exactly one recorded outcome, which is the actual one (I2).
    private mutating func checkEnd(_ service: String, _ instance: OracleInstance, _ start: RecordedHistory.Start) {
        let text: String
        switch (instance.end, start.outcome) {
        case (.exit(let code)?, .exited(let recorded)?) where code == recorded: return
        case (nil, .signaled?), (nil, .outOfMemory?): return
        case (.crash(let signal)?, .signaled(let recorded, coreDumped: _)?) where recorded.number == signal: return
        case (_, .lost?) where programsWithUnknownEnd.contains(instance.pid): return
        case (_, nil): return
        case (let end, let outcome?): text = "\(end.map { "\($0)" } ?? "killed") is recorded as \(outcome)"
        }
        addViolation("I2", "\(service), start \(start.generation): \(text)")
    }

    private func starts(of job: Int) throws -> [RecordedHistory.Start] {
        let rows = try host.readDatabase { db in
            let table = try db.tableExists("start_history") ? ("start_history", "id") : ("starts", "generation")
            let sql = "SELECT * FROM \(table.0) WHERE job_id = ? ORDER BY \(table.1)"
            return try Row.fetchAll(db, sql: sql, arguments: [job])
        }
        return try RecordedHistory.parseStarts(rows).sorted { $0.generation < $1.generation }
    }

    // MARK: Logs

    /// Every written line is in the log or counted as dropped (I9).
    private mutating func checkLines(_ service: String, _ instance: OracleInstance) {
        let log = ParsedLog(host, service, instance)
        if let line = log.unknownLine, !programsWithoutShim.contains(instance.pid) {
            addViolation("I9", "\(service) \(instance.pid): unknown line: \(line)")
        }
        let first = scenario.removesOldLogs ? log.numbers.first ?? 1 : 1
        var missing = 0
        var next = first
        for (index, number) in log.numbers.enumerated() {
            if number < next {
                return addViolation("I9", "\(service) \(instance.pid): line \(number) follows line \(next - 1)")
            }
            if !log.lossPositions.contains(index) { missing += number - next }
            next = number + 1
        }
        if programsWithoutShim.contains(instance.pid) {
            // The output that the killed shim held is lost: before the marker, or at the end. No other line may be
            // missing.
            if missing > 0 {
                addViolation("I9", "\(service) \(instance.pid): \(missing) lines are missing before the end")
            }
            return
        }
        if !log.lossPositions.isEmpty { addViolation("I9", "\(service) \(instance.pid): its shim was not lost") }
        if let count = instance.lineCount { missing += count - (next - 1) }
        if missing * OracleLine.byteCount != log.droppedBytes {
            let there =
                "\(log.numbers.first ?? 0) to \(log.numbers.last ?? 0) of \(instance.lineCount ?? 0) in \(log.files)"
            let text = "\(missing) lines are missing, \(log.droppedBytes) bytes are counted as dropped"
            addViolation("I9", "\(service) \(instance.pid), job \(instance.job): \(text); \(there)")
        }
    }

    // MARK: Order

    /// How long a program may run before it records its start, in nanoseconds.
    private static let recordingDelay: Int64 = 50_000_000

    /// A first start waits for the requirements, and a requirement stops after its dependents (I7).
    ///
    /// A restart after a crash neither stops dependents nor waits for requirements. Without a readiness probe a
    /// requirement is up when it is executed, which can be a moment before it records its start.
    private mutating func checkOrder(_ dependent: String, _ required: String) {
        let lower = host.instances(required)
        let upper = host.instances(dependent)
        for instance in upper
        where instance.restartCount == 0
            && !lower.contains(where: {
                $0.startedAt < instance.startedAt + Self.recordingDelay && ($0.endedAt ?? .max) > instance.startedAt
            })
        {
            addViolation("I7", "\(dependent) \(instance.pid) started while no \(required) ran")
        }
        for instance in lower {
            guard let stopRequestedAt = instance.stopRequestedAt, !programsWithoutShim.contains(instance.pid) else {
                continue
            }
            for above in upper
            where above.startedAt < stopRequestedAt && !programsWithoutShim.contains(above.pid)
                && (above.endedAt ?? 0) > stopRequestedAt
            {
                addViolation(
                    "I7",
                    "\(required) \(instance.pid) was stopped before the end of \(dependent) \(above.pid)"
                )
            }
        }
    }
}

/// The oracle lines of one instance from all files of the log of its job.
private struct ParsedLog {
    var numbers: [Int] = []
    /// The positions in `numbers` before which the log marks a lost shim.
    var lossPositions: Set<Int> = []
    /// The sum of the bytes that heroproc counts as dropped.
    var droppedBytes = 0
    /// The last line that was not written by an oracle.
    var unknownLine: String?
    private(set) var files: [String] = []

    init(_ host: TestHost, _ service: String, _ instance: OracleInstance) {
        let directory = "\(host.logDirectory)/core/\(service)/run"
        let names = ((try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []).filter {
            $0.hasPrefix("\(instance.job).log")
        }
        files = names.sorted()
        // Oldest first. The file without a number is the newest.
        let age = { (name: String) in Int(name.split(separator: ".").last ?? "") ?? 0 }
        for name in names.sorted(by: { age($0) > age($1) }) {
            var (isBehindSeam, mayBeTorn) = (false, false)
            for line in host.readText("\(directory)/\(name)").split(separator: "\n") {
                if line.hasSuffix(LostShimMarker.suffix) {
                    (isBehindSeam, mayBeTorn) = (true, true)
                    continue
                }
                defer { mayBeTorn = false }
                if let read = OracleLine(line) {
                    guard read.instance == InstanceID(job: instance.job, restartCount: instance.restartCount) else {
                        continue
                    }
                    if isBehindSeam { lossPositions.insert(numbers.count) }
                    isBehindSeam = false
                    numbers.append(read.number)
                } else if let found = line.firstMatch(of: /\[heroproc: dropped (\d+) bytes/) {
                    droppedBytes += Int(found.1) ?? 0
                } else if !mayBeTorn {
                    // The line after the marker may be the end of a line whose beginning was lost with the shim.
                    unknownLine = String(line.prefix(160))
                }
            }
        }
    }
}

extension Outcome {
    /// Whether the outcome is an exit code.
    fileprivate var isKnownCode: Bool {
        switch self {
        case .exited: true
        case .signaled, .outOfMemory, .startFailed, .lost: false
        }
    }
}
