import HeroModel
import HeroView

/// The log of the reconciler: one line `TIME LEVEL SUBJECT: TEXT` per event on standard error.
struct EventLog {
    /// Whether events of level `info` are left out.
    private let isQuiet: Bool

    /// Creates a log with the level of the output: with `--quiet` only warnings and errors.
    init(_ output: Output) {
        isQuiet = output.isQuiet
    }

    /// Writes a message about the reconciler itself, with level `info`.
    func info(_ text: String, at time: WallTime) {
        record(EventRecord(time: time, level: .info, source: "heroproc", subject: "", text: text))
    }

    /// Writes a message about the reconciler itself, with level `warning`.
    func warn(_ text: String, at time: WallTime) {
        record(EventRecord(time: time, level: .warning, source: "heroproc", subject: "", text: text))
    }

    /// Writes an event.
    ///
    /// Control characters are escaped, so that no event can control the terminal.
    func record(_ event: EventRecord) {
        guard !isQuiet || event.level != .info else { return }
        let subject = event.subject.isEmpty ? "" : " \(event.subject.printable)"
        Output.writeMessage("\(event.time) \(event.level.rawValue)\(subject): \(event.text.printable)\n")
    }
}
