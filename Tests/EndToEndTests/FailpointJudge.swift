import Foundation
import GRDB
import Glibc
import HeroModel
import Testing

/// What was found in one run.
struct FailpointVerdict: Sendable {
    /// Something that must never be; `law` is an invariant of reliability.md section 3.
    struct Violation: Sendable, CustomStringConvertible {
        let law: String
        let text: String
        var description: String { "\(law): \(text)" }
    }

    /// From the fault to the last proof that nothing is left to do; nil when that never came.
    var milliseconds: Int?
    var violations: [Violation] = []
    /// The last events, where a law was broken.
    var story = ""

    /// Whether a law was broken.
    func breaks(_ law: String) -> Bool { violations.contains { $0.law == law } }
}

/// Says whether the invariants held, from what the oracles wrote down, the kernel, and only then the product's own books
/// (reliability.md 6.1).
struct FailpointJudge {
    private let world: World
    private let recipe: FailpointRecipe
    /// Programs whose shim was killed above them: what they wrote last may be lost with it.
    private var unheld: Set<pid_t> = []
    /// Those of them whose end nobody had written down by then: it may be unknown.
    private var unknowable: Set<pid_t> = []
    private(set) var violations: [FailpointVerdict.Violation] = []

    init(_ world: World, _ recipe: FailpointRecipe) {
        self.world = world
        self.recipe = recipe
    }

    /// What heroproc says that it did, for whoever looks for the reason.
    func story() async -> String {
        let events = (try? await world.events()) ?? []
        return events.suffix(30).map { "\n  \($0["time"] ?? "") \($0["subject"] ?? "") \($0["text"] ?? "")" }.joined()
    }

    mutating func find(_ law: String, _ text: String) { violations.append(.init(law: law, text: text)) }

    /// These shims are about to be killed; `isBlind` says that one of them has seen an end and written nothing.
    mutating func lostShims(_ shims: Set<pid_t>, isBlind: Bool) {
        for child in shims.flatMap(children) {
            unheld.insert(child)
            if isAlive(child) || isBlind { unknowable.insert(child) }
        }
    }

    private var wanted: [String: FailpointRecipe.Wanted] {
        recipe.wanted.merging(recipe.isFirst ? [:] : ["steady": .up]) { $1 }
    }

