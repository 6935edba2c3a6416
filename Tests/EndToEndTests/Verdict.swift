import Glibc
import HeroModel

/// What is known of one job from all sides: what its instances wrote down themselves, what heroproc recorded of each
/// start, and what stands in its logs.
struct Evidence: Sendable {
    /// Who it is about, for people.
    var subject: String
    /// The instances of one job, in the order of their beginning, as they say themselves.
    var lives: [Life]
    /// The starts of that job whose program executed, in the order of their generations, as heroproc recorded them.
    var starts: [Books.Start]
    /// The numbers of the lines in the logs, by restart count, in the order of the files.
    var lines: [Int: [Int]] = [:]
    /// When somebody was killed who alone could have kept the status or the output of an instance.
    var hits: [Hit] = []
}

/// A moment at which the test killed the shim of a job, between two readings of the boot clock.
struct Hit: Sendable, Hashable {
    var job: Int
    var from: Int64
    var to: Int64
}

/// The judge of all tests that kill: joins three books that know nothing of each other (reliability.md 6.1, 6.2).
///
/// It never asks heroproc how things went; what heroproc recorded is one of the things that are judged. A status or a line may
/// be missing only where the failure matrix allows it: each shim that the test killed excuses one instance that it may have
/// held, and no other.
struct Verdict: Sendable {
    /// What must never be.
    enum Fault: String, Sendable, CaseIterable {
        /// An instance found the lock of another one taken, or began before the one before it had ended (I1).
        case duplicate
        /// A restart count that does not rise with each instance (I6).
        case restartCount = "restart count"
        /// A program that ran and of which no start, or no end, is recorded (I2).
        case unrecorded
        /// A start that is recorded as executed and of which no instance knows.
        case unborn
        /// A status that is lost although somebody lived who knew it (I2).
        case lost
        /// A status that is not the one the instance left with (I2).
        case invented
        /// An instance that was killed although nothing had happened to its shim.
        case killed
        /// A line that was written and is in no log (I9).
        case lineLost = "line lost"
        /// Lines of one instance in the wrong order, or twice.
        case lineOrder = "line order"
        /// A line in a log that nobody wrote like that.
        case strangeLine = "strange line"
        /// A dependent that began before its requirement was up, or outlived the wish to keep it (I7).
        case order
        /// A process said to run that is dead (OB-2).
        case staleStatus = "stale status"
    }

    /// A fault, and of whom.
    struct Finding: Sendable, CustomStringConvertible {
        var fault: Fault
        var text: String
        var description: String { "\(fault.rawValue): \(text)" }
    }

    private(set) var findings: [Finding] = []
    private(set) var instances = 0
    private(set) var lines = 0
    /// Statuses that are lost as the failure matrix allows.
    private(set) var lostAsAllowed = 0
    /// Lines that are lost as the failure matrix allows.
    private(set) var linesLostAsAllowed = 0

    func count(_ fault: Fault) -> Int { findings.filter { $0.fault == fault }.count }

    /// Puts a finding down; what other parts of a test find belongs here too.
    mutating func find(_ fault: Fault, _ text: String) { findings.append(Finding(fault: fault, text: text)) }

    // MARK: One job

    mutating func judge(_ evidence: Evidence) {
        instances += evidence.lives.count
        judgeSuccession(evidence)
        var excuses = Excuses(evidence)
        let lives = Dictionary(evidence.lives.map { ($0.restarts, $0) }, uniquingKeysWith: { first, _ in first })
        for (count, start) in evidence.starts.enumerated() {
            guard let life = lives[count] else {
                judgeUnborn(start, count, evidence, &excuses)
                continue
            }
            judge(start, life, evidence, &excuses)
        }
        for life in evidence.lives where life.restarts < 0 || life.restarts >= evidence.starts.count {
            find(.unrecorded, "\(evidence.subject): no start is recorded of \(life)")
        }
        judgeLines(evidence)
    }

    /// One after another, and each of them counted.
    private mutating func judgeSuccession(_ evidence: Evidence) {
        for (life, next) in zip(evidence.lives, evidence.lives.dropFirst()) {
            if let ended = life.ended, ended > next.began {
                find(.duplicate, "\(evidence.subject): \(next.pid) began before \(life.pid) had ended")
            }
            if next.restarts <= life.restarts {
                find(.restartCount, "\(evidence.subject): \(next.restarts) after \(life.restarts), pid \(next.pid)")
            }
        }
    }

    private mutating func judge(_ start: Books.Start, _ life: Life, _ evidence: Evidence, _ excuses: inout Excuses) {
        let what =
            "\(evidence.subject): start \(start.generation), \(life): recorded as \(start.outcome.map { "\($0)" } ?? "-")"
        switch (start.outcome, life.end) {
        case (.exited(let code), .exit(let told)) where code == told: return
        case (.signaled(let signal, coreDumped: _), .crash(let told)) where signal.number == told: return
        case (.lost, _):
            if excuses.take(for: life.restarts) { lostAsAllowed += 1 } else { find(.lost, what) }
        case (.signaled(let signal, coreDumped: _), nil) where signal.number == SIGKILL,
            // It was on its way out, and had said so.
            (.signaled(let signal, coreDumped: _), .exit) where signal.number == SIGKILL:
            if !excuses.take(for: life.restarts) { find(.killed, what) }
        case (nil, _): find(.unrecorded, what)
        case (.exited, _), (.signaled, _), (.outOfMemory, _), (.startFailed, _): find(.invented, what)
        }
    }

