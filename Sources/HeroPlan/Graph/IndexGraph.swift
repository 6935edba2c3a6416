/// A dependency between two nodes, which are identified by index.
struct IndexEdge {
    /// The node that waits.
    var dependent: Int32
    /// The node it waits for.
    var dependency: Int32
}

/// A graph over the indices `0..<count` in compressed sparse rows.
///
/// It needs no dictionary and no recursion, and its algorithms take linear time.
struct IndexGraph {
    /// The number of nodes.
    let count: Int
    private let offsets: [Int32]
    private let targets: [Int32]

    /// Packs the edges; with `reversed`, the neighbors of a node are its dependents instead of its dependencies.
    ///
    /// - Precondition: both ends of every edge are in `0..<count`. Neighbors keep the order of the edges.
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

    /// The nodes that a node points to.
    func neighbors(_ node: Int) -> ArraySlice<Int32> {
        targets[Int(offsets[node])..<Int(offsets[node + 1])]
    }

    /// The strongly connected component of each node (Tarjan 1972, with an explicit stack).
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

/// The depth of each node: 0 without dependencies, otherwise one more than its deepest dependency.
struct DependencyLevels {
    /// The level of each node.
    let levels: [Int32]
    /// Whether edges were ignored because they close a cycle.
    let hasBrokenCycles: Bool

    /// Computes the levels.
    ///
    /// Cycles are broken deterministically: soft edges inside a cycle are ignored first, then those hard edges of the
    /// cycle that lead from a lower index to a higher one. An edge on no cycle is never ignored.
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

    /// Assigns levels breadth-first from the nodes without dependencies (Kahn 1962); nil if there is a cycle.
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

    /// All nodes, dependencies before dependents.
    var topologicalOrder: [Int] { waves.flatMap { $0 } }
}
