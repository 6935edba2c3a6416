internal import HeroModel

extension ManifestSet {
    /// Reports cycles of services that wait for each other, with the span of each reference.
    ///
    /// Cycles without a common reference are reported separately, the shortest first. Of cycles with a common reference
    /// only one is reported, because removing that reference removes all of them.
    mutating func checkCycles() {
        var edges = dependencies
        var components = CycleFinder.stronglyConnectedComponents(edges)
        // Each round removes at least two references of every component. The number of rounds limits the diagnostics.
        for _ in 0..<InputLimits.diagnostics where !components.isEmpty {
            for component in components {
                let cycle = CycleFinder.shortestCycle(through: component, edges)
                guard !cycle.isEmpty else { continue }
                reportCycle(cycle)
                for step in cycle {
                    edges[step.from].removeAll { $0.target == step.edge.target && $0.span == step.edge.span }
                }
            }
            components = CycleFinder.stronglyConnectedComponents(edges)
        }
    }

    private mutating func reportCycle(_ cycle: [CycleFinder.Step]) {
        // The report begins with the reference that comes first in the files, so that it does not depend on the search.
        let locations = cycle.map { source(services[$0.from].file).location($0.edge.span) }
        let start = locations.indices.min { locations[$0] < locations[$1] } ?? 0
        let rotated = Array(cycle[start...] + cycle[..<start])
        guard let first = rotated.first else { return }
        let path = (rotated.map(\.from) + [first.from]).map { "`\(services[$0].spec.name)`" }
        let shown = path.count <= 12 ? path : path.prefix(6) + ["(\(path.count - 12) more)"] + path.suffix(6)
        let notes = rotated.map { step in
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
            help: "remove one of these \(rotated.count) dependencies",
            in: services[first.from].file,
            at: first.edge.span,
            notes: notes
        )
    }
}
