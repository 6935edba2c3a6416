internal import HeroModel
import HeroSchedule

/// `schedule` as its map says it.
struct ScheduleDraft: ManifestDraft {
    private var cron: CronExpression?
    private var every: Duration?
    private var overlap = Schedule.Overlap.skip
    /// The value of `timezone` with its place.
    private(set) var timeZone: (name: String, span: Span)?
    /// What it says, once it is read; nil where it is wrong.
    private(set) var schedule: Schedule?
    var writtenFields: [WrittenField] = []
    var misspelledKeys: Set<String> = []

    /// Reads a schedule: one rhythm, and how it is kept.
    static func decode(_ node: YAMLNode, in scope: inout FileDecoder) -> Self {
        var draft = Self()
        table.decode(node, example: "every: 5m", into: &draft, in: &scope)
        guard case .mapping(let entries) = node.content else { return draft }
        let rhythms = entries.filter { $0.key == "cron" || $0.key == "every" }
        if rhythms.count == 1 {
            draft.schedule = (draft.cron.map { .cron($0) } ?? draft.every.map { .every($0) }).map {
                Schedule($0, timeZone: draft.timeZone?.name ?? "UTC", overlap: draft.overlap)
            }
        } else if let second = rhythms.last {
            scope.report(
                .twoRhythms,
                "a schedule has `cron` or `every`, not both",
                help: "remove one of them",
                at: second.span
            )
        } else if draft.misspelledKeys.isDisjoint(with: ["cron", "every"]) {
            scope.report(
                .noRhythm,
                "this schedule does not say when",
                help: "write `cron: \"*/5 * * * *\"` or `every: 5m`",
                at: node.span
            )
        }
        return draft
    }

    /// The keys of `schedule`.
    static let table = KeyTable<ScheduleDraft>(
        of: "schedule",
        prefix: "schedule.",
        [
            Key("cron") { node, draft, scope in draft.cron = scope.cron(node, "schedule.cron") },
            Key("every") { node, draft, scope in
                draft.every = scope.duration(node, "schedule.every", in: AllowedRanges.scheduleInterval)
            },
            Key("timezone") { node, draft, scope in
                guard let name = scope.singleLineText(node, "schedule.timezone", example: "timezone: Europe/Brussels")
                else {
                    return
                }
                draft.timeZone = (name, node.span)
            },
            Key("overlap") { node, draft, scope in
                if let value = scope.choice(node, "schedule.overlap", Schedule.Overlap.self) { draft.overlap = value }
            },
        ]
    )
}

extension FileDecoder {
    /// A cron expression.
    mutating func cron(_ node: YAMLNode, _ key: String) -> CronExpression? {
        guard let text = singleLineText(node, key, example: "\(lastComponent(key)): \"*/5 * * * *\"") else {
            return nil
        }
        do throws(CronSyntaxError) {
            return try CronExpression(parsing: text)
        } catch {
            let (wrong, advice) = problemAndHelp(error.message)
            report(
                .invalidCron,
                "`\(key)`: \(wrong)",
                help: advice ?? "write five fields, such as `30 4 * * mon-fri`",
                at: node.span(ofCharacter: error.offset, of: text)
            )
            return nil
        }
    }

    /// The two halves of a parser's reason: what is wrong, and after the semicolon, where there is one, what to do.
    func problemAndHelp(_ reason: String) -> (wrong: Substring, advice: String?) {
        let parts = reason.split(separator: ";", maxSplits: 1)
        return (parts.first ?? "", parts.count == 2 ? String(parts[1].drop { $0 == " " }) : nil)
    }
}

extension YAMLNode {
    /// The place of one character of its text; the whole node where escapes or lines hide it.
    func span(ofCharacter offset: Int, of text: String) -> Span {
        guard case .scalar(_, plain: let isPlain) = content else { return span }
        let quotes = isPlain ? 0 : 1
        guard Int(span.length) == text.unicodeScalars.count + 2 * quotes, offset < text.unicodeScalars.count else {
            return span
        }
        return Span(line: span.line, column: span.column + Int32(clamping: offset + quotes), length: 1)
    }
}
