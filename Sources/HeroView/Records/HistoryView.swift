public import HeroJSON
public import HeroModel

/// The applied revisions.
public struct HistoryView: Sendable {
    /// The capabilities of the output.
    public var style: OutputStyle

    /// Creates a view.
    public init(_ style: OutputStyle = .plain) {
        self.style = style
    }

    /// One line per revision, in the given order.
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
                .init(revision.git?.directoryText ?? revision.directory),
                .init(revision.summary + (revision.git.map { ": \($0.subject)" } ?? "")),
            ]
        }
        return table.text(style)
    }

    /// `heroproc/history/v1`.
    ///
    /// Variables are listed by name only, because their values may be secrets.
    public static func json(_ revisions: [RevisionRecord]) -> JSONValue {
        ["schema": "heroproc/history/v1", "revisions": .array(revisions.map(json))]
    }

    private static func json(_ source: GitSource, commit: String?) -> JSONValue {
        [
            "repository": .string(source.repository),
            "ref": .string(source.ref),
            "path": .string(source.path),
            "commit": JSONValue(commit),
            "author": .string(source.author),
            "subject": .string(source.subject),
            "signer": JSONValue(source.signer),
        ]
    }

    private static func json(_ revision: RevisionRecord) -> JSONValue {
        [
            "revision": .integer(revision.number),
            "time": .string(revision.time.description),
            "dir": .string(revision.directory),
            "git_commit": JSONValue(revision.gitCommit),
            "git": revision.git.map { json($0, commit: revision.gitCommit) } ?? .null,
            "actor": .string(revision.actor),
            "summary": .string(revision.summary),
            "down": .bool(revision.isDown || revision.isDownForAll),
            "variables": .array(revision.variables.keys.sorted().map(JSONValue.string)),
        ]
    }
}
