internal import HeroModel

extension ManifestSet {
    /// Two services that must never be up at the same time, by index, with the span that declares the conflict.
    private struct Conflict {
        var from: Int
        var to: Int
        var span: Span
    }

    /// Reports conflicts between two services with `status: start`, and between a service and one that it requires.
    mutating func checkConflicts() {
        var seen: Set<[Int]> = []
        // A search for each pair takes quadratic time. After this index of steps the rest of the set is not checked.
        var steps = 200_000
        for index in services.indices {
            for edge in conflicts[index]
            where seen.insert([min(index, edge.target), max(index, edge.target)]).inserted {
                let conflict = Conflict(from: index, to: edge.target, span: edge.span)
                if let path = requirementPath(from: index, to: edge.target, &steps)
                    ?? requirementPath(from: edge.target, to: index, &steps)
                {
                    reportConflictWithRequirement(conflict, path)
                } else if services[index].spec.status == .start, services[edge.target].spec.status == .start {
                    reportConflictWanted(conflict)
                }
            }
        }
    }

    /// Returns the shortest chain of requirements between two services, in order; nil if there is none.
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
        let requires = path.count > 1 ? "indirectly requires" : "requires"
        report(
            .conflictWithRequirement,
            "`\(dependent)` can never be up: it \(requires) `\(required)`, and the two conflict",
            help: "remove the conflict or the requirement",
            in: services[conflict.from].file,
            at: conflict.span,
            notes: notes
        )
    }

    private mutating func reportConflictWanted(_ conflict: Conflict) {
        let notes = [conflict.from, conflict.to].map { index in
            let service = services[index]
            return source(service.file).note(
                "`\(service.spec.name)` has `status: start`",
                at: service.span(of: "status")
            )
        }
        report(
            .conflictWanted,
            "`\(services[conflict.from].spec.name)` and `\(services[conflict.to].spec.name)` conflict, "
                + "and both have `status: start`",
            help: "set `status: stop` in one of them",
            in: services[conflict.from].file,
            at: conflict.span,
            notes: notes
        )
    }
}
