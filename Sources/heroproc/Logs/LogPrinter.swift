import HeroJSON
import HeroModel
import HeroView

/// Turns log lines into results.
struct LogPrinter {
    private let format: OutputFormat
    private var labels: LogLabels
    /// The bytes that are not written yet.
    private(set) var buffer: [UInt8] = []
    /// The log whose last piece has no line feed yet.
    private var openLine: String?

    /// Creates a printer.
    init(_ format: OutputFormat, _ labels: LogLabels) {
        self.format = format
        self.labels = labels
    }

    /// Adds logs whose lines will be printed.
    mutating func add(_ sources: [LogSource]) { labels.add(sources) }

    /// Adds one line of a log to the buffer.
    mutating func print(_ entry: LogEntry, of reader: LogReader) {
        switch format {
        case .text:
            // A long line comes in pieces; a line of another log must not continue it.
            if let openLine, openLine != reader.source.folder { buffer.append(UInt8(ascii: "\n")) }
            openLine = entry.end == .moreFollows ? reader.source.folder : nil
            labels.view(of: reader.source)?.append(entry, to: &buffer)
        case .json: buffer += Self.json(entry, of: reader).utf8
        }
    }

    /// Returns the buffered bytes and empties the buffer.
    mutating func takeBuffer() -> [UInt8] {
        defer { buffer.removeAll(keepingCapacity: true) }
        return buffer
    }

    private static func json(_ entry: LogEntry, of reader: LogReader) -> String {
        let source = reader.source
        let stream: String? =
            switch entry.stream {
            case .stdout: "stdout"
            case .stderr: "stderr"
            case nil: nil
            }
        let value: JSONValue = [
            "time": entry.timestamp.isEmpty ? .null : .string(String(decoding: entry.timestamp, as: UTF8.self)),
            "context": .string(source.name.context),
            "service": source.isStandalone ? .null : .string(source.name.name),
            "action": .string(source.action),
            "job": .integer(reader.job ?? source.job),
            "stream": JSONValue(stream),
            "text": .string(String(decoding: entry.text, as: UTF8.self)),
        ]
        return value.text(.compact) + "\n"
    }
}
