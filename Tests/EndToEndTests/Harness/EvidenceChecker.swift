import Glibc
import HeroModel

/// Checks torture tests: compares three independent sources.
///
/// heroproc's own report is only one of the sources. A status or a line may be missing only as the failure matrix
/// allows: each shim killed by the test excuses exactly one instance that it may have held.
struct EvidenceChecker: Sendable {
    /// The kinds of violations.
    enum ViolationKind: String, Sendable, CaseIterable {
        /// An instance found the lock taken, or started before the end of the previous one (I1).
        case duplicate
        /// A restart count that does not rise with each instance (I6).
        case wrongRestartCount = "restart count"
        /// An executed program without a recorded start or without a recorded end (I2).
        case unrecorded
        /// A start recorded as executed without an instance.
        case neverRan
        /// A lost status although its shim was running (I2).
        case lostStatus
        /// A recorded status that differs from the actual one (I2).
        case inventedStatus
        /// An instance that was killed although its shim was running.
        case unexpectedKill
        /// A written line that is in no log (I9).
        case lostLine = "lost line"
        /// Lines of one instance in the wrong order, or twice.
        case lineOrder = "line order"
        /// A line in a log that no instance wrote.
        case unknownLine = "unknown line"
        /// A dependent that started before its requirement was ready, or ran after the stop of it (I7).
        case wrongOrder
        /// A dead process reported as running (OB-2).
        case staleStatus = "stale status"
    }

    /// A violation with its details.
    struct Finding: Sendable, CustomStringConvertible {
        var kind: ViolationKind
        var text: String
        var description: String { "\(kind.rawValue): \(text)" }
    }

    private(set) var findings: [Finding] = []
    private(set) var instanceCount = 0
    private(set) var lineCount = 0
    /// Lost statuses that the failure matrix allows.
    private(set) var allowedLostStatusCount = 0
    /// Lost lines that the failure matrix allows.
    private(set) var allowedLostLineCount = 0

    func count(_ kind: ViolationKind) -> Int { findings.filter { $0.kind == kind }.count }

    /// Adds a finding; other parts of a test add theirs here, too.
    mutating func addFinding(_ kind: ViolationKind, _ text: String) {
        findings.append(Finding(kind: kind, text: text))
    }

    // MARK: One job

    mutating func check(_ evidence: JobEvidence) {
        instanceCount += evidence.instances.count
        checkSuccession(evidence)
        var allowedLosses = AllowedLosses(evidence)
        let instances = Dictionary(
            evidence.instances.map { ($0.restartCount, $0) },
            uniquingKeysWith: { first, _ in first }
        )
        for (count, start) in evidence.starts.enumerated() {
            guard let instance = instances[count] else {
                checkStartWithoutInstance(start, count, evidence, &allowedLosses)
                continue
            }
            checkStart(start, instance, evidence, &allowedLosses)
        }
        for instance in evidence.instances
        where instance.restartCount < 0 || instance.restartCount >= evidence.starts.count {
            addFinding(.unrecorded, "\(evidence.label): no recorded start for \(instance)")
        }
        checkLines(evidence)
    }

    /// Instances follow each other, and each has its own restart count.
    private mutating func checkSuccession(_ evidence: JobEvidence) {
        for (instance, next) in zip(evidence.instances, evidence.instances.dropFirst()) {
            if let ended = instance.endedAt, ended > next.startedAt {
                addFinding(.duplicate, "\(evidence.label): \(next.pid) started before the end of \(instance.pid)")
            }
            if next.restartCount <= instance.restartCount {
                addFinding(
                    .wrongRestartCount,
                    "\(evidence.label): \(next.restartCount) after \(instance.restartCount), pid \(next.pid)"
                )
            }
        }
    }

    private mutating func checkStart(
        _ start: RecordedHistory.Start,
        _ instance: OracleInstance,
        _ evidence: JobEvidence,
        _ allowedLosses: inout AllowedLosses
    ) {
        let text =
            "\(evidence.label): start \(start.generation), \(instance): recorded as \(start.outcome.map { "\($0)" } ?? "-")"
        switch (start.outcome, instance.end) {
        case (.exited(let code), .exit(let recorded)) where code == recorded: return
        case (.signaled(let signal, coreDumped: _), .crash(let recorded)) where signal.number == recorded: return
        case (.lost, _):
            if allowedLosses.useShimKill(for: instance.restartCount) {
                allowedLostStatusCount += 1
            } else {
                addFinding(.lostStatus, text)
            }
        case (.signaled(let signal, coreDumped: _), nil) where signal.number == SIGKILL,
            // It was killed during its exit, after it had recorded the end.
            (.signaled(let signal, coreDumped: _), .exit) where signal.number == SIGKILL:
            if !allowedLosses.useShimKill(for: instance.restartCount) { addFinding(.unexpectedKill, text) }
        case (nil, _): addFinding(.unrecorded, text)
        case (.exited, _), (.signaled, _), (.outOfMemory, _), (.startFailed, _): addFinding(.inventedStatus, text)
        }
    }

