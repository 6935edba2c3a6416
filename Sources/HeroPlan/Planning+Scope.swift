import HeroModel

extension Planning {
    /// Step 2: what a narrowed plan is about: the named ones and what they drag along.
    ///
    /// Whatever goes down takes its dependents along; whatever comes up takes along what it requires and is down
    /// or to be completed, and what it conflicts with and is wanted down.
    mutating func findScope() {
        guard !options.only.isEmpty else { return }
        isInScope = [Bool](repeating: false, count: subjects.count)
        for name in options.only {
            if let number = numbers[name] { isInScope[Int(number)] = true }
        }
        var hasGrown = true
        while hasGrown {
            hasGrown = false
            var trial = self
            trial.findWhatGoesDown()
            for number in subjects.indices where trial.goesDown[number] && !isInScope[number] {
                isInScope[number] = true
                hasGrown = true
            }
            let isHopeless = trial.findWhatIsHopeless()
            // Dependents before what they require, so that one pass reaches the bottom.
            for number in order.reversed() where isInScope[number] && !isHopeless[number] {
                guard subjects[number].wish.isWanted else { continue }
                guard trial.goesDown[number] || subjects[number].need == .start else { continue }
                for requirement in requirements.row(number) {
                    hasGrown = pull(Int(requirement), if: .start) || hasGrown
                }
                for other in conflicting(number) {
                    hasGrown = pull(Int(other), if: .stop) || hasGrown
                }
            }
        }
    }

    /// What is down, or goes down, and will not be up whatever a larger scope would do: nothing is started for it.
    private func findWhatIsHopeless() -> [Bool] {
        var isHopeless = [Bool](repeating: false, count: subjects.count)
        for number in order where goesDown[number] || !subjects[number].isLive {
            let subject = subjects[number]
            let row = requirements.row(number)
            let mayStart = subject.wish.isWanted && (goesDown[number] || subject.need == .start)
            isHopeless[number] =
                !mayStart || row.count < subject.declaredRequires.count || row.contains { isHopeless[Int($0)] }
        }
        return isHopeless
    }

    private mutating func pull(_ number: Int, if need: Need) -> Bool {
        guard !isInScope[number], subjects[number].need == need else { return false }
        isInScope[number] = true
        return true
    }
}
