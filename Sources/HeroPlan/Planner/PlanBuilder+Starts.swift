import HeroModel

extension PlanBuilder {
    /// Step 4: what will be up afterwards, requirements before dependents.
    ///
    /// What stays as it is does not depend on its requirements: a crash does not cascade. Of two that conflict and are
    /// both wanted (a mistake that validation refuses) the first in the order of the requirements comes up.
    mutating func findStarts() {
        for number in startOrder {
            let subject = services[number]
            if subject.isStarted && !willStop[number] && directChange(number) != .start {
                willBeUp[number] = subject.isUpIfKept
            } else {
                let isWanted = subject.target.isUp && (willStop[number] || directChange(number) == .start)
                willBeUp[number] =
                    isWanted && hasAllRequirements(number, willBeUp) && activeConflicts(number).isEmpty
            }
        }
    }

    /// What conflicts with a service and will stand: it stays as it is, or comes up.
    func activeConflicts(_ number: Int) -> [Int] {
        conflicting(number).map(Int.init).filter { other in
            services[other].isStarted && !willStop[other] || willBeUp[other]
        }
    }

    /// What a service requires and will not have, sorted.
    func missingRequirements(_ number: Int) -> [QualifiedName] {
        let missing = services[number].declaredRequires.filter { name in
            guard let requirement = indexByName[name] else { return true }
            return !willBeUp[Int(requirement)]
        }
        return missing.count > 1 ? Set(missing).sorted() : missing
    }

    /// What a service waits for: requirements that are not up, and what it conflicts with; sorted.
    func unmetConditions(_ number: Int) -> UnmetConditions {
        UnmetConditions(
            requirements: missingRequirements(number),
            conflicts: Set(activeConflicts(number)).sorted().map { services[$0].name }
        )
    }

    /// What keeps a service from coming up.
    struct UnmetConditions {
        /// What it requires and will not have, sorted.
        var requirements: [QualifiedName] = []
        /// What it conflicts with and will be up, sorted.
        var conflicts: [QualifiedName] = []

        /// Both, sorted, each once.
        var all: [QualifiedName] {
            conflicts.isEmpty ? requirements : Set(requirements + conflicts).sorted()
        }
    }
}
