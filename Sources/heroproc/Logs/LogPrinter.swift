import HeroJSON
import HeroModel
import HeroView

/// Writes log lines as results.
struct LogPrinter {
    private let output: Output
    private let service: QualifiedName
    private let views: [String: LogView]
    private var buffer: [UInt8] = []

    /// Creates a printer for the lines of some actions.
    init(_ output: Output, _ service: QualifiedName, actions: [String], showsTimestamps: Bool) {
        self.output = output
        self.service = service
        let prefixes = LogView.prefixes(for: actions)
        let isForTerminal = output.isResultsTerminal
        views = Dictionary(
            zip(actions, prefixes).map { action, prefix in
                (action, LogView(isForTerminal: isForTerminal, showsTimestamps: showsTimestamps, prefix: prefix))
            },
            uniquingKeysWith: { first, _ in first }
        )
    }

    /// Prints one line of an action.
    mutating func print(_ entry: LogEntry, of action: String) {
        switch output.format {
        case .text: views[action]?.append(entry, to: &buffer)
        case .json: buffer += json(entry, action).utf8
        }
        if buffer.count >= 65_536 { flush() }
    }

    /// Writes the buffered lines.
    mutating func flush() {
        guard !buffer.isEmpty else { return }
        output.writeResult(buffer)
        buffer.removeAll(keepingCapacity: true)
    }

    private func json(_ entry: LogEntry, _ action: String) -> String {
        let stream: String? =
            switch entry.stream {
            case .stdout: "stdout"
            case .stderr: "stderr"
            case nil: nil
            }
        let value: JSONValue = [
            "time": entry.timestamp.isEmpty ? .null : .string(String(decoding: entry.timestamp, as: UTF8.self)),
            "context": .string(service.context),
            "service": .string(service.name),
            "action": .string(action),
            "stream": JSONValue(stream),
            "text": .string(String(decoding: entry.text, as: UTF8.self)),
        ]
        return value.text(.compact) + "\n"
    }
}