    /// A program killed between its exec and its first instruction has a start and no instance.
    private mutating func checkStartWithoutInstance(
        _ start: RecordedHistory.Start,
        _ count: Int,
        _ evidence: JobEvidence,
        _ allowedLosses: inout AllowedLosses
    ) {
        let text = "\(evidence.label): start \(start.generation): recorded as \(start.outcome.map { "\($0)" } ?? "-")"
        switch start.outcome {
        // A stop signal may arrive before the program handles signals.
        case .signaled(let signal, coreDumped: _) where signal.number == SIGTERM: return
        case .signaled, .lost: if !allowedLosses.useShimKill(for: count) { addFinding(.neverRan, text) }
        case nil: addFinding(.unrecorded, text)
        case .exited, .outOfMemory, .startFailed: addFinding(.neverRan, text)
        }
    }

    private mutating func checkLines(_ evidence: JobEvidence) {
        for instance in evidence.instances {
            let found = evidence.lines[instance.restartCount] ?? []
            let isBeginning = found == Array(stride(from: 1, through: found.count, by: 1))
            let text = "\(evidence.label), \(instance): \(found.count) lines"
            lineCount += found.count
            let kills = AllowedLosses.shimKillCount(on: instance.restartCount, evidence)
            if !isBeginning, kills > 0, Self.gapCount(found).map({ $0 <= kills }) ?? false {
                allowedLostLineCount += max(0, (instance.lineCount ?? found.last ?? 0) - found.count)
                continue
            }
            guard isBeginning else {
                let isComplete =
                    Set(found) == Set(stride(from: 1, through: instance.lineCount ?? found.max() ?? 0, by: 1))
                addFinding(isComplete ? .lineOrder : .lostLine, text)
                continue
            }
            guard let written = instance.lineCount, written != found.count else { continue }
            if written > found.count, kills > 0 {
                allowedLostLineCount += written - found.count
            } else {
                addFinding(written > found.count ? .lostLine : .unknownLine, text)
            }
        }
        let counts = Set(evidence.instances.map(\.restartCount))
        for (count, found) in evidence.lines where !counts.contains(count) {
            addFinding(
                .unknownLine,
                "\(evidence.label): \(found.count) lines of restart \(count), which has no instance"
            )
        }
    }

    /// The number of gaps in the line numbers before the last one; nil if the numbers do not rise.
    ///
    /// A killed shim loses the lines that it has read and not stored. The program writes the next lines after the gap.
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

    /// A dependent starts only when its requirement is ready, and ends before the requirement is stopped.
    ///
    /// This holds only for services that no fault kills. A restart after a crash does not cascade.
    mutating func checkOrder(
        of dependent: String,
        _ instances: [OracleInstance],
        requiring name: String,
        _ requirements: [OracleInstance]
    ) {
        for instance in instances {
            let requirementRan = requirements.contains { requirement in
                guard let readyAt = requirement.listeningAt, readyAt <= instance.startedAt else { return false }
                return requirement.endedAt.map { $0 >= instance.startedAt } ?? true
            }
            if !requirementRan {
                addFinding(.wrongOrder, "\(dependent) \(instance) started while \(name) was not ready")
            }
            for requirement in requirements {
                guard let stopRequestedAt = requirement.stopRequestedAt, requirement.startedAt <= instance.startedAt,
                    stopRequestedAt >= instance.startedAt
                else {
                    continue
                }
                if instance.endedAt.map({ $0 > stopRequestedAt }) ?? true {
                    addFinding(
                        .wrongOrder,
                        "\(name) \(requirement) was stopped while \(dependent) \(instance) ran"
                    )
                }
            }
        }
    }
}

/// The instances of a job whose shim the test may have killed.
///
/// Each kill excuses one instance.
private struct AllowedLosses {
    private var shimKills: [ShimKill]
    private let instances: [OracleInstance]

    init(_ evidence: JobEvidence) {
        shimKills = evidence.shimKills
        instances = evidence.instances
    }

    /// Uses a kill during the lifetime of an instance; false if there is none.
    mutating func useShimKill(for count: Int) -> Bool {
        let time = Self.lifetime(of: count, instances)
        guard let index = shimKills.firstIndex(where: { $0.to >= time.lowerBound && $0.from <= time.upperBound }) else {
            return false
        }
        shimKills.remove(at: index)
        return true
    }

    /// The number of kills during the lifetime of an instance.
    static func shimKillCount(on count: Int, _ evidence: JobEvidence) -> Int {
        let time = Self.lifetime(of: count, evidence.instances)
        return evidence.shimKills.filter { $0.to >= time.lowerBound && $0.from <= time.upperBound }.count
    }

    /// The lifetime of the shim of an instance: after the start of the previous instance and before the start of the
    /// next.
    private static func lifetime(of count: Int, _ instances: [OracleInstance]) -> ClosedRange<Int64> {
        let before = instances.last { $0.restartCount < count }?.startedAt ?? .min
        let after = instances.first { $0.restartCount > count }?.startedAt ?? .max
        return min(before, after)...max(before, after)
    }
}
