import HeroModel
import HeroPlan
import HeroView

/// Shows how services move: a block that renews itself on a terminal, plain lines elsewhere.
final class Progress {
    /// A service on its way.
    private struct Journey {
        var state: ServiceState
        var detail: String
        /// Its last departure; the time beside it counts from there.
        var began: ContinuousClock.Instant
        /// When it came to rest; nil while it moves.
        var ended: ContinuousClock.Instant?
    }

    private let output: Output
    private let view: ProgressView
    private let begin = ContinuousClock.now
    private let isLive: Bool
    private var journeys: [QualifiedName: Journey] = [:]
    /// In the order in which they first moved.
    private var order: [QualifiedName] = []
    private var shownLines = 0
    private var lastDrawn: ContinuousClock.Instant?

    /// Begins now.
    init(_ output: Output) {
        self.output = output
        view = ProgressView(output.messages)
        isLive = output.isMessagesTerminal && !output.isQuiet
    }

    /// The time since the beginning.
    var elapsed: Duration { begin.duration(to: .now) }

    /// What is not where it should be, in words: what a plan wants moved and nobody has heard of yet, too.
    func unfinished(of plan: Plan) -> [String] {
        var wanted: [QualifiedName: PlanAction] = [:]
        for change in plan.changes { wanted[change.service] = change.action }
        return Set(order).union(wanted.keys).sorted().compactMap { name in
            guard let journey = journeys[name] else { return Self.missing(name, wanted[name]) }
            let detail = journey.detail.isEmpty ? "" : ": \(journey.detail)"
            return switch journey.state {
            case .starting: "\(name) is still starting\(detail)"
            case .stopping: "\(name) is still stopping\(detail)"
            case .backingOff: "\(name) keeps failing\(detail)"
            case .degraded: "\(name) is degraded\(detail)"
            case .failed: "\(name) failed\(detail)"
            // On the way of a restart it is down once, and that is not where it ends.
            case .stopped: wanted[name] == .stop ? nil : Self.missing(name, wanted[name])
            case .running, .exited, .blocked: nil
            }
        }
    }

    private static func missing(_ name: QualifiedName, _ action: PlanAction?) -> String? {
        switch action {
        case .start, .restart: "\(name) is not up yet"
        case .stop: "\(name) is not down yet"
        case .keep, .update, .blocked, nil: nil
        }
    }

    /// A service moved.
    func move(_ name: QualifiedName, _ state: ServiceState, _ detail: String) {
        let now = ContinuousClock.now
        if journeys[name] == nil { order.append(name) }
        var journey = journeys[name] ?? Journey(state: state, detail: detail, began: now)
        if let former = journeys[name], former.state == state, former.detail == detail { return }
        switch state {
        case .starting, .stopping:
            if journey.state != state { journey.began = now }
            journey.ended = nil
        case .backingOff, .degraded: journey.ended = nil
        case .running, .exited, .stopped, .failed, .blocked: journey.ended = now
        }
        journey.state = state
        journey.detail = detail
        journeys[name] = journey
        if !isLive { return output.note(view.line(step(name, journey))) }
        // More often than an eye can follow would only cost.
        if let lastDrawn, now - lastDrawn < .milliseconds(50) { return }
        draw()
    }

    /// Time goes on, or nothing moves any more.
    func tick() {
        if isLive, !order.isEmpty { draw() }
    }

    private func draw() {
        let steps = order.compactMap { name in journeys[name].map { step(name, $0) } }
        let frame = view.frame(steps, replacing: shownLines, height: output.messagesHeight - 1)
        shownLines = frame.lines
        lastDrawn = .now
        output.message(frame.text)
    }

    private func step(_ name: QualifiedName, _ journey: Journey) -> ProgressStep {
        ProgressStep(
            service: name,
            state: journey.state,
            detail: journey.detail,
            elapsed: journey.began.duration(to: journey.ended ?? .now)
        )
    }
}
