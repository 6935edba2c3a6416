import Glibc
import HeroModel
import Testing

/// A judge that has never found anything proves nothing: made-up books, each with one thing wrong, and what must be found.
@Suite("The judge")
struct EvidenceCheckerTests {
    /// Three instances that are all in order.
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
        var verdict = EvidenceChecker()
        verdict.check(evidence)
        return verdict.findings.map(\.kind)
    }

    @Test("what is in order is good")
    func good() {
        var verdict = EvidenceChecker()
        verdict.check(Self.good)
        #expect(verdict.findings.isEmpty && verdict.instanceCount == 3 && verdict.lineCount == 6)
        #expect(verdict.allowedLostStatusCount == 0 && verdict.allowedLostLineCount == 0)
    }

    @Test("I1: a second instance that begins before the first has ended is found")
    func duplicate() {
        #expect(violations { $0.instances[1] = Self.instance(1, 150...400, .crash(signal: 11)) } == [.duplicate])
    }

    @Test("I6: a restart count that falls, or stands still, is found")
    func restartCount() {
        #expect(
            violations { $0.instances[2] = Self.instance(0, 500...600, .exit(code: 0)) }.contains(.wrongRestartCount)
        )
        #expect(violations { $0.instances.swapAt(1, 2) }.contains(.wrongRestartCount))
    }

    @Test("I2: a start that is missing, and one that never ended, are found")
    func unrecorded() {
        #expect(violations { $0.starts.removeLast() } == [.unrecorded])
        #expect(violations { $0.starts[1].outcome = nil } == [.unrecorded])
    }

    @Test("I2: an end that no instance ever had is found, whatever it says")
    func invented() {
        for outcome in [Outcome.exited(0), .exited(4), .outOfMemory, .signaled(Signal(number: 9), coreDumped: false)] {
            #expect(violations { $0.starts[1].outcome = outcome } == [.inventedStatus], "\(outcome)")
        }
        // An instance that was killed cannot have left with a code.
        #expect(violations { $0.instances[2] = Self.instance(2, 500...600, nil) } == [.inventedStatus])
        #expect(violations { $0.starts.append(Self.start(5, .exited(0))) } == [.neverRan])
    }

    @Test("I2: a lost status is found, unless a shim was killed at that time; one killed shim excuses one instance")
    func lost() {
        let lose: (inout JobEvidence) -> Void = { $0.starts[1].outcome = .lost("the shim was killed") }
        #expect(violations(lose) == [.lostStatus])
        #expect(
            violations {
                lose(&$0); $0.shimKills = [ShimKill(job: 7, from: 350, to: 351)]
            } == []
        )
        #expect(
            violations {
                lose(&$0); $0.shimKills = [ShimKill(job: 7, from: 50, to: 51)]
            } == [.lostStatus]
        )
        #expect(
            violations {
                lose(&$0); $0.shimKills = [ShimKill(job: 7, from: 550, to: 551)]
            } == [.lostStatus]
        )
        #expect(
            violations {
                lose(&$0)
                $0.starts[2].outcome = .lost("the shim was killed")
                $0.shimKills = [ShimKill(job: 7, from: 350, to: 351)]
            } == [.lostStatus]
        )
    }

    @Test("an instance that is killed although its shim lives is found")
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

    @Test("I9: a line that is missing, twice, in the wrong order or of nobody is found")
    func lines() {
        #expect(violations { $0.lines[1] = [2] } == [.lostLine])
        #expect(violations { $0.lines[1] = [1] } == [.lostLine])
        #expect(violations { $0.lines[1] = nil } == [.lostLine])
        #expect(violations { $0.lines[1] = [2, 1] } == [.lineOrder])
        #expect(violations { $0.lines[1] = [1, 2, 2] } == [.lineOrder])
        #expect(violations { $0.lines[1] = [1, 2, 3] } == [.unknownLine])
        #expect(violations { $0.lines[9] = [1] } == [.unknownLine])
        // What a killed shim held in its hands may be gone, and what nobody came to read; nothing else is.
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

    @Test("I9: a line that is torn, or not as it was written, is no line of an oracle")
    func tornLine() {
        let line = "2026-11-21T19:00:00.000000001Z stdout F line 7 0 1 abc 6fa4cec2"
        #expect(OracleLine(line[...]) == nil, "its checksum is another one")
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

    @Test("I7: a dependent that is up before its requirement, or still when that is asked to end, is found")
    func order() {
        func faults(_ dependent: ClosedRange<Int64>, listened: Int64? = 150, asked: Int64? = 500) -> [EvidenceChecker
            .ViolationKind]
        {
            var requirement = Self.instance(0, 100...600, .exit(code: 0))
            (requirement.listeningAt, requirement.stopRequestedAt) = (listened, asked)
            var verdict = EvidenceChecker()
            verdict.checkOrder(of: "web", [Self.instance(0, dependent, .exit(code: 0))], requiring: "db", [requirement])
            return verdict.findings.map(\.kind)
        }
        #expect(faults(200...400) == [])
        #expect(faults(120...400) == [.wrongOrder])
        #expect(faults(50...400) == [.wrongOrder])
        #expect(faults(200...400, listened: nil) == [.wrongOrder])
        #expect(faults(200...550) == [.wrongOrder])
        #expect(faults(700...800) == [.wrongOrder])
    }
}
