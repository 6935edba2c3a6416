import HeroModel
import HeroPlan
import Testing

@Suite("The dependency graph")
struct DependencyGraphTests {
    /// `a>b` reads: a waits for b.
    private func graph(_ text: String) -> DependencyGraph {
        let edges = text.split(separator: " ").map { $0.split(separator: ">").map { QualifiedName(String($0)) } }
        return DependencyGraph(
            nodes: edges.joined(),
            edges: edges.filter { $0.count == 2 }.map { DependencyGraph.Edge($0[0], on: $0[1]) }
        )
    }

    private func short(_ names: [QualifiedName]) -> String { names.map(\.name).joined(separator: " ") }

    @Test(
        "puts each node into the earliest wave",
        arguments: [
            ("", ""), ("a", "a"), ("a>b", "b|a"), ("a>b b>c", "c|b|a"), ("a>b a>c b>d c>d", "d|b c|a"),
            ("a>b x", "b x|a"), ("a>b a>b", "b|a"), ("a>c a>b b>c", "c|b|a"), ("c>b b>a d>a", "a|b d|c"),
        ]
    )
    func waves(_ edges: String, _ waves: String) {
        #expect(graph(edges).waves.map(short).joined(separator: "|") == waves)
    }

    @Test(
        "DP-3: finds a shortest cycle through the lowest name on any",
        arguments: [
            ("a>b", nil), ("a>a", "a a"), ("a>b b>a", "a b a"), ("x>c c>b b>c", "b c b"),
            ("a>b b>c c>a", "a b c a"), ("a>b b>c c>d d>a b>a", "a b a"), ("p>q q>r r>s s>q", "q r s q"),
        ] as [(String, String?)]
    )
    func cycles(_ edges: String, _ cycle: String?) {
        #expect(graph(edges).cycle.map(short) == cycle)
    }

    @Test(
        "breaks cycles in a fixed way and keeps every other order",
        arguments: [("a>b b>a", "a|b"), ("a>a", "a"), ("x>a a>b b>a b>y", "a y|b x"), ("b>c c>b a>b", "b|a c")]
    )
    func brokenCycles(_ edges: String, _ waves: String) {
        #expect(graph(edges).waves.map(short).joined(separator: "|") == waves)
    }

    @Test("finds who waits for some, directly or not")
    func dependents() {
        let graph = graph("a>b b>c d>c e>f c>c")
        #expect(short(graph.transitiveDependents(of: [QualifiedName("c")])) == "a b d")
        #expect(short(graph.transitiveDependents(of: [QualifiedName("f"), QualifiedName("b")])) == "a e")
        #expect(graph.transitiveDependents(of: [QualifiedName("nobody")]) == [])
    }

    @Test("holds what is declared, with mere order when asked")
    func declared() {
        let world = PlanFixture("web requires db after log\ndb\nlog\nx wants web,gone")
        #expect(DependencyGraph(world.desired).waves.map(short) == ["db log x", "web"])
        #expect(DependencyGraph(world.desired, includingOrder: true).waves.map(short) == ["db log", "web", "x"])
    }

    @Test("goes as deep as it must without recursion")
    func deep() {
        let names = (0..<20_000).map { QualifiedName("s\(String($0 + 100_000))") }
        let edges = zip(names.dropFirst(), names).map { DependencyGraph.Edge($0, on: $1) }
        let chain = DependencyGraph(nodes: names, edges: edges)
        #expect(chain.waves.count == names.count)
        #expect(chain.cycle == nil)
        let ring = DependencyGraph(nodes: names, edges: edges + [DependencyGraph.Edge(names[0], on: names[19_999])])
        #expect(ring.cycle?.count == names.count + 1)
        #expect(ring.waves.count == names.count)
    }
}
