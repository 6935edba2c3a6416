internal import HeroModel

extension ManifestSet {
    /// Two services that may never be up at the same time, by number, with the place that says so.
    private struct Conflict {
        var from: Int
        var to: Int
        var span: Span
    }

    /// Reports services that conflict and are both wanted up, and those that conflict with what they require.
    mutating func checkConflicts() {
        var seen: Set<[Int]> = []
        // A walk for each pair would be quadratic; a set that spends this much is judged in part.
        var steps = 200_000
        for number in services.indices {
            for edge in conflicts[number]
            where seen.insert([min(number, edge.target), max(number, edge.target)]).inserted {
                let conflict = Conflict(from: number, to: edge.target, span: edge.span)
                if let path = requirementPath(from: number, to: edge.target, &steps)
                    ?? requirementPath(from: edge.target, to: number, &steps)
                {
                    reportConflictWithRequirement(conflict, path)
                } else if services[number].spec.status == .start, services[edge.target].spec.status == .start {
                    reportConflictWanted(conflict)
                }
            }
        }
    }

    /// The shortest chain of requirements between two services, its edges in order; nil when there is none.
    private func requirementPath(from start: Int, to target: Int, _ steps: inout Int) -> [CycleFinder.Step]? {
        var arrivals: [Int: CycleFinder.Step] = [:]
        var queue = [start]
        var head = 0
        while head < queue.count, steps > 0 {
            let node = queue[head]
            head += 1
            for edge in dependencies[node] where edge.kind == .requires && edge.target != start {
                steps -= 1
                guard arrivals[edge.target] == nil else { continue }
                arrivals[edge.target] = CycleFinder.Step(from: node, edge: edge)
                guard edge.target == target else {
                    queue.append(edge.target)
                    continue
                }
                var path: [CycleFinder.Step] = []
                var at = target
                while let step = arrivals[at] {
                    path.append(step)
                    at = step.from
                }
                return path.reversed()
            }
        }
        return nil
    }

    private mutating func reportConflictWithRequirement(_ conflict: Conflict, _ path: [CycleFinder.Step]) {
        guard let first = path.first, let last = path.last else { return }
        let dependent = services[first.from].spec.name
        let required = services[last.edge.target].spec.name
        let notes = path.prefix(12).map { step in
            let from = services[step.from]
            return source(from.file).note(
                "`\(from.spec.name)` requires `\(services[step.edge.target].spec.name)`",
                at: step.edge.span
            )
        }
        report(
            .conflictWithRequirement,
            "`\(dependent)` can never be up: it requires `\(required)`\(path.count > 1 ? " in the end" : ""), and they conflict",
            help: "remove the conflict or the requirement",
            in: services[conflict.from].file,
            at: conflict.span,
            notes: notes
        )
    }

    private mutating func reportConflictWanted(_ conflict: Conflict) {
        let notes = [conflict.from, conflict.to].map { number in
            let service = services[number]
            return source(service.file).note("`\(service.spec.name)` is wanted up", at: service.span(of: "status"))
        }
        report(
            .conflictWanted,
            "`\(services[conflict.from].spec.name)` and `\(services[conflict.to].spec.name)` conflict, "
                + "and both are wanted up",
            help: "write `status: stop` in one of them",
            in: services[conflict.from].file,
            at: conflict.span,
            notes: notes
        )
    }
}
