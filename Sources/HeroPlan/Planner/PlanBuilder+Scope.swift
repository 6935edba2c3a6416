import HeroModel

extension PlanBuilder {
    /// Step 2: the scope of a narrowed plan: the named services and their cascades.
    ///
    /// A service that stops brings its dependents into the scope. A service that starts brings in the requirements that
    /// are down or degraded, and the conflicting services that should be down.
    mutating func findScope() {
        guard !options.only.isEmpty else { return }
        isInScope = [Bool](repeating: false, count: services.count)
        for name in options.only {
            if let number = indexByName[name] { isInScope[Int(number)] = true }
        }
        var hasGrown = true
        while hasGrown {
            hasGrown = false
            var attempt = self
            attempt.findStops()
            for number in services.indices where attempt.willStop[number] && !isInScope[number] {
                isInScope[number] = true
                hasGrown = true
            }
            let isUnstartable = attempt.findUnstartable()
            // Dependents first, so that one pass reaches the deepest requirement.
            for number in startOrder.reversed() where isInScope[number] && !isUnstartable[number] {
                guard services[number].target.isUp else { continue }
                guard attempt.willStop[number] || services[number].directChange == .start else { continue }
                for requirement in requirements.neighbors(number) {
                    hasGrown = addToScope(Int(requirement), if: .start) || hasGrown
                }
                for other in conflicting(number) {
                    hasGrown = addToScope(Int(other), if: .stop) || hasGrown
                }
            }
        }
    }

    /// Services that are down or stop, and cannot be up in any larger scope: nothing is started for them.
    private func findUnstartable() -> [Bool] {
        var isUnstartable = [Bool](repeating: false, count: services.count)
        for number in startOrder where willStop[number] || !services[number].isStarted {
            let service = services[number]
            let mayStart = service.target.isUp && (willStop[number] || service.directChange == .start)
            isUnstartable[number] =
                !mayStart || isOnceUnknown(number)
                || service.requirements.contains { requirement in
                    guard let other = indexByName[requirement.service].map(Int.init) else { return true }
                    return isUnstartable[other] && !isMet(requirement, willBeUp)
                }
        }
        return isUnstartable
    }

    private mutating func addToScope(_ number: Int, if change: DirectChange) -> Bool {
        guard !isInScope[number], services[number].directChange == change else { return false }
        isInScope[number] = true
        return true
    }
}