    /// Waits until everything stands as it is wanted and the next plan is empty (I5).
    ///
    /// `meanwhile` is done at every look.
    mutating func converge(within seconds: Int, meanwhile: () throws -> Void = {}) async throws -> Bool {
        let deadline = ContinuousClock.now + .seconds(seconds)
        var last = ""
        while ContinuousClock.now < deadline {
            try meanwhile()
            let wrong = wanted.filter { world.standing(of: $0.key) != $0.value }.keys.sorted()
            if wrong.isEmpty {
                let answer = try await world.run("diff")
                if answer.code == 0, try await world.run("status").code == 0 { return true }
                last = "diff says: \(answer.out)\(answer.err)"
            } else {
                last = "not as wanted: \(wrong.joined(separator: ", "))"
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        let events = try await world.events().suffix(12).map { "\($0["subject"] ?? "") \($0["text"] ?? "")" }
        find("I5", "no convergence within \(seconds) s; \(last)\n  \(events.joined(separator: "\n  "))")
        return false
    }

    /// Takes everything down, and judges what the books say of it.
    mutating func judge(bystanders live: Bool) async {
        if !live { find("I3", "a bystander was signalled") }
        do {
            let answer = try await world.run("down", "--all")
            if answer.code != 0 { find("I5", "down left with \(answer.code): \(answer.out)\(answer.err)") }
            for service in wanted.keys.sorted() { try judge(service) }
            for (dependent, required) in recipe.edges { judgeOrder(dependent, required) }
        } catch {
            find("I5", "the books cannot be read: \(error)")
        }
    }

    // MARK: One service

    private mutating func judge(_ service: String) throws {
        if world.text("\(world.traces)/\(service).run.trace").contains("DUP ") {
            find("I1", "two instances of \(service) lived at once")
        }
        let lives = instances(of: service)
        let jobs = Set(lives.map(\.job))
        if jobs.count > 1 { find("I6", "\(service) changed its job: \(jobs.sorted())") }
        for job in jobs.sorted() { try judge(service, job: job, lives.filter { $0.job == job }) }
    }

    /// The instances of a service; a daemon that forked away is one with whom it forked from.
    private func instances(of service: String) -> [Life] {
        var lives: [Life] = []
        for life in world.lives(service) {
            if let last = lives.last, last.restarts == life.restarts, last.job == life.job, last.end == .exit(code: 0) {
                lives.removeLast()
            }
            lives.append(life)
        }
        return lives
    }

    private mutating func judge(_ service: String, job: Int, _ lives: [Life]) throws {
        let starts = try starts(of: job)
        let executed = starts.filter(\.isExecuted)
        // One that was killed between exec and its first instruction is a start, and no life.
        let numbers = lives.map(\.restarts)
        if numbers != numbers.sorted() || Set(numbers).count != numbers.count || (numbers.last ?? 0) >= executed.count {
            find("I6", "\(service) counts its restarts \(numbers), \(executed.count) starts are recorded as executed")
        }
        for start in starts where start.outcome == nil {
            find("I2", "\(service), start \(start.generation) has no end")
        }
        for (number, start) in executed.enumerated() {
            guard let life = lives.first(where: { $0.restarts == number }) else {
                if start.outcome?.isKnownCode ?? false {
                    find(
                        "I2",
                        "\(service), start \(start.generation): \(start.outcome.map { "\($0)" } ?? ""), and it never lived"
                    )
                }
                continue
            }
            judgeEnd(service, life, start)
            judgeLines(service, life)
        }
    }

    /// Each start ends in exactly one record, never an invented one (I2).
    private mutating func judgeEnd(_ service: String, _ life: Life, _ start: Books.Start) {
        let told: String
        switch (life.end, start.outcome) {
        case (.exit(let code)?, .exited(let recorded)?) where code == recorded: return
        case (nil, .signaled?), (nil, .outOfMemory?): return
        case (.crash(let signal)?, .signaled(let recorded, coreDumped: _)?) where recorded.number == signal: return
        case (_, .lost?) where unknowable.contains(life.pid): return
        case (_, nil): return
        case (let end, let outcome?): told = "\(end.map { "\($0)" } ?? "killed") is recorded as \(outcome)"
        }
        find("I2", "\(service), start \(start.generation): \(told)")
    }

    private func starts(of job: Int) throws -> [Books.Start] {
        let rows = try world.read { db in
            let pages = try db.tableExists("books") ? ("books", "id") : ("starts", "generation")
            let sql = "SELECT * FROM \(pages.0) WHERE job_id = ? ORDER BY \(pages.1)"
            return try Row.fetchAll(db, sql: sql, arguments: [job])
        }
        return try Books.starts(rows).sorted { $0.generation < $1.generation }
    }

    // MARK: Logs

    /// Whatever was written is in the log, or counted as dropped (I9).
    private mutating func judgeLines(_ service: String, _ life: Life) {
        let log = FailpointLog(world, service, life)
        if let torn = log.torn, !unheld.contains(life.pid) { find("I9", "\(service) \(life.pid): torn line: \(torn)") }
        let first = recipe.retiresLogs ? log.numbers.first ?? 1 : 1
        var missing = 0
        var next = first
        for (index, number) in log.numbers.enumerated() {
            if number < next { return find("I9", "\(service) \(life.pid): line \(number) follows line \(next - 1)") }
            if !log.seams.contains(index) { missing += number - next }
            next = number + 1
        }
        if unheld.contains(life.pid) {
            // What was in the hands of its shim went with it: before the seam, or at the end; nothing before that may.
            if missing > 0 { find("I9", "\(service) \(life.pid): \(missing) lines are missing in between") }
            return
        }
        if !log.seams.isEmpty { find("I9", "\(service) \(life.pid): its shim was not lost") }
        if let count = life.lines { missing += count - (next - 1) }
        if missing * OracleLine.size != log.dropped {
            let there = "\(log.numbers.first ?? 0) to \(log.numbers.last ?? 0) of \(life.lines ?? 0) in \(log.files)"
            let text = "\(missing) lines are missing, \(log.dropped) bytes are counted as dropped"
            find("I9", "\(service) \(life.pid), job \(life.job): \(text); \(there)")
        }
    }

    // MARK: Order

    /// Nobody is started first without what it requires, and what is required stops last (I7).
    ///
    /// A crash that heals drags nobody along: what comes back in its job waits for nobody.
    private mutating func judgeOrder(_ dependent: String, _ required: String) {
        let lower = world.lives(required)
        let upper = world.lives(dependent)
        for life in upper
        where life.restarts == 0 && !lower.contains(where: { $0.began < life.began && ($0.ended ?? .max) > life.began })
        {
            find("I7", "\(dependent) \(life.pid) began while no \(required) lived")
        }
        for life in lower {
            guard let asked = life.asked, !unheld.contains(life.pid) else { continue }
            for above in upper where above.began < asked && !unheld.contains(above.pid) && (above.ended ?? 0) > asked {
                find("I7", "\(required) \(life.pid) was asked to end before \(dependent) \(above.pid) had")
            }
        }
    }
}

/// The oracle's lines of one instance, from all files of its job's log.
private struct FailpointLog {
    var numbers: [Int] = []
    /// Before which of them the log says that the shim was lost.
    var seams: Set<Int> = []
    /// Bytes that a line of heroproc's own counts as dropped.
    var dropped = 0
    /// What is no line of an oracle.
    var torn: String?
    private(set) var files: [String] = []

    init(_ world: World, _ service: String, _ life: Life) {
        let folder = "\(world.logs)/core/\(service)/run"
        let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).filter {
            $0.hasPrefix("\(life.job).log")
        }
        files = names.sorted()
        // The oldest first: the file without a number is the newest.
        let age = { (name: String) in Int(name.split(separator: ".").last ?? "") ?? 0 }
        for name in names.sorted(by: { age($0) > age($1) }) {
            var (isBehindSeam, mayBeTorn) = (false, false)
            for line in world.text("\(folder)/\(name)").split(separator: "\n") {
                if line.hasSuffix(LostShim.marker) {
                    (isBehindSeam, mayBeTorn) = (true, true)
                    continue
                }
                defer { mayBeTorn = false }
                if let read = OracleLine(line) {
                    guard read.instance == Instance(job: life.job, restarts: life.restarts) else { continue }
                    if isBehindSeam { seams.insert(numbers.count) }
                    isBehindSeam = false
                    numbers.append(read.number)
                } else if let found = line.firstMatch(of: /\[heroproc: dropped (\d+) bytes/) {
                    dropped += Int(found.1) ?? 0
                } else if !mayBeTorn {
                    // Behind a seam it may be the end of a line whose beginning the shim has taken with it.
                    torn = String(line.prefix(160))
                }
            }
        }
    }
}

extension OracleLine {
    /// Bytes of each line of an oracle, with its newline.
    static let size = 100
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
