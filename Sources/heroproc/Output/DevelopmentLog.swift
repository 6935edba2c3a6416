import HeroModel
import HeroPlan
import HeroView
import Synchronization

/// What `heroproc dev` itself writes, on standard error.
final class DevelopmentLog: Sendable {
    private let isQuiet: Bool
    private let style: OutputStyle
    /// The reason of the last refusal, which is shown already when its event comes.
    private let lastRefusal = Mutex("")

    /// Creates a log with the style of the output.
    init(_ output: Output) {
        isQuiet = output.isQuiet
        style = output.messages
    }

    /// Writes a line, unless only the output of services is wanted.
    func note(_ text: String) {
        if !isQuiet { write(text) }
    }

    /// Shows what an edit changes, in a line.
    func showPlan(_ plan: Plan) { note(PlanView(style).summary(plan)) }

    /// Shows why an edit is refused, and all errors in it.
    func showRefusal(_ text: String, _ diagnostics: [Diagnostic]) {
        lastRefusal.withLock { $0 = text }
        Output.writeMessage(DiagnosticView(style).text(diagnostics))
        write(style.paint("error:", .red) + " \(text.printable)")
    }

    /// Writes an event, except those that the other functions show.
    func record(_ event: EventRecord) {
        let refusal = lastRefusal.withLock { $0 }
        let isRefusal = event.level == .error && !refusal.isEmpty && event.text.hasPrefix(refusal)
        let isRevision = event.level == .info && event.subject.isEmpty && event.text.hasPrefix("revision ")
        guard !isRefusal, !isRevision, !isQuiet || event.level != .info else { return }
        let level = event.level == .info ? "" : "\(event.level.rawValue): "
        let subject = event.subject.isEmpty ? "" : "\(event.subject.printable): "
        write(level + subject + event.text.printable)
    }

    private func write(_ text: String) {
        Output.writeMessage(style.paint("heroproc |", .dim) + " \(text)\n")
    }
}
