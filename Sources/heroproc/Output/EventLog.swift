import HeroModel
import HeroView
import Logging

/// The reconciler's own log: each event as a line `<time> level subject: text` on standard error.
struct EventLog {
    private let logger: Logger

    /// A log that goes where messages go; with `--quiet` only warnings and errors.
    init(_ output: Output) {
        var logger = Logger(label: "heroproc") { _ in Handler() }
        logger.logLevel = output.isQuiet ? .warning : .info
        self.logger = logger
    }

    /// Writes down what is about this very program.
    func info(_ text: String, at time: WallTime) {
        record(EventRecord(time: time, level: .info, source: "heroproc", subject: "", text: text))
    }

    /// Writes an event down.
    func record(_ event: EventRecord) {
        let level: Logger.Level =
            switch event.level {
            case .info: .info
            case .warning: .warning
            case .error: .error
            }
        logger.log(
            level: level,
            "\(event.text)",
            metadata: ["time": "\(event.time)", "subject": "\(event.subject)"]
        )
    }

    /// Writes whole lines; nothing in them is obeyed by a terminal.
    private struct Handler: LogHandler {
        var logLevel: Logger.Level = .info
        var metadata: Logger.Metadata = [:]

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let time = event.metadata?["time"].map { "\($0) " } ?? ""
            let subject = event.metadata?["subject"].map { "\($0)" } ?? ""
            let about = subject.isEmpty ? "" : " \(subject.printable)"
            Output.writeMessage("\(time)\(event.level)\(about): \(event.message.description.printable)\n")
        }
    }
}
