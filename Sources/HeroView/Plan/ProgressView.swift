public import HeroModel

/// The progress of a service, which `apply` shows while it waits.
public struct ProgressStep: Hashable, Sendable {
    /// The service.
    public var service: QualifiedName
    /// The current state.
    public var state: ServiceState
    /// What the service waits for or its problem, as text; may be empty.
    public var detail: String
    /// The time since its start or stop was requested.
    public var elapsed: Duration

    /// Creates a step.
    public init(service: QualifiedName, state: ServiceState, detail: String = "", elapsed: Duration) {
        self.service = service
        self.state = state
        self.detail = detail
        self.elapsed = elapsed
    }

    /// Whether the state is final.
    var isSettled: Bool {
        switch state {
        case .running, .exited, .stopped, .failed, .blocked: true
        case .starting, .stopping, .backingOff, .degraded: false
        }
    }
}

/// Progress as lines for a file, and as a block that is redrawn on a terminal.
public struct ProgressView: Sendable {
    /// The capabilities of the output.
    public var style: OutputStyle

    /// Creates a view.
    public init(_ style: OutputStyle = .plain) {
        self.style = style
    }

    /// One step as a line without its line feed: `core/web: running (ready in 1.2s)`.
    public func line(_ step: ProgressStep) -> String {
        let name = step.service.description.printable
        // A blocked service is usually only waiting for its turn; a permanent block is reported at the end.
        if step.state == .blocked, !step.detail.isEmpty {
            return "\(name): " + style.paint(step.detail.printable, step.state.textStyle)
        }
        return "\(name): \(style.paint(step.state.rawValue, step.state.textStyle))" + detailAndTime(step)
    }

    /// How often a service has failed again in the same way: `core/web: failed 5 more times in the same way`.
    public func repeatedFailures(of service: QualifiedName, count: Int) -> String {
        let times = count == 1 ? "once more" : "\(count) more times"
        return "\(service.description.printable): failed \(times) in the same way"
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

    /// A block for a terminal that replaces the previous block.
    public struct Frame: Hashable, Sendable {
        /// The output: cursor movements and lines; the cursor ends at the start of the line below the block.
        public var text: String
        /// The number of lines of the block: the `previousLines` of the next frame.
        public var lines: Int
    }

    /// Renders the current steps in place of the previous block.
    ///
    /// Every line is cut to the width of the terminal, because a wrapped line would invalidate the line count. If not
    /// all steps fit, unsettled ones come first, and the last line counts the others.
    ///
    /// - Parameters:
    ///   - steps: one step for every service, in the order of output.
    ///   - previousLines: the lines of the block on the screen; 0 for the first.
    ///   - height: the lines that the block may use, at least 2.
    /// - Returns: the output, and the lines to replace next time.
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
        // Move to the first line of the old block, clear and write each line, then clear the lines below.
        var text = previousLines > 0 ? "\u{1B}[\(previousLines)A" : ""
        text += lines.map { "\r\u{1B}[2K\($0)\n" }.joined() + "\u{1B}[0J"
        return Frame(text: text, lines: lines.count)
    }

    /// The line of a step, cut before it is colored.
    private func fitted(_ step: ProgressStep, _ width: Int) -> String {
        let plain = ProgressView(.plain).line(step)
        guard plain.columns > width else { return line(step) }
        return plain.truncated(to: width)
    }
}
