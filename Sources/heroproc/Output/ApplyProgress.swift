import HeroModel
import HeroPlan
import HeroView

/// Shows how services move: a block that renews itself on a terminal, plain lines elsewhere.
final class ApplyProgress {
    /// A service on its way.
    private struct ServiceProgress {
        var state: ServiceState
        var detail: String
        /// Its last departure; the time beside it counts from there.
        var startedAt: ContinuousClock.Instant
        /// When it came to rest; nil while it moves.
        var endedAt: ContinuousClock.Instant?
    }

    private let output: Output
    private let view: ProgressView
    private let startedAt = ContinuousClock.now
    private let isInteractive: Bool
    private var services: [QualifiedName: ServiceProgress] = [:]
    /// In the order in which they first moved.
    private var displayOrder: [QualifiedName] = []
    private var shownLines = 0
    private var lastDrawn: ContinuousClock.Instant?

    /// Begins now.
    init(_ output: Output) {
        self.output = output
        view = ProgressView(output.messages)
        isInteractive = output.isMessagesTerminal && !output.isQuiet
    }

    /// The time since the beginning.
    var elapsed: Duration { startedAt.duration(to: .now) }

    /// What is not where it should be, in words: what a plan wants moved and nobody has heard of yet, too.
    func unfinishedServices(of plan: Plan) -> [String] {
        var wanted: [QualifiedName: PlanAction] = [:]
        for change in plan.changes { wanted[change.service] = change.action }
        return Set(displayOrder).union(wanted.keys).sorted().compactMap { name in
            guard let journey = services[name] else { return Self.pendingText(name, wanted[name]) }
            let detail = journey.detail.isEmpty ? "" : ": \(journey.detail)"
            return switch journey.state {
            case .starting: "\(name) is still starting\(detail)"
            case .stopping: "\(name) is still stopping\(detail)"
            case .backingOff: "\(name) keeps failing\(detail)"
            case .degraded: "\(name) is degraded\(detail)"
            case .failed: "\(name) failed\(detail)"
            // On the way of a restart it is down once, and that is not where it ends.
            case .stopped: wanted[name] == .stop ? nil : Self.pendingText(name, wanted[name])
            case .running, .exited, .blocked: nil
            }
        }
    }

    private static func pendingText(_ name: QualifiedName, _ action: PlanAction?) -> String? {
        switch action {
        case .start, .restart: "\(name) is not up yet"
        case .stop: "\(name) is not down yet"
        case .keep, .update, .blocked, nil: nil
        }
    }

    /// A service moved.
    func update(_ name: QualifiedName, _ state: ServiceState, _ detail: String) {
        let now = ContinuousClock.now
        if services[name] == nil { displayOrder.append(name) }
        var journey = services[name] ?? ServiceProgress(state: state, detail: detail, startedAt: now)
        if let former = services[name], former.state == state, former.detail == detail { return }
        switch state {
        case .starting, .stopping:
            if journey.state != state { journey.startedAt = now }
            journey.endedAt = nil
        case .backingOff, .degraded: journey.endedAt = nil
        case .running, .exited, .stopped, .failed, .blocked: journey.endedAt = now
        }
        journey.state = state
        journey.detail = detail
        services[name] = journey
        if !isInteractive { return output.writeNote(view.line(makeStep(name, journey))) }
        // More often than an eye can follow would only cost.
        if let lastDrawn, now - lastDrawn < .milliseconds(50) { return }
        draw()
    }

    /// Time goes on, or nothing moves any more.
    func refresh() {
        if isInteractive, !displayOrder.isEmpty { draw() }
    }

    private func draw() {
        let steps = displayOrder.compactMap { name in services[name].map { makeStep(name, $0) } }
        let frame = view.frame(steps, replacing: shownLines, height: output.messagesHeight - 1)
        shownLines = frame.lines
        lastDrawn = .now
        output.writeMessage(frame.text)
    }

    private func makeStep(_ name: QualifiedName, _ journey: ServiceProgress) -> ProgressStep {
        ProgressStep(
            service: name,
            state: journey.state,
            detail: journey.detail,
            elapsed: journey.startedAt.duration(to: journey.endedAt ?? .now)
        )
    }
}
