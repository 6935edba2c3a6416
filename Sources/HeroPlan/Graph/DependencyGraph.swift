public import HeroModel

/// Who waits for whom, by name.
///
/// Everything is found without recursion and in time linear in nodes and edges, and twice asked is twice the same.
public struct DependencyGraph: Sendable {
    /// One thing that waits for another.
    public struct Edge: Hashable, Sendable {
        /// The one that waits.
        public var dependent: QualifiedName
        /// The one it waits for.
        public var dependency: QualifiedName

        /// Makes an edge.
        public init(_ dependent: QualifiedName, on dependency: QualifiedName) {
            self.dependent = dependent
            self.dependency = dependency
        }
    }

    /// The nodes, sorted, each once.
    public let nodes: [QualifiedName]
    private let indexByName: [QualifiedName: Int]
    private let edges: [IndexEdge]

    /// Makes a graph; an edge with an end that is no node is left out.
    public init(nodes: some Sequence<QualifiedName>, edges: some Sequence<Edge>) {
        self.nodes = Set(nodes).sorted()
        var numbers: [QualifiedName: Int] = [:]
        for (number, node) in self.nodes.enumerated() { numbers[node] = number }
        self.indexByName = numbers
        let known = edges.compactMap { edge -> IndexEdge? in
            guard let dependent = numbers[edge.dependent], let dependency = numbers[edge.dependency] else { return nil }
            return IndexEdge(dependent: Int32(dependent), dependency: Int32(dependency))
        }
        self.edges = known.sorted { ($0.dependent, $0.dependency) < ($1.dependent, $1.dependency) }
    }

    /// Makes the graph of what is declared: one edge for every requirement, and one for every mere order if asked for.
    public init(_ desired: DesiredState, includingOrder: Bool = false) {
        self.init(
            nodes: desired.services.keys,
            edges: desired.services.flatMap { name, declared in
                let order = includingOrder ? declared.spec.after + declared.spec.wants : []
                return (declared.spec.requires + order).map { Edge(name, on: $0) }
            }
        )
    }

    /// The nodes in the earliest wave each can be in, what is waited for before what waits; sorted inside a wave.
    ///
    /// Where there are cycles, an edge inside one that leads from a lower name to a higher one is left out.
    public var waves: [[QualifiedName]] {
        DependencyLevels(count: nodes.count, hard: edges).waves.map { wave in wave.map { nodes[$0] } }
    }

    /// All that wait for any of these, directly or not, sorted; never one of these themselves.
    public func transitiveDependents(of names: some Sequence<QualifiedName>) -> [QualifiedName] {
        let dependents = IndexGraph(count: nodes.count, edges: edges, reversed: true)
        let roots = names.compactMap { indexByName[$0] }
        var isReached = [Bool](repeating: false, count: nodes.count)
        for root in roots { isReached[root] = true }
        var pending = roots
        while let node = pending.popLast() {
            for dependent in dependents.neighbors(node) where !isReached[Int(dependent)] {
                isReached[Int(dependent)] = true
                pending.append(Int(dependent))
            }
        }
        for root in roots { isReached[root] = false }
        return nodes.indices.filter { isReached[$0] }.map { nodes[$0] }
    }

    /// A cycle, if there is one: each waits for the next, and the last is the first again.
    ///
    /// It is a shortest one through the lowest name that is on any.
    public var cycle: [QualifiedName]? {
        let graph = IndexGraph(count: nodes.count, edges: edges)
        let component = graph.stronglyConnectedComponents()
        var sizes = [Int](repeating: 0, count: nodes.count)
        for number in component { sizes[Int(number)] += 1 }
        let start = nodes.indices.first { sizes[Int(component[$0])] > 1 || graph.neighbors($0).contains(Int32($0)) }
        guard let start else { return nil }
        var cameFrom = [Int](repeating: -1, count: nodes.count)
        var pending = [start]
        var position = 0
        while position < pending.count {
            let node = pending[position]
            position += 1
            for target in graph.neighbors(node) {
                let next = Int(target)
                if next == start {
                    var path = [start]
                    var step = node
                    while step != start {
                        path.append(step)
                        step = cameFrom[step]
                    }
                    return ([start] + path.reversed()).map { nodes[$0] }
                }
                guard cameFrom[next] < 0, component[next] == component[start] else { continue }
                cameFrom[next] = node
                pending.append(next)
            }
        }
        return nil
    }
}
