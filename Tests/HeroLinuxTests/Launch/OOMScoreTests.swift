import CHeroRecord
import Glibc
import HeroKernel
import HeroModel
import Testing

@testable import HeroLinux

/// How readily the kernel ends what a reconciler starts when memory runs out; the scores themselves are looked at end to end.
@Suite("OM-2: what programs begin with") struct OOMScoreTests {
    @Test(
        "0, or what heroproc was started with where that is more, whatever the reconciler has made of itself",
        arguments: [
            (0, -900, 0), (0, 0, nil), (400, -900, 400), (400, 400, nil), (-500, -900, 0), (-500, -500, 0),
            (-1000, -1000, 0), (1000, 1000, nil),
        ] as [(Int, Int, Int?)]
    )
    func rule(_ before: Int, _ now: Int, _ expected: Int?) {
        #expect(OOMScore.programScore(startedWith: before, now: now) == expected)
    }

    @Test("a program is told so in its spec; what its manifest says is stronger")
    func spec() throws {
        var place = ShimSpecEncoder.Context(
            paths: RuntimePaths(state: "/state", uid: 0, environment: [:]),
            machine: ProcessTable.currentMachine,
            softOpenFiles: 0
        )
        func rights(_ score: Int?) throws -> hero_rights {
            let sandbox = try Sandbox()
            var order = sandbox.request(1, ["/bin/true"])
            order.rights.oomScoreAdjustment = score
            var blob = ShimSpecEncoder()
            try blob.encode(try ResolvedLaunch(order, as: nil), place)
            return blob.bytes.withUnsafeBytes { $0.loadUnaligned(as: hero_spec.self) }.rights
        }
        #expect(try rights(nil).sets_oom_score == 0)
        place.oomScore.ofPrograms = 300
        #expect(try rights(nil).sets_oom_score == 1)
        #expect(try rights(nil).oom_score == 300)
        #expect(try rights(-7).oom_score == -7)
    }

    @Test("the command of a probe has it")
    func command() throws {
        var score = OOMScore()
        // Nobody may make itself less ready to go; readier everybody.
        score.ofPrograms = 900
        let order = ProbeRequest(
            start: StartID(job: 1, generation: 1),
            serial: 1,
            question: .probe(.exec([])),
            timeout: .seconds(20),
            environment: [],
            workingDirectory: "/"
        )
        let words = ["/bin/sh", "-c", "read score < /proc/self/oom_score_adj; echo $score >&2; exit 3"]
        let command = try CommandProbe(order, words, as: nil, score) { _ in false }
        var answer: ProbeResult?
        #expect(
            eventually {
                answer = command.reap()
                return answer != nil
            }
        )
        #expect(answer == .failed("`/bin/sh` ended with exit code 3: 900"))
    }
}
