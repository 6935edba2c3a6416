import Glibc
import HeroModel
import Testing

/// Tests the checker with made-up evidence that has one violation each.
@Suite("The evidence checker")
struct EvidenceCheckerTests {
    /// Three correct instances.
    private static let good = JobEvidence(
        label: "job 7",
        instances: [
            instance(0, 100...200, .exit(code: 3)), instance(1, 300...400, .crash(signal: 11)),
            instance(2, 500...600, .exit(code: 0)),
        ],
        starts: [
            start(1, .exited(3)), start(2, .signaled(Signal(number: 11), coreDumped: true)), start(4, .exited(0)),
        ],
        lines: [0: [1, 2], 1: [1, 2], 2: [1, 2]]
    )

    private static func instance(_ restarts: Int, _ time: ClosedRange<Int64>, _ end: OracleInstance.End?)
        -> OracleInstance
    {
        OracleInstance(
            pid: pid_t(1000 + restarts),
            job: 7,
            restartCount: restarts,
            startedAt: time.lowerBound,
            endedAt: end == nil ? nil : time.upperBound,
            end: end,
            lineCount: end == nil ? nil : 2
        )
    }

    private static func start(_ generation: Int, _ outcome: Outcome?) -> RecordedHistory.Start {
        RecordedHistory.Start(generation: generation, wasExecuted: true, outcome: outcome)
    }

    private func violations(_ change: (inout JobEvidence) -> Void) -> [EvidenceChecker.ViolationKind] {
        var evidence = Self.good
        change(&evidence)
        var checker = EvidenceChecker()
        checker.check(evidence)
        return checker.findings.map(\.kind)
    }

    @Test("Correct evidence has no violation")
    func good() {
        var checker = EvidenceChecker()
        checker.check(Self.good)
        #expect(checker.findings.isEmpty && checker.instanceCount == 3 && checker.lineCount == 6)
        #expect(checker.allowedLostStatusCount == 0 && checker.allowedLostLineCount == 0)
    }

    @Test("A second instance before the end of the first is detected (I1)")
    func duplicate() {
        #expect(violations { $0.instances[1] = Self.instance(1, 150...400, .crash(signal: 11)) } == [.duplicate])
    }

