public import HeroModel

/// Where a service stands on its way: what `apply` shows while it waits.
public struct ProgressStep: Hashable, Sendable {
    /// The service.
    public var service: QualifiedName
    /// Where it stands.
    public var state: ServiceState
    /// What it waits for or what went wrong, in words; empty where the state says it all.
    public var detail: String
    /// Time since its order.
    public var elapsed: Duration

    /// Makes a step.
    public init(service: QualifiedName, state: ServiceState, detail: String = "", elapsed: Duration) {
        self.service = service
        self.state = state
        self.detail = detail
        self.elapsed = elapsed
    }

    /// Whether it has come to rest.
    var isSettled: Bool {
        switch state {
        case .running, .exited, .stopped, .failed, .blocked: true
        case .starting, .stopping, .backingOff, .degraded: false
        }
    }
}

/// Progress as lines for a file, and as a block that renews itself on a terminal.
public struct ProgressView: Sendable {
    /// What the place it goes to can show.
    public var style: OutputStyle

    /// Makes a view.
    public init(_ style: OutputStyle = .plain) {
        self.style = style
    }

    /// One step as a line without its line feed: `core/web: running (ready in 1.2s)`.
    public func line(_ step: ProgressStep) -> String {
        let name = step.service.description.printable
        // Most of the time it is only not its turn yet; who is blocked for good is told at the end.
        if step.state == .blocked, !step.detail.isEmpty {
            return "\(name): " + style.paint(step.detail.printable, step.state.textStyle)
        }
        return "\(name): \(style.paint(step.state.rawValue, step.state.textStyle))" + detailAndTime(step)
    }

    private func detailAndTime(_ step: ProgressStep) -> String {
        let detail = step.detail.printable
        let elapsed = step.elapsed.shortText
        let after: String? =
            switch step.state {
            case .running: "ready in \(elapsed)"
            case .exited: "done in \(elapsed)"
            case .stopped: "in \(elapsed)"
            case .failed, .degraded: "after \(elapsed)"
            case .starting, .stopping, .backingOff: step.elapsed < .seconds(1) ? nil : elapsed
            case .blocked: nil
            }
        return (detail.isEmpty ? "" : ": \(detail)") + (after.map { " (\($0))" } ?? "")
    }

    /// A block for a terminal that stands in the place of the block before it.
    public struct Frame: Hashable, Sendable {
        /// What is written: cursor movements and lines, the cursor ends at the start of the line below the block.
        public var text: String
        /// How many lines the block has: the `previousLines` of the next frame.
        public var lines: Int
    }

    /// Renders the current steps over the block before.
    ///
    /// Every line is cut to the width of the terminal: a wrapped line would make the count of lines a lie. Where not
    /// all fit, those that are under way come first, and the rest is counted in the last line.
    ///
    /// - Parameters:
    ///   - steps: one for every service, in the order in which they are shown.
    ///   - previousLines: the lines of the block that is on the screen; 0 for the first.
    ///   - height: lines that the block may take, at least 2.
    /// - Returns: what to write, and the lines to replace next time.
    public func frame(_ steps: [ProgressStep], replacing previousLines: Int, height: Int) -> Frame {
        var shown = steps
        var rest: String?
        let height = max(2, height)
        if steps.count > height {
            let moving = steps.filter { !$0.isSettled }
            shown = Array((moving + steps.filter(\.isSettled)).prefix(height - 1))
            rest = "... and \(steps.count - shown.count) more, \(steps.count - moving.count) of \(steps.count) settled"
        }
        let width = max(10, (style.width ?? 80) - 1)
        var lines = shown.map { fitted($0, width) }
        if let rest { lines.append(style.paint(rest.truncated(to: width), .dim)) }
        // Up to the first line of the old block; each line is cleared as it is written, then what is below.
        var text = previousLines > 0 ? "\u{1B}[\(previousLines)A" : ""
        text += lines.map { "\r\u{1B}[2K\($0)\n" }.joined() + "\u{1B}[0J"
        return Frame(text: text, lines: lines.count)
    }

    /// The line of a step, its words cut before they are painted.
    private func fitted(_ step: ProgressStep, _ width: Int) -> String {
        let plain = ProgressView(.plain).line(step)
        guard plain.columns > width else { return line(step) }
        return plain.truncated(to: width)
    }
}
