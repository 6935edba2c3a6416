import HeroSimulation
import Testing

@Suite("On machines of misfortune")
struct SimulationTests {
    @Test("all laws hold, whatever is killed when (CR-2, I1, I2, I5, I6, I7)", arguments: 0..<8)
    func invariantsHold(block: Int) {
        for seed in (block * 15 + 1)...(block * 15 + 15) {
            let verdict = SimulationRun.run(seed: UInt64(seed))
            #expect(verdict.violations.isEmpty, "seed \(seed): replay it with `hpsim --seed \(seed) --verbose`")
        }
    }

    @Test("a seed replays exactly")
    func replays() {
        var first: [String] = []
        var second: [String] = []
        _ = SimulationRun.run(seed: 42) { first.append($0) }
        _ = SimulationRun.run(seed: 42) { second.append($0) }
        #expect(!first.isEmpty)
        #expect(first == second)
    }
}
