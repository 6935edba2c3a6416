/// Finds cycles in a graph of services.
///
/// It does not recurse, because a chain can be as long as the set.
enum CycleFinder {
    /// One reference on a path.
    struct Step {
        /// The index of the service that refers to the other one.
        var from: Int
        /// The reference.
        var edge: ManifestSet.Relation
    }

    /// Returns the strongly connected components of two or more services (Tarjan's algorithm), each sorted.
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
                    // A component of one service, which is no cycle.
                    isOpen[node] = false
                    open.removeLast()
                    continue
                }
                var component: [Int] = []
                while let member = open.popLast() {
                    isOpen[member] = false
                    component.append(member)
                    if member == node { break }
                }
                result.append(component.sorted())
            }
        }
        return result
    }

    /// Returns a shortest path inside a component from its first member back to that member.
    static func shortestCycle(through component: [Int], _ edges: [[ManifestSet.Relation]]) -> [Step] {
        guard let start = component.first else { return [] }
        let members = Set(component)
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
