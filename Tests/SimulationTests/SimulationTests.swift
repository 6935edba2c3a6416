import HeroSimulation
import Testing

@Suite("Simulations with injected faults")
struct SimulationTests {
    @Test("All invariants hold in simulations with faults (CR-2, I1, I2, I5, I6, I7)", arguments: 0..<8)
    func invariantsHold(block: Int) {
        for seed in (block * 15 + 1)...(block * 15 + 15) {
            let report = SimulationRun.run(seed: UInt64(seed))
            #expect(report.violations.isEmpty, "seed \(seed): replay it with `hpsim --seed \(seed) --verbose`")
        }
    }

    @Test("Two simulations of one seed are identical")
    func replays() {
        var first: [String] = []
        var second: [String] = []
        _ = SimulationRun.run(seed: 42) { first.append($0) }
        _ = SimulationRun.run(seed: 42) { second.append($0) }
        #expect(!first.isEmpty)
        #expect(first == second)
    }
}
