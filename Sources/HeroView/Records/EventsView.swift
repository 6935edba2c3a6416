public import HeroJSON
public import HeroModel

/// Events as text and JSON.
public struct EventsView: Sendable {
    /// The capabilities of the output.
    public var style: OutputStyle

    /// Creates a view.
    public init(_ style: OutputStyle = .plain) {
        self.style = style
    }

    /// One event on one line, ended by a line feed: `TIME level source subject: text`.
    public func line(_ event: EventRecord) -> String {
        let level = event.level.rawValue.padded(to: 7)
        let textStyle: TextStyle? =
            switch event.level {
            case .info: nil
            case .warning: .yellow
            case .error: .red
            }
        let subject = event.subject.isEmpty ? "" : "\(event.subject.printable): "
        return style.paint(event.time.description, .dim) + " " + style.paint(level, textStyle)
            + " \(event.source.printable)  \(subject)\(event.text.printable)\n"
    }

    /// One event as one line of JSON, ended by a line feed.
    public static func jsonLine(_ event: EventRecord) -> String { json(event).text(.compact) + "\n" }

    /// One event as JSON.
    public static func json(_ event: EventRecord) -> JSONValue {
        [
            "time": .string(event.time.description),
            "level": .string(event.level.rawValue),
            "source": .string(event.source),
            "subject": .string(event.subject),
            "text": .string(event.text),
        ]
    }
}
