import HeroModel

extension PlanBuilder {
    /// Step 4: the services that will be up, requirements before dependents.
    ///
    /// A service that is kept does not depend on its requirements, because a crash does not cascade. Of two conflicting
    /// services that should both be up (validation refuses them) the first one in `startOrder` starts.
    mutating func findStarts() {
        // One pass is enough, except that the recorded dependencies of kept services may form cycles with declared ones.
        for _ in services.indices {
            let before = willBeUp
            findStartsOnce()
            if keeping.isEmpty || willBeUp == before { break }
        }
    }

    private mutating func findStartsOnce() {
        for number in startOrder {
            let service = services[number]
            if isHealed(number) && !willStop[number] {
                willBeUp[number] = true
            } else if service.isStarted && !willStop[number] && directChange(number) != .start {
                willBeUp[number] = service.isUpIfKept
            } else {
                let isWanted = service.target.isUp && (willStop[number] || directChange(number) == .start)
                willBeUp[number] =
                    isWanted && !isOnceUnknown(number) && hasAllRequirements(number, willBeUp)
                    && activeConflicts(number).isEmpty
            }
        }
    }

    /// The services that conflict with a service and will be up, because they are kept or start.
    func activeConflicts(_ number: Int) -> [Int] {
        conflicting(number).map(Int.init).filter { other in
            services[other].isStarted && !willStop[other] || willBeUp[other]
        }
    }

    /// The requirements of a service that will not be up, sorted.
    func missingRequirements(_ number: Int) -> [QualifiedName] {
        let missing = services[number].requirements.filter { !isMet($0, willBeUp) }.map(\.service)
        return missing.count > 1 ? Set(missing).sorted() : missing
    }

    /// The conditions that a service waits for.
    func unmetConditions(_ number: Int) -> UnmetConditions {
        UnmetConditions(
            requirements: missingRequirements(number),
            conflicts: Set(activeConflicts(number)).sorted().map { services[$0].name }
        )
    }

    /// The conditions that prevent a start.
    struct UnmetConditions {
        /// Requirements that will not be up, sorted.
        var requirements: [QualifiedName] = []
        /// Conflicting services that will be up, sorted.
        var conflicts: [QualifiedName] = []

        /// All of these services, sorted, each once.
        var all: [QualifiedName] {
            conflicts.isEmpty ? requirements : Set(requirements + conflicts).sorted()
        }
    }
}
