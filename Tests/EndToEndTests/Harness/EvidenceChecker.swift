import Glibc
import HeroModel

/// What is known of one job from all sides: what its instances wrote down themselves, what heroproc recorded of each
/// start, and what stands in its logs.
struct JobEvidence: Sendable {
    /// Who it is about, for people.
    var label: String
    /// The instances of one job, in the order of their beginning, as they say themselves.
    var instances: [OracleInstance]
    /// The starts of that job whose program executed, in the order of their generations, as heroproc recorded them.
    var starts: [RecordedHistory.Start]
    /// The numbers of the lines in the logs, by restart count, in the order of the files.
    var lines: [Int: [Int]] = [:]
    /// When somebody was killed who alone could have kept the status or the output of an instance.
    var shimKills: [ShimKill] = []
}

/// A moment at which the test killed the shim of a job, between two readings of the boot clock.
struct ShimKill: Sendable, Hashable {
    var job: Int
    var from: Int64
    var to: Int64
}

/// The judge of all tests that kill: joins three books that know nothing of each other (reliability.md 6.1, 6.2).
///
/// It never asks heroproc how things went; what heroproc recorded is one of the things that are judged. A status or a line may
/// be missing only where the failure matrix allows it: each shim that the test killed excuses one instance that it may have
/// held, and no other.
struct EvidenceChecker: Sendable {
    /// What must never be.
    enum ViolationKind: String, Sendable, CaseIterable {
        /// An instance found the lock of another one taken, or began before the one before it had ended (I1).
        case duplicate
        /// A restart count that does not rise with each instance (I6).
        case wrongRestartCount = "restart count"
        /// A program that ran and of which no start, or no end, is recorded (I2).
        case unrecorded
        /// A start that is recorded as executed and of which no instance knows.
        case neverRan
        /// A status that is lost although somebody lived who knew it (I2).
        case lostStatus
        /// A status that is not the one the instance left with (I2).
        case inventedStatus
        /// An instance that was killed although nothing had happened to its shim.
        case unexpectedKill
        /// A line that was written and is in no log (I9).
        case lostLine = "line lost"
        /// Lines of one instance in the wrong order, or twice.
        case lineOrder = "line order"
        /// A line in a log that nobody wrote like that.
        case unknownLine = "strange line"
        /// A dependent that began before its requirement was up, or outlived the wish to keep it (I7).
        case wrongOrder
        /// A process said to run that is dead (OB-2).
        case staleStatus = "stale status"
    }

    /// A fault, and of whom.
    struct Finding: Sendable, CustomStringConvertible {
        var kind: ViolationKind
        var text: String
        var description: String { "\(kind.rawValue): \(text)" }
    }

    private(set) var findings: [Finding] = []
    private(set) var instanceCount = 0
    private(set) var lineCount = 0
    /// Statuses that are lost as the failure matrix allows.
    private(set) var allowedLostStatusCount = 0
    /// Lines that are lost as the failure matrix allows.
    private(set) var allowedLostLineCount = 0

    func count(_ fault: ViolationKind) -> Int { findings.filter { $0.kind == fault }.count }

    /// Puts a finding down; what other parts of a test find belongs here too.
    mutating func addFinding(_ fault: ViolationKind, _ text: String) {
        findings.append(Finding(kind: fault, text: text))
    }

    // MARK: One job

    mutating func check(_ evidence: JobEvidence) {
        instanceCount += evidence.instances.count
        checkSuccession(evidence)
        var excuses = AllowedLosses(evidence)
        let lives = Dictionary(
            evidence.instances.map { ($0.restartCount, $0) },
            uniquingKeysWith: { first, _ in first }
        )
        for (count, start) in evidence.starts.enumerated() {
            guard let life = lives[count] else {
                checkStartWithoutInstance(start, count, evidence, &excuses)
                continue
            }
            checkStart(start, life, evidence, &excuses)
        }
        for life in evidence.instances where life.restartCount < 0 || life.restartCount >= evidence.starts.count {
            addFinding(.unrecorded, "\(evidence.label): no start is recorded of \(life)")
        }
        checkLines(evidence)
    }

    /// One after another, and each of them counted.
    private mutating func checkSuccession(_ evidence: JobEvidence) {
        for (life, next) in zip(evidence.instances, evidence.instances.dropFirst()) {
            if let ended = life.endedAt, ended > next.startedAt {
                addFinding(.duplicate, "\(evidence.label): \(next.pid) began before \(life.pid) had ended")
            }
            if next.restartCount <= life.restartCount {
                addFinding(
                    .wrongRestartCount,
                    "\(evidence.label): \(next.restartCount) after \(life.restartCount), pid \(next.pid)"
                )
            }
        }
    }

    private mutating func checkStart(
        _ start: RecordedHistory.Start,
        _ life: OracleInstance,
        _ evidence: JobEvidence,
        _ excuses: inout AllowedLosses
    ) {
        let what =
            "\(evidence.label): start \(start.generation), \(life): recorded as \(start.outcome.map { "\($0)" } ?? "-")"
        switch (start.outcome, life.end) {
        case (.exited(let code), .exit(let told)) where code == told: return
        case (.signaled(let signal, coreDumped: _), .crash(let told)) where signal.number == told: return
        case (.lost, _):
            if excuses.useShimKill(for: life.restartCount) {
                allowedLostStatusCount += 1
            } else {
                addFinding(.lostStatus, what)
            }
        case (.signaled(let signal, coreDumped: _), nil) where signal.number == SIGKILL,
            // It was on its way out, and had said so.
            (.signaled(let signal, coreDumped: _), .exit) where signal.number == SIGKILL:
            if !excuses.useShimKill(for: life.restartCount) { addFinding(.unexpectedKill, what) }
        case (nil, _): addFinding(.unrecorded, what)
        case (.exited, _), (.signaled, _), (.outOfMemory, _), (.startFailed, _): addFinding(.inventedStatus, what)
        }
    }

