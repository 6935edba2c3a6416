import HeroModel

/// A set of services, each in the earliest wave that the dependencies inside the set allow.
struct Waves {
    /// The services of each wave, in ascending order.
    let waves: [[Int]]
    /// Whether dependencies were ignored because they form a cycle.
    let hasBrokenCycles: Bool

    /// Assigns the members to waves; with `reversed`, dependents come first.
    init(
        _ members: [Int],
        among indexByName: [QualifiedName: Int32],
        hard: (Int) -> [QualifiedName],
        soft: (Int) -> [QualifiedName],
        reversed: Bool = false
    ) {
        guard !members.isEmpty else {
            waves = []
            hasBrokenCycles = false
            return
        }
        var positions = [Int32](repeating: -1, count: indexByName.count)
        for (position, member) in members.enumerated() { positions[member] = Int32(position) }
        func edges(_ dependencies: (Int) -> [QualifiedName]) -> [IndexEdge] {
            var edges: [IndexEdge] = []
            for (position, member) in members.enumerated() {
                for name in dependencies(member) {
                    guard let number = indexByName[name], positions[Int(number)] >= 0 else { continue }
                    let (dependent, dependency) = (Int32(position), positions[Int(number)])
                    edges.append(
                        reversed
                            ? IndexEdge(dependent: dependency, dependency: dependent)
                            : IndexEdge(dependent: dependent, dependency: dependency)
                    )
                }
            }
            return edges
        }
        let levels = DependencyLevels(count: members.count, hard: edges(hard), soft: edges(soft))
        waves = levels.waves.map { wave in wave.map { members[$0] } }
        hasBrokenCycles = levels.hasBrokenCycles
    }

    /// Every member with the index of its wave.
    var waveNumbers: [(number: Int, wave: Int)] {
        waves.enumerated().flatMap { wave, members in members.map { ($0, wave) } }
    }
}