    @Test("A restart count that does not rise is detected (I6)")
    func restartCount() {
        #expect(
            violations { $0.instances[2] = Self.instance(0, 500...600, .exit(code: 0)) }.contains(.wrongRestartCount)
        )
        #expect(violations { $0.instances.swapAt(1, 2) }.contains(.wrongRestartCount))
    }

    @Test("A start without a record or without an end is detected (I2)")
    func unrecorded() {
        #expect(violations { $0.starts.removeLast() } == [.unrecorded])
        #expect(violations { $0.starts[1].outcome = nil } == [.unrecorded])
    }

    @Test("A recorded end that no instance had is detected (I2)")
    func invented() {
        for outcome in [Outcome.exited(0), .exited(4), .outOfMemory, .signaled(Signal(number: 9), coreDumped: false)] {
            #expect(violations { $0.starts[1].outcome = outcome } == [.inventedStatus], "\(outcome)")
        }
        // A killed instance has no exit code.
        #expect(violations { $0.instances[2] = Self.instance(2, 500...600, nil) } == [.inventedStatus])
        #expect(violations { $0.starts.append(Self.start(5, .exited(0))) } == [.neverRan])
    }

    @Test("A lost status is detected unless its shim was killed (I2)")
    func lost() {
        let loseStatus: (inout JobEvidence) -> Void = { $0.starts[1].outcome = .lost("the shim was killed") }
        #expect(violations(loseStatus) == [.lostStatus])
        #expect(
            violations {
                loseStatus(&$0); $0.shimKills = [ShimKill(job: 7, from: 350, to: 351)]
            } == []
        )
        #expect(
            violations {
                loseStatus(&$0); $0.shimKills = [ShimKill(job: 7, from: 50, to: 51)]
            } == [.lostStatus]
        )
        #expect(
            violations {
                loseStatus(&$0); $0.shimKills = [ShimKill(job: 7, from: 550, to: 551)]
            } == [.lostStatus]
        )
        #expect(
            violations {
                loseStatus(&$0)
                $0.starts[2].outcome = .lost("the shim was killed")
                $0.shimKills = [ShimKill(job: 7, from: 350, to: 351)]
            } == [.lostStatus]
        )
    }

    @Test("An unexpected kill of an instance with a running shim is detected")
    func killed() {
        let killed = Outcome.signaled(Signal(number: 9), coreDumped: false)
        #expect(
            violations {
                $0.instances[2] = Self.instance(2, 500...600, nil); $0.starts[2].outcome = killed
            } == [.unexpectedKill]
        )
        #expect(
            violations {
                $0.instances[2] = Self.instance(2, 500...600, nil)
                $0.starts[2].outcome = killed
                $0.shimKills = [ShimKill(job: 7, from: 550, to: 551)]
            } == []
        )
    }

    @Test("Missing, repeated, reordered and foreign log lines are detected (I9)")
    func lines() {
        #expect(violations { $0.lines[1] = [2] } == [.lostLine])
        #expect(violations { $0.lines[1] = [1] } == [.lostLine])
        #expect(violations { $0.lines[1] = nil } == [.lostLine])
        #expect(violations { $0.lines[1] = [2, 1] } == [.lineOrder])
        #expect(violations { $0.lines[1] = [1, 2, 2] } == [.lineOrder])
        #expect(violations { $0.lines[1] = [1, 2, 3] } == [.unknownLine])
        #expect(violations { $0.lines[9] = [1] } == [.unknownLine])
        // Lines held by a killed shim may be missing. No other lines may.
        let hit = [ShimKill(job: 7, from: 350, to: 351)]
        #expect(
            violations {
                $0.lines[1] = [1]; $0.shimKills = hit
            } == []
        )
        #expect(
            violations {
                $0.lines[1] = [2]; $0.shimKills = hit
            } == []
        )
        for found in [[2, 4, 6], [1, 3, 4, 6], [2, 1], [1, 1]] {
            let isLost = Set(found) != [1, 2]
            #expect(
                violations {
                    $0.instances[1].lineCount = isLost ? 6 : 2
                    ($0.lines[1], $0.shimKills) = (found, hit)
                } == [isLost ? .lostLine : .lineOrder],
                "\(found)"
            )
        }
    }

    @Test("A torn or changed log line is rejected (I9)")
    func tornLine() {
        let line = "2026-11-21T19:00:00.000000001Z stdout F line 7 0 1 abc 6fa4cec2"
        #expect(OracleLine(line[...]) == nil, "a wrong checksum is rejected")
        let body = "line 7 0 1 abc"
        let hash = body.utf8.reduce(UInt32(2_166_136_261)) { ($0 ^ UInt32($1)) &* 16_777_619 }
        let digits = String(hash, radix: 16)
        let sum = String(repeating: "0", count: 8 - digits.count) + digits
        let whole = "2026-11-21T19:00:00.000000001Z stdout F \(body) \(sum)"
        #expect(OracleLine(whole[...])?.number == 1)
        #expect(OracleLine(whole.dropLast(3)) == nil)
        #expect(OracleLine(whole.replacing("abc", with: "abd")[...]) == nil)
        #expect(OracleLine(whole.replacing(" F ", with: " P ")[...]) == nil)
    }

    @Test("A dependent that runs without its requirement is detected (I7)")
    func order() {
        func violations(_ dependent: ClosedRange<Int64>, listeningAt: Int64? = 150, stopRequestedAt: Int64? = 500)
            -> [EvidenceChecker
            .ViolationKind]
        {
            var requirement = Self.instance(0, 100...600, .exit(code: 0))
            (requirement.listeningAt, requirement.stopRequestedAt) = (listeningAt, stopRequestedAt)
            var checker = EvidenceChecker()
            checker.checkOrder(of: "web", [Self.instance(0, dependent, .exit(code: 0))], requiring: "db", [requirement])
            return checker.findings.map(\.kind)
        }
        #expect(violations(200...400) == [])
        #expect(violations(120...400) == [.wrongOrder])
        #expect(violations(50...400) == [.wrongOrder])
        #expect(violations(200...400, listeningAt: nil) == [.wrongOrder])
        #expect(violations(200...550) == [.wrongOrder])
        #expect(violations(700...800) == [.wrongOrder])
    }
}
