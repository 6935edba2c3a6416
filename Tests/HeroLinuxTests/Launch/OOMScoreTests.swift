import CHeroRecord
import Glibc
import HeroKernel
import HeroModel
import TestSupport
import Testing

@testable import HeroLinux

/// The scores of programs that a reconciler starts; the end-to-end tests check the real scores.
@Suite("Out-of-memory scores (OM-2)") struct OOMScoreTests {
    @Test(
        "Programs start with score 0 or the higher score of heroproc",
        arguments: [
            (0, -900, 0), (0, 0, nil), (400, -900, 400), (400, 400, nil), (-500, -900, 0), (-500, -500, 0),
            (-1000, -1000, 0), (1000, 1000, nil),
        ] as [(Int, Int, Int?)]
    )
    func rule(_ before: Int, _ now: Int, _ expected: Int?) {
        #expect(OOMScore.programScore(startedWith: before, now: now) == expected)
    }

    @Test("The spec has the default score unless the manifest sets another")
    func spec() throws {
        var context = ShimSpecEncoder.Context(
            paths: RuntimePaths(state: "/state", uid: 0, environment: [:]),
            machine: ProcessTable.currentMachine,
            softOpenFiles: 0
        )
        func rights(_ score: Int?) throws -> hero_rights {
            let sandbox = try Sandbox()
            var request = sandbox.request(1, ["/bin/true"])
            request.rights.oomScoreAdjustment = score
            var encoder = ShimSpecEncoder()
            try encoder.encode(try ResolvedLaunch(request, as: nil), context)
            return encoder.bytes.withUnsafeBytes { $0.loadUnaligned(as: hero_spec.self) }.rights
        }
        #expect(try rights(nil).sets_oom_score == 0)
        context.oomScore.ofPrograms = 300
        #expect(try rights(nil).sets_oom_score == 1)
        #expect(try rights(nil).oom_score == 300)
        #expect(try rights(-7).oom_score == -7)
    }

    @Test("A probe command runs with the score of its programs")
    func command() throws {
        var score = OOMScore()
        // Every process may raise its score, but not lower it.
        score.ofPrograms = 900
        let request = ProbeRequest(
            start: StartID(job: 1, generation: 1),
            serial: 1,
            question: .probe(.exec([])),
            timeout: .seconds(20),
            environment: [],
            workingDirectory: "/"
        )
        let arguments = ["/bin/sh", "-c", "read score < /proc/self/oom_score_adj; echo $score >&2; exit 3"]
        let command = try CommandProbe(request, arguments, as: nil, score) { _ in false }
        var result: ProbeResult?
        #expect(
            waitUntil {
                result = command.reap()
                return result != nil
            }
        )
        #expect(result == .failed("`/bin/sh` ended with exit code 3: 900"))
    }
}
