internal import HeroModel

extension ManifestSet {
    /// Reports every circle of services that wait for each other, with the place of each of its edges.
    ///
    /// Circles that share no edge are told apart, shortest first; those that share one vanish together when it goes.
    mutating func checkCycles() {
        var edges = dependencies
        var knots = CycleFinder.stronglyConnectedComponents(edges)
        // Each round takes at least two edges out of every knot; a set with so many mistakes is shown the first ones.
        for _ in 0..<InputLimits.diagnostics where !knots.isEmpty {
            for knot in knots {
                let cycle = CycleFinder.shortestCycle(through: knot, edges)
                guard !cycle.isEmpty else { continue }
                reportCycle(cycle)
                for step in cycle {
                    edges[step.from].removeAll { $0.target == step.edge.target && $0.span == step.edge.span }
                }
            }
            knots = CycleFinder.stronglyConnectedComponents(edges)
        }
    }

    private mutating func reportCycle(_ cycle: [CycleFinder.Step]) {
        // It begins with the edge that is written first, so that two runs say the same.
        let places = cycle.map { source(services[$0.from].file).place($0.edge.span) }
        let start = places.indices.min { places[$0] < places[$1] } ?? 0
        let turned = Array(cycle[start...] + cycle[..<start])
        guard let first = turned.first else { return }
        let path = (turned.map(\.from) + [first.from]).map { "`\(services[$0].spec.name)`" }
        let shown = path.count <= 12 ? path : path.prefix(6) + ["(\(path.count - 12) more)"] + path.suffix(6)
        let notes = turned.map { step in
            let from = services[step.from]
            let target = services[step.edge.target].spec.name
            return source(from.file).note(
                "`\(from.spec.name)` waits for `\(target)` (`\(step.edge.kind.rawValue)`)",
                at: step.edge.span
            )
        }
        report(
            .cycle,
            "these services wait for each other: \(shown.joined(separator: " -> "))",
            help: "remove one of these \(turned.count) names",
            in: services[first.from].file,
            at: first.edge.span,
            notes: notes
        )
    }
}

/// Circles in a graph of services; iterative, for a chain may be as long as the set.
enum CycleFinder {
    /// One edge on a path.
    struct Step {
        /// The service it leaves.
        var from: Int
        /// The edge.
        var edge: ManifestSet.Relation
    }

    /// The sets of two or more services that all reach each other (Tarjan), each sorted.
    static func stronglyConnectedComponents(_ edges: [[ManifestSet.Relation]]) -> [[Int]] {
        var order = Array(repeating: 0, count: edges.count)
        var lowest = Array(repeating: 0, count: edges.count)
        var isOpen = Array(repeating: false, count: edges.count)
        var next = Array(repeating: 0, count: edges.count)
        var open: [Int] = []
        var path: [Int] = []
        var count = 0
        var result: [[Int]] = []
        for root in edges.indices where order[root] == 0 && !edges[root].isEmpty {
            path.append(root)
            while let node = path.last {
                if order[node] == 0 {
                    count += 1
                    order[node] = count
                    lowest[node] = count
                    isOpen[node] = true
                    open.append(node)
                }
                if next[node] < edges[node].count {
                    let target = edges[node][next[node]].target
                    next[node] += 1
                    if order[target] == 0 {
                        path.append(target)
                    } else if isOpen[target] {
                        lowest[node] = min(lowest[node], order[target])
                    }
                    continue
                }
                path.removeLast()
                if let parent = path.last { lowest[parent] = min(lowest[parent], lowest[node]) }
                guard lowest[node] == order[node] else { continue }
                if open.last == node {
                    // Nearly all stand alone.
                    isOpen[node] = false
                    open.removeLast()
                    continue
                }
                var knot: [Int] = []
                while let member = open.popLast() {
                    isOpen[member] = false
                    knot.append(member)
                    if member == node { break }
                }
                result.append(knot.sorted())
            }
        }
        return result
    }

    /// A shortest way within a knot from its first member back to it.
    static func shortestCycle(through knot: [Int], _ edges: [[ManifestSet.Relation]]) -> [Step] {
        guard let start = knot.first else { return [] }
        let members = Set(knot)
        var arrivals: [Int: Step] = [:]
        var queue = [start]
        var head = 0
        while head < queue.count {
            let node = queue[head]
            head += 1
            for edge in edges[node] where members.contains(edge.target) {
                guard edge.target != start else {
                    var cycle = [Step(from: node, edge: edge)]
                    var at = node
                    while at != start, let step = arrivals[at] {
                        cycle.append(step)
                        at = step.from
                    }
                    return cycle.reversed()
                }
                guard arrivals[edge.target] == nil else { continue }
                arrivals[edge.target] = Step(from: node, edge: edge)
                queue.append(edge.target)
            }
        }
        return []
    }
}
