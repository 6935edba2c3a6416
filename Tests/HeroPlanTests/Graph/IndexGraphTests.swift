import Testing

@testable import HeroPlan

@Suite("The dependency graph")
struct IndexGraphTests {
    /// The nodes and edges of a text; `a>b` means that a waits for b.
    private struct Edges {
        let nodes: [String]
        let edges: [IndexEdge]

        init(_ text: String) {
            let pairs = text.split(separator: " ").map { $0.split(separator: ">").map(String.init) }
            let nodes = Set(pairs.joined()).sorted()
            let index = Dictionary(uniqueKeysWithValues: nodes.enumerated().map { ($1, Int32($0)) })
            self.nodes = nodes
            edges = pairs.compactMap { pair in
                guard pair.count == 2, let dependent = index[pair[0]], let dependency = index[pair[1]] else {
                    return nil
                }
                return IndexEdge(dependent: dependent, dependency: dependency)
            }
        }

        func names(_ indices: some Sequence<Int>) -> String { indices.map { nodes[$0] }.joined(separator: " ") }
    }

    private func waves(_ hard: String, _ soft: String = "") -> (text: String, hasBrokenCycles: Bool) {
        let all = Edges(hard + " " + soft)
        let hardEdges = all.edges.prefix(Edges(hard).edges.count)
        let levels = DependencyLevels(
            count: all.nodes.count,
            hard: Array(hardEdges),
            soft: Array(all.edges.dropFirst(hardEdges.count))
        )
        return (levels.waves.map(all.names).joined(separator: "|"), levels.hasBrokenCycles)
    }

    @Test(
        "Each node is in the earliest wave that its dependencies allow",
        arguments: [
            ("", ""), ("a", "a"), ("a>b", "b|a"), ("a>b b>c", "c|b|a"), ("a>b a>c b>d c>d", "d|b c|a"),
            ("a>b x", "b x|a"), ("a>b a>b", "b|a"), ("a>c a>b b>c", "c|b|a"), ("c>b b>a d>a", "a|b d|c"),
        ]
    )
    func earliestWaves(_ edges: String, _ expected: String) {
        let found = waves(edges)
        #expect(found.text == expected)
        #expect(!found.hasBrokenCycles)
    }

    @Test(
        "Cycles are broken deterministically, and every other order is kept",
        arguments: [("a>b b>a", "a|b"), ("a>a", "a"), ("x>a a>b b>a b>y", "a y|b x"), ("b>c c>b a>b", "b|a c")]
    )
    func brokenCycles(_ edges: String, _ expected: String) {
        let found = waves(edges)
        #expect(found.text == expected)
        #expect(found.hasBrokenCycles)
    }

    @Test(
        "A soft edge orders nodes unless it closes a cycle",
        arguments: [("a>b", "b>c", "c|b|a"), ("a>b", "b>a", "b|a"), ("b>a", "a>b", "a|b")]
    )
    func softEdges(_ hard: String, _ soft: String, _ expected: String) {
        #expect(waves(hard, soft).text == expected)
    }

    @Test(
        "Mutually reachable nodes form one strongly connected component",
        arguments: [
            ("a>b", "a|b"), ("a>b b>a", "a b"), ("x>c c>b b>c", "b c|x"), ("a>b b>c c>a d>a", "a b c|d"),
            ("p>q q>r r>s s>q", "p|q r s"), ("a>b b>a c>d d>c b>c", "a b|c d"),
        ]
    )
    func components(_ text: String, _ expected: String) {
        let edges = Edges(text)
        let component = IndexGraph(count: edges.nodes.count, edges: edges.edges).stronglyConnectedComponents()
        let groups = Dictionary(grouping: edges.nodes.indices) { component[$0] }.values
        #expect(groups.map(edges.names).sorted().joined(separator: "|") == expected)
    }

    @Test("A reversed graph leads from a node to its dependents")
    func reversed() {
        let edges = Edges("a>b b>c d>c e>f c>c")
        let graph = IndexGraph(count: edges.nodes.count, edges: edges.edges, reversed: true)
        #expect(edges.names(graph.neighbors(2).map(Int.init)) == "b d c")
        #expect(edges.names(graph.neighbors(5).map(Int.init)) == "e")
    }

    @Test("A deep graph needs no recursion")
    func deep() {
        let count = 20_000
        let chain = (1..<Int32(count)).map { IndexEdge(dependent: $0, dependency: $0 - 1) }
        #expect(DependencyLevels(count: count, hard: chain).waves.count == count)
        #expect(Set(IndexGraph(count: count, edges: chain).stronglyConnectedComponents()).count == count)
        let ring = chain + [IndexEdge(dependent: 0, dependency: Int32(count - 1))]
        #expect(Set(IndexGraph(count: count, edges: ring).stronglyConnectedComponents()).count == 1)
        #expect(DependencyLevels(count: count, hard: ring).waves.count == count)
    }
}
