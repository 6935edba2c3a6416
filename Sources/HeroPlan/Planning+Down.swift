import HeroModel

extension Planning {
    /// Step 3: what must stop for its own sake, and all that requires it, nearest first.
    ///
    /// A restart whose requirement cannot be up is not begun: better the old version up than none. But what requires
    /// something that is wanted down does not stay up, whether or not that goes down just now.
    mutating func findWhatGoesDown() {
        var mayBeUp = findWhatMayBeUp()
        var descent = Descent(dependents)
        var deferred: [Int] = []
        var waiting: [Int] = []
        for number in subjects.indices {
            switch need(number) {
            case .stop: break
            case .restart:
                guard hasRequirements(number, mayBeUp) else {
                    waiting.append(number)
                    continue
                }
                guard isFreeOfConflicts(number) else {
                    deferred.append(number)
                    continue
                }
            case .nothing, .update, .start: continue
            }
            take(number, &descent)
        }
        follow(&descent)
        let isDoomed = findWhatIsDoomed()
        for number in order where isDoomed[number] && isInScope[number] {
            guard subjects[number].wish.isWanted, subjects[number].isLive, !goesDown[number] else { continue }
            isOrphaned[number] = true
            take(number, &descent)
            follow(&descent)
        }
        begin(&deferred, &descent)
        // What was left degraded and is dragged down comes up whole: then what waits for it may begin as well.
        while !waiting.isEmpty {
            mayBeUp = findWhatMayBeUp()
            let free = waiting.filter { !goesDown[$0] && hasRequirements($0, mayBeUp) }
            waiting.removeAll { goesDown[$0] || hasRequirements($0, mayBeUp) }
            guard !free.isEmpty else { return }
            deferred += free
            begin(&deferred, &descent)
        }
    }

    /// Restarts that conflict with something live begin only when that goes down.
    private mutating func begin(_ deferred: inout [Int], _ descent: inout Descent) {
        while true {
            let free = deferred.filter { !goesDown[$0] && isFreeOfConflicts($0) }
            guard !free.isEmpty else { return }
            for number in free { take(number, &descent) }
            follow(&descent)
            deferred.removeAll { goesDown[$0] }
        }
    }

    private func isFreeOfConflicts(_ number: Int) -> Bool {
        conflicting(number).allSatisfy { goesDown[Int($0)] || !subjects[Int($0)].isLive }
    }

    private mutating func take(_ number: Int, _ descent: inout Descent) {
        goesDown[number] = true
        descent.pending.append(Int32(number))
    }

    private mutating func follow(_ descent: inout Descent) {
        while descent.position < descent.pending.count {
            let cause = descent.pending[descent.position]
            descent.position += 1
            for dependent in descent.dependents.row(Int(cause)) {
                let number = Int(dependent)
                guard !goesDown[number], subjects[number].isLive, !subjects[number].wish.isHandsOff else { continue }
                draggedBy[number] = cause
                take(number, &descent)
            }
        }
    }

    /// What goes down, in the order in which it was found.
    private struct Descent {
        let dependents: IndexGraph
        var pending: [Int32] = []
        var position = 0

        init(_ dependents: IndexGraph) { self.dependents = dependents }
    }

    /// What could be up, with what is known to go down so far: false means that it will not be up unless more goes down.
    private func findWhatMayBeUp() -> [Bool] {
        var isUp = [Bool](repeating: false, count: subjects.count)
        for number in order {
            let subject = subjects[number]
            switch subject.wish {
            case .isHandsOff, .isLeftAlone: isUp[number] = subject.isUpAsItIs
            case .isDownByStatus, .isDownByOrder, .isGone:
                isUp[number] = !isInScope[number] && subject.isUpAsItIs
            case .isUp where subject.isLive && need(number) != .start:
                let comesBack = goesDown[number] && hasRequirements(number, isUp)
                isUp[number] = need(number) == .restart || subject.isUpAsItIs || comesBack
            case .isUp: isUp[number] = need(number) == .start && hasRequirements(number, isUp)
            }
        }
        return isUp
    }

    /// What the manifests and options alone keep down: it is wanted down, or requires something that is.
    ///
    /// Hands off is no wish, and a crash is none either (docs/decisions/0016).
    func findWhatIsDoomed() -> [Bool] {
        var isDoomed = [Bool](repeating: false, count: subjects.count)
        // What a narrowed plan leaves up is up.
        for number in order where isInScope[number] || !subjects[number].isLive {
            switch subjects[number].wish {
            case .isDownByStatus, .isDownByOrder, .isGone: isDoomed[number] = true
            case .isUp: isDoomed[number] = requirements.row(number).contains { isDoomed[Int($0)] }
            case .isHandsOff, .isLeftAlone: break
            }
        }
        return isDoomed
    }
}
