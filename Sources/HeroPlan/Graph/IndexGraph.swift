/// One thing that waits for another, both by number.
struct IndexEdge {
    /// The one that waits.
    var dependent: Int32
    /// The one it waits for.
    var dependency: Int32
}

/// A graph over the numbers `0..<count`, its rows packed side by side: no dictionary, no recursion, linear time.
struct IndexGraph {
    /// How many nodes there are.
    let count: Int
    private let offsets: [Int32]
    private let targets: [Int32]

    /// Packs edges; `turned` keeps, for each node, who waits for it rather than what it waits for.
    ///
    /// - Precondition: every edge's ends are in `0..<count`. Rows keep the order of the edges.
    init(count: Int, edges: [IndexEdge], reversed: Bool = false) {
        self.count = count
        var offsets = [Int32](repeating: 0, count: count + 1)
        for edge in edges { offsets[Int(reversed ? edge.dependency : edge.dependent) + 1] += 1 }
        for node in 0..<count { offsets[node + 1] += offsets[node] }
        var next = offsets
        var targets = [Int32](repeating: 0, count: edges.count)
        for edge in edges {
            let row = Int(reversed ? edge.dependency : edge.dependent)
            targets[Int(next[row])] = reversed ? edge.dependent : edge.dependency
            next[row] += 1
        }
        self.offsets = offsets
        self.targets = targets
    }

    /// The nodes a node points to.
    func neighbors(_ node: Int) -> ArraySlice<Int32> {
        targets[Int(offsets[node])..<Int(offsets[node + 1])]
    }

    /// The component of mutual reach each node belongs to (Tarjan 1972, with the stack made explicit).
    func stronglyConnectedComponents() -> [Int32] {
        var component = [Int32](repeating: -1, count: count)
        var found = [Int32](repeating: -1, count: count)
        var lowest = [Int32](repeating: 0, count: count)
        var cursor = offsets
        var path: [Int32] = []
        var open: [Int32] = []
        var clock: Int32 = 0
        var components: Int32 = 0
        for root in 0..<count where found[root] < 0 {
            path.append(Int32(root))
            while let top = path.last {
                let node = Int(top)
                if found[node] < 0 {
                    found[node] = clock
                    lowest[node] = clock
                    clock += 1
                    open.append(top)
                }
                if cursor[node] < offsets[node + 1] {
                    let next = Int(targets[Int(cursor[node])])
                    cursor[node] += 1
                    if found[next] < 0 {
                        path.append(Int32(next))
                    } else if component[next] < 0 {
                        lowest[node] = min(lowest[node], found[next])
                    }
                    continue
                }
                path.removeLast()
                if let parent = path.last { lowest[Int(parent)] = min(lowest[Int(parent)], lowest[node]) }
                guard lowest[node] == found[node] else { continue }
                while let member = open.popLast() {
                    component[Int(member)] = components
                    if member == top { break }
                }
                components += 1
            }
        }
        return component
    }
}

/// How deep each node lies: 0 waits for nobody, every other one more than the deepest it waits for.
struct DependencyLevels {
    /// The level of each node.
    let levels: [Int32]
    /// Whether edges had to be left out because they closed a cycle.
    let hasBrokenCycles: Bool

    /// Finds the levels.
    ///
    /// Cycles are broken in a fixed way: first the soft edges inside a cycle go, then of its hard ones those that
    /// lead from a lower number to a higher one. An edge that is on no cycle is always kept.
    init(count: Int, hard: [IndexEdge], soft: [IndexEdge] = []) {
        if let levels = Self.longestPaths(count: count, edges: hard + soft) {
            self.init(levels: levels, hasBrokenCycles: false)
            return
        }
        let wide = IndexGraph(count: count, edges: hard + soft).stronglyConnectedComponents()
        let kept = hard + soft.filter { wide[Int($0.dependent)] != wide[Int($0.dependency)] }
        let narrow = IndexGraph(count: count, edges: kept).stronglyConnectedComponents()
        let acyclic = kept.filter {
            narrow[Int($0.dependent)] != narrow[Int($0.dependency)] || $0.dependent > $0.dependency
        }
        let levels = Self.longestPaths(count: count, edges: acyclic)
        self.init(levels: levels ?? [Int32](repeating: 0, count: count), hasBrokenCycles: true)
    }

    private init(levels: [Int32], hasBrokenCycles: Bool) {
        self.levels = levels
        self.hasBrokenCycles = hasBrokenCycles
    }

    /// Level by level from those that wait for nobody (Kahn 1962); nil when some are never reached: a cycle.
    private static func longestPaths(count: Int, edges: [IndexEdge]) -> [Int32]? {
        let dependents = IndexGraph(count: count, edges: edges, reversed: true)
        var waits = [Int32](repeating: 0, count: count)
        for edge in edges { waits[Int(edge.dependent)] += 1 }
        var levels = [Int32](repeating: 0, count: count)
        var ready = (0..<count).filter { waits[$0] == 0 }
        var position = 0
        while position < ready.count {
            let node = ready[position]
            position += 1
            for dependent in dependents.neighbors(node) {
                let next = Int(dependent)
                levels[next] = max(levels[next], levels[node] + 1)
                waits[next] -= 1
                if waits[next] == 0 { ready.append(next) }
            }
        }
        return ready.count == count ? levels : nil
    }

    /// The nodes of each level, in ascending order.
    var waves: [[Int]] {
        var waves = [[Int]](repeating: [], count: levels.isEmpty ? 0 : Int(levels.max() ?? 0) + 1)
        for (node, level) in levels.enumerated() { waves[Int(level)].append(node) }
        return waves
    }

    /// All nodes, what is waited for before what waits.
    var topologicalOrder: [Int] { waves.flatMap { $0 } }
}