    /// A program that was ended between its execution and its first instruction leaves a start and no instance.
    private mutating func judgeUnborn(
        _ start: Books.Start,
        _ count: Int,
        _ evidence: Evidence,
        _ excuses: inout Excuses
    ) {
        let what = "\(evidence.subject): start \(start.generation): recorded as \(start.outcome.map { "\($0)" } ?? "-")"
        switch start.outcome {
        // Whoever stops a service does not ask whether its program is already listening to signals.
        case .signaled(let signal, coreDumped: _) where signal.number == SIGTERM: return
        case .signaled, .lost: if !excuses.take(for: count) { find(.unborn, what) }
        case nil: find(.unrecorded, what)
        case .exited, .outOfMemory, .startFailed: find(.unborn, what)
        }
    }

    private mutating func judgeLines(_ evidence: Evidence) {
        for life in evidence.lives {
            let found = evidence.lines[life.restarts] ?? []
            let isBeginning = found == Array(stride(from: 1, through: found.count, by: 1))
            let what = "\(evidence.subject), \(life): \(found.count) lines"
            lines += found.count
            let hits = Excuses.hits(on: life.restarts, evidence)
            if !isBeginning, hits > 0, Self.gaps(found).map({ $0 <= hits }) ?? false {
                linesLostAsAllowed += max(0, (life.lines ?? found.last ?? 0) - found.count)
                continue
            }
            guard isBeginning else {
                let isComplete = Set(found) == Set(stride(from: 1, through: life.lines ?? found.max() ?? 0, by: 1))
                find(isComplete ? .lineOrder : .lineLost, what)
                continue
            }
            guard let written = life.lines, written != found.count else { continue }
            if written > found.count, hits > 0 {
                linesLostAsAllowed += written - found.count
            } else {
                find(written > found.count ? .lineLost : .strangeLine, what)
            }
        }
        let counts = Set(evidence.lives.map(\.restarts))
        for (count, found) in evidence.lines where !counts.contains(count) {
            find(.strangeLine, "\(evidence.subject): \(found.count) lines of restart \(count), which nobody was")
        }
    }

    /// In how many places lines are missing before the last one; nil when they do not rise.
    ///
    /// A killed shim takes with it what it has read and not stored yet; what the program writes then comes behind that.
    private static func gaps(_ lines: [Int]) -> Int? {
        var (last, gaps) = (0, 0)
        for line in lines {
            guard line > last else { return nil }
            if line > last + 1 { gaps += 1 }
            last = line
        }
        return gaps
    }

    // MARK: Two services

    /// A dependent begins only when its requirement is up, and has ended before its requirement is asked to end.
    ///
    /// For services that nothing kills: a crash that heals does not cascade.
    mutating func judgeOrder(of dependent: String, _ lives: [Life], requiring name: String, _ requirements: [Life]) {
        for life in lives {
            let isHeld = requirements.contains { requirement in
                guard let up = requirement.listened, up <= life.began else { return false }
                return requirement.ended.map { $0 >= life.began } ?? true
            }
            if !isHeld { find(.order, "\(dependent) \(life) began while \(name) was not up") }
            for requirement in requirements {
                guard let asked = requirement.asked, requirement.began <= life.began, asked >= life.began else {
                    continue
                }
                if life.ended.map({ $0 > asked }) ?? true {
                    find(.order, "\(name) \(requirement) was asked to end while \(dependent) \(life) lived")
                }
            }
        }
    }
}

/// Which instances of a job the test itself has cut off from whoever kept their status; each hit counts once.
private struct Excuses {
    private var hits: [Hit]
    private let lives: [Life]

    init(_ evidence: Evidence) {
        hits = evidence.hits
        lives = evidence.lives
    }

    /// Uses up a hit that fell into the time of an instance; false when there is none.
    mutating func take(for count: Int) -> Bool {
        let time = Self.time(of: count, lives)
        guard let index = hits.firstIndex(where: { $0.to >= time.lowerBound && $0.from <= time.upperBound }) else {
            return false
        }
        hits.remove(at: index)
        return true
    }

    /// How many hits fell into the time of an instance.
    static func hits(on count: Int, _ evidence: Evidence) -> Int {
        let time = Self.time(of: count, evidence.lives)
        return evidence.hits.filter { $0.to >= time.lowerBound && $0.from <= time.upperBound }.count
    }

    /// The time in which the shim of an instance lived: it began some time after the last instance did, and was gone before the next.
    private static func time(of count: Int, _ lives: [Life]) -> ClosedRange<Int64> {
        let before = lives.last { $0.restarts < count }?.began ?? .min
        let after = lives.first { $0.restarts > count }?.began ?? .max
        return min(before, after)...max(before, after)
    }
}