    /// A program that was ended between its execution and its first instruction leaves a start and no instance.
    private mutating func checkStartWithoutInstance(
        _ start: RecordedHistory.Start,
        _ count: Int,
        _ evidence: JobEvidence,
        _ excuses: inout AllowedLosses
    ) {
        let what = "\(evidence.label): start \(start.generation): recorded as \(start.outcome.map { "\($0)" } ?? "-")"
        switch start.outcome {
        // Whoever stops a service does not ask whether its program is already listening to signals.
        case .signaled(let signal, coreDumped: _) where signal.number == SIGTERM: return
        case .signaled, .lost: if !excuses.useShimKill(for: count) { addFinding(.neverRan, what) }
        case nil: addFinding(.unrecorded, what)
        case .exited, .outOfMemory, .startFailed: addFinding(.neverRan, what)
        }
    }

    private mutating func checkLines(_ evidence: JobEvidence) {
        for life in evidence.instances {
            let found = evidence.lines[life.restartCount] ?? []
            let isBeginning = found == Array(stride(from: 1, through: found.count, by: 1))
            let what = "\(evidence.label), \(life): \(found.count) lines"
            lineCount += found.count
            let hits = AllowedLosses.shimKillCount(on: life.restartCount, evidence)
            if !isBeginning, hits > 0, Self.gapCount(found).map({ $0 <= hits }) ?? false {
                allowedLostLineCount += max(0, (life.lineCount ?? found.last ?? 0) - found.count)
                continue
            }
            guard isBeginning else {
                let isComplete = Set(found) == Set(stride(from: 1, through: life.lineCount ?? found.max() ?? 0, by: 1))
                addFinding(isComplete ? .lineOrder : .lostLine, what)
                continue
            }
            guard let written = life.lineCount, written != found.count else { continue }
            if written > found.count, hits > 0 {
                allowedLostLineCount += written - found.count
            } else {
                addFinding(written > found.count ? .lostLine : .unknownLine, what)
            }
        }
        let counts = Set(evidence.instances.map(\.restartCount))
        for (count, found) in evidence.lines where !counts.contains(count) {
            addFinding(.unknownLine, "\(evidence.label): \(found.count) lines of restart \(count), which nobody was")
        }
    }

    /// In how many places lines are missing before the last one; nil when they do not rise.
    ///
    /// A killed shim takes with it what it has read and not stored yet; what the program writes then comes behind that.
    private static func gapCount(_ lines: [Int]) -> Int? {
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
    mutating func checkOrder(
        of dependent: String,
        _ lives: [OracleInstance],
        requiring name: String,
        _ requirements: [OracleInstance]
    ) {
        for life in lives {
            let isHeld = requirements.contains { requirement in
                guard let up = requirement.listeningAt, up <= life.startedAt else { return false }
                return requirement.endedAt.map { $0 >= life.startedAt } ?? true
            }
            if !isHeld { addFinding(.wrongOrder, "\(dependent) \(life) began while \(name) was not up") }
            for requirement in requirements {
                guard let asked = requirement.stopRequestedAt, requirement.startedAt <= life.startedAt,
                    asked >= life.startedAt
                else {
                    continue
                }
                if life.endedAt.map({ $0 > asked }) ?? true {
                    addFinding(.wrongOrder, "\(name) \(requirement) was asked to end while \(dependent) \(life) lived")
                }
            }
        }
    }
}

/// Which instances of a job the test itself has cut off from whoever kept their status; each hit counts once.
private struct AllowedLosses {
    private var shimKills: [ShimKill]
    private let instances: [OracleInstance]

    init(_ evidence: JobEvidence) {
        shimKills = evidence.shimKills
        instances = evidence.instances
    }

    /// Uses up a hit that fell into the time of an instance; false when there is none.
    mutating func useShimKill(for count: Int) -> Bool {
        let time = Self.lifetime(of: count, instances)
        guard let index = shimKills.firstIndex(where: { $0.to >= time.lowerBound && $0.from <= time.upperBound }) else {
            return false
        }
        shimKills.remove(at: index)
        return true
    }

    /// How many hits fell into the time of an instance.
    static func shimKillCount(on count: Int, _ evidence: JobEvidence) -> Int {
        let time = Self.lifetime(of: count, evidence.instances)
        return evidence.shimKills.filter { $0.to >= time.lowerBound && $0.from <= time.upperBound }.count
    }

    /// The time in which the shim of an instance lived: it began some time after the last instance did, and was gone before the next.
    private static func lifetime(of count: Int, _ lives: [OracleInstance]) -> ClosedRange<Int64> {
        let before = lives.last { $0.restartCount < count }?.startedAt ?? .min
        let after = lives.first { $0.restartCount > count }?.startedAt ?? .max
        return min(before, after)...max(before, after)
    }
}
