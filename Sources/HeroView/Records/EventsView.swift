public import HeroModel

/// What happened: events, and revisions.
public struct EventsView: Sendable {
    /// What the place it goes to can show.
    public var style: OutputStyle

    /// Makes a view.
    public init(_ style: OutputStyle = .plain) {
        self.style = style
    }

    /// One event on one line, ended by a line feed: `TIME level source subject: text`.
    public func line(_ event: EventRecord) -> String {
        let level = event.level.rawValue.padded(to: 7)
        let ink: TextStyle? =
            switch event.level {
            case .info: nil
            case .warning: .yellow
            case .error: .red
            }
        let subject = event.subject.isEmpty ? "" : "\(event.subject.printable): "
        return style.paint(event.time.description, .dim) + " " + style.paint(level, ink)
            + " \(event.source.printable)  \(subject)\(event.text.printable)\n"
    }

    /// One event as one line of JSON, ended by a line feed.
    public static func jsonLine(_ event: EventRecord) -> String {
        let value: JSONValue = [
            "time": .string(event.time.description),
            "level": .string(event.level.rawValue),
            "source": .string(event.source),
            "subject": .string(event.subject),
            "text": .string(event.text),
        ]
        return value.text(.compact) + "\n"
    }
}

/// The applied revisions.
public struct HistoryView: Sendable {
    /// What the place it goes to can show.
    public var style: OutputStyle

    /// Makes a view.
    public init(_ style: OutputStyle = .plain) {
        self.style = style
    }

    /// One line a revision, in the given order.
    public func text(_ revisions: [RevisionRecord], now: WallTime) -> String {
        guard !revisions.isEmpty else { return "Nothing was applied yet.\n" }
        var table = Table([
            .init(heading: "REVISION", alignment: .right), .init(heading: "TIME"), .init(heading: "AGE"),
            .init(heading: "BY"), .init(heading: "COMMIT"), .init(heading: "DIRECTORY"),
            .init(heading: "SUMMARY", isElastic: true),
        ])
        table.rows = revisions.map { revision in
            [
                .init(String(revision.number)),
                .init(revision.time.textToSecond),
                .init(revision.time.relative(to: now)),
                .init(revision.actor),
                .init(String((revision.gitCommit ?? "").prefix(12))),
                .init(revision.directory),
                .init(revision.summary),
            ]
        }
        return table.text(style)
    }

    /// `heroproc/history/v1`.
    ///
    /// Only the names of variables are told: their values may be secrets.
    public static func json(_ revisions: [RevisionRecord]) -> JSONValue {
        ["schema": "heroproc/history/v1", "revisions": .array(revisions.map(json))]
    }

    private static func json(_ revision: RevisionRecord) -> JSONValue {
        [
            "revision": .integer(revision.number),
            "time": .string(revision.time.description),
            "dir": .string(revision.directory),
            "git_commit": JSONValue(revision.gitCommit),
            "actor": .string(revision.actor),
            "summary": .string(revision.summary),
            "down": .bool(revision.isDown || revision.isDownForAll),
            "variables": .array(revision.variables.keys.sorted().map(JSONValue.string)),
        ]
    }
}
