import HeroModel

extension Planning {
    /// Step 4: what will be up afterwards, requirements before dependents.
    ///
    /// What stays as it is does not depend on its requirements: a crash does not cascade. Of two that conflict and are
    /// both wanted (a mistake that validation refuses) the first in the order of the requirements comes up.
    mutating func findWhatWillBeUp() {
        for number in order {
            let subject = subjects[number]
            if subject.isLive && !goesDown[number] && need(number) != .start {
                willBeUp[number] = subject.isUpAsItIs
            } else {
                let isWanted = subject.wish.isWanted && (goesDown[number] || need(number) == .start)
                willBeUp[number] =
                    isWanted && hasRequirements(number, willBeUp) && inTheWay(number).isEmpty
            }
        }
    }

    /// What conflicts with a service and will stand: it stays as it is, or comes up.
    func inTheWay(_ number: Int) -> [Int] {
        conflicting(number).map(Int.init).filter { other in
            subjects[other].isLive && !goesDown[other] || willBeUp[other]
        }
    }

    /// What a service requires and will not have, sorted.
    func missingRequirements(_ number: Int) -> [QualifiedName] {
        let missing = subjects[number].declaredRequires.filter { name in
            guard let requirement = numbers[name] else { return true }
            return !willBeUp[Int(requirement)]
        }
        return missing.count > 1 ? Set(missing).sorted() : missing
    }

    /// What a service waits for: requirements that are not up, and what it conflicts with; sorted.
    func obstacles(_ number: Int) -> Obstacles {
        Obstacles(
            requirements: missingRequirements(number),
            conflicts: Set(inTheWay(number)).sorted().map { subjects[$0].name }
        )
    }

    /// What keeps a service from coming up.
    struct Obstacles {
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
