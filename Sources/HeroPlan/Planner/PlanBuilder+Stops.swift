import HeroModel

extension PlanBuilder {
    /// Step 3: what must stop for its own sake, and all that requires it, nearest first.
    ///
    /// A restart whose requirement cannot be up is not begun: better the old version up than none. But what requires
    /// something that is wanted down does not stay up, whether or not that goes down just now.
    mutating func findStops() {
        var mayBeUp = findPossiblyUp()
        var descent = StopCascade(dependents)
        var deferred: [Int] = []
        var waiting: [Int] = []
        for number in services.indices {
            switch directChange(number) {
            case .stop: break
            case .restart:
                guard hasAllRequirements(number, mayBeUp) else {
                    waiting.append(number)
                    continue
                }
                guard hasNoActiveConflict(number) else {
                    deferred.append(number)
                    continue
                }
            case .nothing, .update, .start: continue
            }
            markStopped(number, &descent)
        }
        cascadeStops(&descent)
        let isDoomed = findUnsatisfiable()
        for number in startOrder where isDoomed[number] && isInScope[number] {
            guard services[number].target.isUp, services[number].isStarted, !willStop[number] else { continue }
            isStoppedForRequirement[number] = true
            markStopped(number, &descent)
            cascadeStops(&descent)
        }
        beginRestarts(&deferred, &descent)
        // What was left degraded and is dragged down comes up whole: then what waits for it may begin as well.
        while !waiting.isEmpty {
            mayBeUp = findPossiblyUp()
            let free = waiting.filter { !willStop[$0] && hasAllRequirements($0, mayBeUp) }
            waiting.removeAll { willStop[$0] || hasAllRequirements($0, mayBeUp) }
            guard !free.isEmpty else { return }
            deferred += free
            beginRestarts(&deferred, &descent)
        }
    }

    /// Restarts that conflict with something live begin only when that goes down.
    private mutating func beginRestarts(_ deferred: inout [Int], _ descent: inout StopCascade) {
        while true {
            let free = deferred.filter { !willStop[$0] && hasNoActiveConflict($0) }
            guard !free.isEmpty else { return }
            for number in free { markStopped(number, &descent) }
            cascadeStops(&descent)
            deferred.removeAll { willStop[$0] }
        }
    }

    private func hasNoActiveConflict(_ number: Int) -> Bool {
        conflicting(number).allSatisfy { willStop[Int($0)] || !services[Int($0)].isStarted }
    }

    private mutating func markStopped(_ number: Int, _ descent: inout StopCascade) {
        willStop[number] = true
        descent.pending.append(Int32(number))
    }

    private mutating func cascadeStops(_ descent: inout StopCascade) {
        while descent.position < descent.pending.count {
            let cause = descent.pending[descent.position]
            descent.position += 1
            for dependent in descent.dependents.neighbors(Int(cause)) {
                let number = Int(dependent)
                guard !willStop[number], services[number].isStarted, !services[number].target.isIgnored else {
                    continue
                }
                cascadeCause[number] = cause
                markStopped(number, &descent)
            }
        }
    }

    /// What goes down, in the order in which it was found.
    private struct StopCascade {
        let dependents: IndexGraph
        var pending: [Int32] = []
        var position = 0

        init(_ dependents: IndexGraph) { self.dependents = dependents }
    }

    /// What could be up, with what is known to go down so far: false means that it will not be up unless more goes down.
    private func findPossiblyUp() -> [Bool] {
        var isUp = [Bool](repeating: false, count: services.count)
        for number in startOrder {
            let subject = services[number]
            switch subject.target {
            case .ignored, .leftUndeclared: isUp[number] = subject.isUpIfKept
            case .downByStatus, .downByCommand, .pruned:
                isUp[number] = !isInScope[number] && subject.isUpIfKept
            case .up where subject.isStarted && directChange(number) != .start:
                let comesBack = willStop[number] && hasAllRequirements(number, isUp)
                isUp[number] = directChange(number) == .restart || subject.isUpIfKept || comesBack
            case .up: isUp[number] = directChange(number) == .start && hasAllRequirements(number, isUp)
            }
        }
        return isUp
    }

    /// What the manifests and options alone keep down: it is wanted down, or requires something that is.
    ///
    /// Hands off is no wish, and a crash is none either (docs/decisions/0016).
    func findUnsatisfiable() -> [Bool] {
        var isDoomed = [Bool](repeating: false, count: services.count)
        // What a narrowed plan leaves up is up.
        for number in startOrder where isInScope[number] || !services[number].isStarted {
            switch services[number].target {
            case .downByStatus, .downByCommand, .pruned: isDoomed[number] = true
            case .up: isDoomed[number] = requirements.neighbors(number).contains { isDoomed[Int($0)] }
            case .ignored, .leftUndeclared: break
            }
        }
        return isDoomed
    }
}
