import HeroModel

extension PlanBuilder {
    /// Step 3: the services that must stop for their own reasons, then all that require them, nearest first.
    ///
    /// A restart does not begin while a requirement cannot be up, because the old version is better than none. A
    /// service whose requirement should be down does not stay up, even if that requirement is already down.
    mutating func findStops() {
        var mayBeUp = findPossiblyUp()
        var cascade = StopCascade(dependents)
        var deferred: [Int] = []
        var waiting: [Int] = []
        for number in services.indices {
            switch directChange(number) {
            case .stop: break
            case .restart:
                if isOnceUnknown(number) { continue }
                guard hasAllRequirements(number, mayBeUp) else {
                    waiting.append(number)
                    continue
                }
                guard hasNoActiveConflict(number) else {
                    deferred.append(number)
                    continue
                }
            case .nothing, .update, .reload, .start: continue
            }
            markStopped(number, &cascade)
        }
        cascadeStops(&cascade)
        let isUnsatisfiable = findUnsatisfiable()
        for number in startOrder where isUnsatisfiable[number] && isInScope[number] {
            guard services[number].target.isUp, services[number].isStarted, !willStop[number], !isKeptUp(number) else {
                continue
            }
            isStoppedForRequirement[number] = true
            markStopped(number, &cascade)
            cascadeStops(&cascade)
        }
        beginRestarts(&deferred, &cascade)
        // A degraded service that a cascade restarts comes up completely, so restarts that wait for it may begin.
        while !waiting.isEmpty {
            mayBeUp = findPossiblyUp()
            let free = waiting.filter { !willStop[$0] && hasAllRequirements($0, mayBeUp) }
            waiting.removeAll { willStop[$0] || hasAllRequirements($0, mayBeUp) }
            guard !free.isEmpty else { return }
            deferred += free
            beginRestarts(&deferred, &cascade)
        }
    }

    /// A restart that conflicts with a started service begins only when that service stops.
    private mutating func beginRestarts(_ deferred: inout [Int], _ cascade: inout StopCascade) {
        while true {
            let free = deferred.filter { !willStop[$0] && hasNoActiveConflict($0) }
            guard !free.isEmpty else { return }
            for number in free { markStopped(number, &cascade) }
            cascadeStops(&cascade)
            deferred.removeAll { willStop[$0] }
        }
    }

    private func hasNoActiveConflict(_ number: Int) -> Bool {
        conflicting(number).allSatisfy { willStop[Int($0)] || !services[Int($0)].isStarted }
    }

    private mutating func markStopped(_ number: Int, _ cascade: inout StopCascade) {
        willStop[number] = true
        cascade.pending.append(Int32(number))
    }

    private mutating func cascadeStops(_ cascade: inout StopCascade) {
        while cascade.position < cascade.pending.count {
            let cause = cascade.pending[cascade.position]
            cascade.position += 1
            for dependent in cascade.dependents.neighbors(Int(cause)) {
                let number = Int(dependent)
                guard !willStop[number], services[number].isStarted, !services[number].target.isIgnored else {
                    continue
                }
                cascadeCause[number] = cause
                markStopped(number, &cascade)
            }
        }
    }

    /// The services that stop, in the order in which they were found.
    private struct StopCascade {
        let dependents: IndexGraph
        var pending: [Int32] = []
        var position = 0

        init(_ dependents: IndexGraph) { self.dependents = dependents }
    }

    /// The services that could be up with the stops found so far; false means down unless more services stop.
    private func findPossiblyUp() -> [Bool] {
        var isUp = [Bool](repeating: false, count: services.count)
        for _ in services.indices {
            let before = isUp
            findPossiblyUpOnce(&isUp)
            if keeping.isEmpty || isUp == before { break }
        }
        return isUp
    }

    private func findPossiblyUpOnce(_ isUp: inout [Bool]) {
        for number in startOrder {
            let service = services[number]
            switch service.target {
            case .ignored, .leftUndeclared, .untouched: isUp[number] = service.isUpIfKept
            case .downByStatus, .downByCommand, .pruned:
                isUp[number] = !isInScope[number] && service.isUpIfKept
            case .up where isHealed(number) && !willStop[number]: isUp[number] = true
            case .up where service.isStarted && directChange(number) != .start:
                let isUnknown = isOnceUnknown(number)
                let comesBack = willStop[number] && hasAllRequirements(number, isUp) && !isUnknown
                isUp[number] = directChange(number) == .restart && !isUnknown || service.isUpIfKept || comesBack
            case .up:
                isUp[number] =
                    directChange(number) == .start && hasAllRequirements(number, isUp) && !isOnceUnknown(number)
            }
        }
    }

    /// The services that manifests and options keep down: they should be down, or require one that should be.
    ///
    /// A requirement without a cascade does not count, because its stop does not touch the service. Neither does one
    /// that is down already and has reached what is required, because no stop takes that back.
    /// Neither status ignore nor a crash counts as "should be down" (docs/decisions/0016).
    func findUnsatisfiable() -> [Bool] {
        var isUnsatisfiable = [Bool](repeating: false, count: services.count)
        for _ in services.indices {
            let before = isUnsatisfiable
            findUnsatisfiableOnce(&isUnsatisfiable)
            if keeping.isEmpty || isUnsatisfiable == before { break }
        }
        return isUnsatisfiable
    }

    private func findUnsatisfiableOnce(_ isUnsatisfiable: inout [Bool]) {
        let requirements = IndexGraph(count: services.count, edges: declaredCascade)
        // A service that a narrowed plan leaves running is up.
        for number in startOrder where isInScope[number] || !services[number].isStarted {
            switch services[number].target {
            case .downByStatus, .downByCommand, .pruned: isUnsatisfiable[number] = true
            case .up where isKeptUp(number): break
            case .up:
                isUnsatisfiable[number] = requirements.neighbors(number).contains {
                    isUnsatisfiable[Int($0)] && !isMetForGood(by: Int($0), number)
                }
            case .ignored, .leftUndeclared, .untouched: break
            }
        }
    }

    /// Whether a requirement that is down has reached all that a service requires of it with a cascade.
    private func isMetForGood(by requirement: Int, _ number: Int) -> Bool {
        guard services[number].waitsForMilestones, !services[requirement].isStarted else { return false }
        let name = services[requirement].name
        return services[number].requirements.allSatisfy {
            $0.service != name || !$0.cascades || hasReached($0.until, requirement)
        }
    }
}
