import HeroModel

extension JobLife {
    /// The last question could not be asked, because the machine lacked a descriptor, a pid or memory: that says nothing about
    /// the program (reliability.md RX-1, RX-2).
    ///
    /// It is asked again after its interval; a bad answer is neither counted nor forgotten.
    mutating func notAsked(_ serial: UInt64, _ reason: String, _ context: Context) -> [JobEffect] {
        switch phase {
        case .starting(var starting):
            guard starting.serial == serial, starting.askAt == nil else { return [] }
            let isNews = !starting.couldNotBeAsked
            starting.couldNotBeAsked = true
            starting.reason = reason
            starting.askAt = context.now + max(context.action.readinessInterval(afterTry: serial), .milliseconds(50))
            phase = .starting(starting)
            return isNews ? [Self.note(notAsked: reason)] : []
        case .up(var up):
            guard up.watch.serial == serial, let question = up.watch.awaited else { return [] }
            up.watch.awaited = nil
            switch question {
            case .readiness: break
            case .health: up.watch.healthAt = context.action.health.map { context.now + $0.interval }
            case .presence: up.watch.presenceAt = context.action.bindsSomething ? Watch.nextLook(context.now) : nil
            }
            let isNews = !up.watch.couldNotBeAsked
            up.watch.couldNotBeAsked = true
            phase = .up(up)
            return (isNews ? [Self.note(notAsked: reason)] : []) + askAround(context)
        case .pending, .clearing, .launching, .working, .stopping, .backingOff, .over:
            return []
        }
    }

    private static func note(notAsked reason: String) -> JobEffect {
        .note(.warning, "cannot be asked, which is no fault of its own: \(reason)")
    }

    /// What lives on although its tree was killed: named, so that somebody can do something about it (reliability.md TR-2).
    mutating func outlived(_ survivors: [String]) -> [JobEffect] {
        guard case .stopping(var stopping) = phase, stopping.kills > 1, !survivors.isEmpty else { return [] }
        let names = survivors.joined(separator: ", ")
        guard stopping.survivors != names else { return [] }
        stopping.survivors = names
        phase = .stopping(stopping)
        return [.note(.error, "still waits for \(names)")]
    }
}
