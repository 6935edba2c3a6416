import HeroModel
import HeroPlan
import HeroView

/// Shows the progress of services: a block that is redrawn on a terminal, plain lines elsewhere.
final class ApplyProgress {
    /// The progress of one service.
    private struct ServiceProgress {
        var state: ServiceState
        var detail: String
        /// The start of the current transition; the displayed time counts from here.
        var startedAt: ContinuousClock.Instant
        /// The end of the transition; nil until then.
        var endedAt: ContinuousClock.Instant?
        /// The lines that were shown, without times.
        var shown: Set<String> = []
        /// How often the service has failed again without a line of its own.
        var hiddenFailures = 0
    }

    /// The most lines about one service.
    private static let maxLines = 12

    private let output: Output
    private let view: ProgressView
    private let startedAt = ContinuousClock.now
    private let isInteractive: Bool
    private var services: [QualifiedName: ServiceProgress] = [:]
    /// The services in the order of their first transitions.
    private var displayOrder: [QualifiedName] = []
    private var shownLines = 0
    private var lastDrawn: ContinuousClock.Instant?

    /// Starts the clock.
    init(_ output: Output) {
        self.output = output
        view = ProgressView(output.messages)
        isInteractive = output.isMessagesTerminal && !output.isQuiet
    }

    /// The time since the creation.
    var elapsed: Duration { startedAt.duration(to: .now) }

    /// Describes the services that have not reached their planned state, also those without any progress yet.
    func unfinishedServices(of plan: Plan) -> [String] {
        var planned: [QualifiedName: PlanAction] = [:]
        for change in plan.changes { planned[change.service] = change.action }
        return Set(displayOrder).union(planned.keys).sorted().compactMap { name in
            guard let progress = services[name] else { return Self.pendingText(name, planned[name]) }
            let detail = progress.detail.isEmpty ? "" : ": \(progress.detail)"
            return switch progress.state {
            case .starting: "\(name) is still starting\(detail)"
            case .stopping: "\(name) is still stopping\(detail)"
            case .backingOff: "\(name) keeps failing\(detail)"
            case .degraded: "\(name) is degraded\(detail)"
            case .failed: "\(name) failed\(detail)"
            // A restart passes through this state.
            case .stopped: planned[name] == .stop ? nil : Self.pendingText(name, planned[name])
            case .running, .exited, .blocked: nil
            }
        }
    }

    private static func pendingText(_ name: QualifiedName, _ action: PlanAction?) -> String? {
        switch action {
        case .start, .restart: "\(name) has not started yet"
        case .stop: "\(name) has not stopped yet"
        case .reload: "\(name) has not reloaded yet"
        case .keep, .update, .blocked, nil: nil
        }
    }

    /// Records and shows a new state of a service.
    func update(_ name: QualifiedName, _ state: ServiceState, _ detail: String) {
        let now = ContinuousClock.now
        if services[name] == nil { displayOrder.append(name) }
        var progress = services[name] ?? ServiceProgress(state: state, detail: detail, startedAt: now)
        if let previous = services[name], previous.state == state, previous.detail == detail { return }
        switch state {
        case .starting, .stopping:
            if progress.state != state { progress.startedAt = now }
            progress.endedAt = nil
        case .backingOff, .degraded: progress.endedAt = nil
        case .running, .exited, .stopped, .failed, .blocked: progress.endedAt = now
        }
        progress.state = state
        progress.detail = detail
        services[name] = progress
        if !isInteractive { return writeLine(name) }
        // At most 20 redraws per second.
        if let lastDrawn, now - lastDrawn < .milliseconds(50) { return }
        draw()
    }

    /// Writes the state of a service as a line, unless the same line was written before.
    private func writeLine(_ name: QualifiedName) {
        guard var progress = services[name] else { return }
        let line = "\(progress.state.rawValue) \(progress.detail)"
        if progress.shown.contains(line) || progress.shown.count >= Self.maxLines {
            switch progress.state {
            case .backingOff, .failed, .degraded: progress.hiddenFailures += 1
            case .starting, .running, .stopping, .exited, .stopped, .blocked: break
            }
        } else {
            progress.shown.insert(line)
            output.writeNote(view.line(makeStep(name, progress)))
        }
        services[name] = progress
    }

    /// Writes how often services have failed without a line of their own.
    func finish() {
        refresh()
        guard !isInteractive else { return }
        for name in displayOrder {
            guard let count = services[name]?.hiddenFailures, count > 0 else { continue }
            services[name]?.hiddenFailures = 0
            output.writeNote(view.repeatedFailures(of: name, count: count))
        }
    }

    /// Redraws the block, because time has passed or all transitions have ended.
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

    private func makeStep(_ name: QualifiedName, _ progress: ServiceProgress) -> ProgressStep {
        ProgressStep(
            service: name,
            state: progress.state,
            detail: progress.detail,
            elapsed: progress.startedAt.duration(to: progress.endedAt ?? .now)
        )
    }
}
