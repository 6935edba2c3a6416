import HeroModel

extension PlanBuilder {
    /// Step 2: what a narrowed plan is about: the named ones and what they drag along.
    ///
    /// Whatever goes down takes its dependents along; whatever comes up takes along what it requires and is down
    /// or to be completed, and what it conflicts with and is wanted down.
    mutating func findScope() {
        guard !options.only.isEmpty else { return }
        isInScope = [Bool](repeating: false, count: services.count)
        for name in options.only {
            if let number = indexByName[name] { isInScope[Int(number)] = true }
        }
        var hasGrown = true
        while hasGrown {
            hasGrown = false
            var trial = self
            trial.findStops()
            for number in services.indices where trial.willStop[number] && !isInScope[number] {
                isInScope[number] = true
                hasGrown = true
            }
            let isHopeless = trial.findUnstartable()
            // Dependents before what they require, so that one pass reaches the bottom.
            for number in startOrder.reversed() where isInScope[number] && !isHopeless[number] {
                guard services[number].target.isUp else { continue }
                guard trial.willStop[number] || services[number].directChange == .start else { continue }
                for requirement in requirements.neighbors(number) {
                    hasGrown = addToScope(Int(requirement), if: .start) || hasGrown
                }
                for other in conflicting(number) {
                    hasGrown = addToScope(Int(other), if: .stop) || hasGrown
                }
            }
        }
    }

    /// What is down, or goes down, and will not be up whatever a larger scope would do: nothing is started for it.
    private func findUnstartable() -> [Bool] {
        var isHopeless = [Bool](repeating: false, count: services.count)
        for number in startOrder where willStop[number] || !services[number].isStarted {
            let subject = services[number]
            let row = requirements.neighbors(number)
            let mayStart = subject.target.isUp && (willStop[number] || subject.directChange == .start)
            isHopeless[number] =
                !mayStart || row.count < subject.declaredRequires.count || row.contains { isHopeless[Int($0)] }
        }
        return isHopeless
    }

    private mutating func addToScope(_ number: Int, if need: DirectChange) -> Bool {
        guard !isInScope[number], services[number].directChange == need else { return false }
        isInScope[number] = true
        return true
    }
}
