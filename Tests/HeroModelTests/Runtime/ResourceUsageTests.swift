import HeroModel
import Testing

@Suite("Resources of processes")
struct ResourceUsageTests {
    @Test("A sum with an unknown number is unknown, and never too small")
    func sumsNumbers() {
        let known = ResourceUsage(cpuMicroseconds: 1, memory: 2, processes: 3, threads: 4, descriptors: 5)
        var partlyKnown = known
        partlyKnown.memory = nil
        let sum = known + partlyKnown
        #expect(sum == ResourceUsage(cpuMicroseconds: 2, memory: nil, processes: 6, threads: 8, descriptors: 10))
        #expect(known + .none == known)
        #expect(known + .unknown == .unknown)
    }

    @Test("A sum that exceeds 64 bits is the largest number")
    func saturates() {
        var huge = ResourceUsage.none
        huge.memory = .max
        #expect((huge + huge).memory == .max)
    }
}
