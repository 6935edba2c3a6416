internal import HeroModel
import HeroSchedule

/// The `schedule` map of an action.
struct ScheduleDraft: ManifestDraft {
    private var cron: CronExpression?
    private var every: Duration?
    private var overlap = Schedule.Overlap.skip
    private var catchesUp = false
    private var jitter = Duration.zero
    /// The value of `timezone` with its span.
    private(set) var timeZone: (name: String, span: Span)?
    /// The decoded schedule; nil if it is invalid.
    private(set) var schedule: Schedule?
    var writtenFields: [WrittenField] = []
    var misspelledKeys: Set<String> = []

    /// Decodes a schedule: either `cron` or `every`, with the options.
    static func decode(_ node: YAMLNode, in decoder: inout FileDecoder) -> Self {
        var draft = Self()
        table.decode(node, example: "every: 5m", into: &draft, in: &decoder)
        guard case .mapping(let entries) = node.content else { return draft }
        let timings = entries.filter { $0.key == "cron" || $0.key == "every" }
        if timings.count == 1 {
            draft.schedule = (draft.cron.map { .cron($0) } ?? draft.every.map { .every($0) }).map {
                Schedule(
                    $0,
                    timeZone: draft.timeZone?.name ?? "UTC",
                    overlap: draft.overlap,
                    catchesUp: draft.catchesUp,
                    jitter: draft.jitter
                )
            }
        } else if let second = timings.last {
            decoder.report(
                .twoRhythms,
                "this schedule has both `cron` and `every`",
                help: "remove one of them",
                at: second.span
            )
        } else if draft.misspelledKeys.isDisjoint(with: ["cron", "every"]) {
            decoder.report(
                .noRhythm,
                "this schedule has neither `cron` nor `every`",
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
            Key("cron") { node, draft, decoder in draft.cron = decoder.cron(node, "schedule.cron") },
            Key("every") { node, draft, decoder in
                draft.every = decoder.duration(node, "schedule.every", in: AllowedRanges.scheduleInterval)
            },
            Key("timezone") { node, draft, decoder in
                guard let name = decoder.singleLineText(node, "schedule.timezone", example: "timezone: Europe/Brussels")
                else {
                    return
                }
                draft.timeZone = (name, node.span)
            },
            Key("overlap") { node, draft, decoder in
                if let value = decoder.choice(node, "schedule.overlap", Schedule.Overlap.self) { draft.overlap = value }
            },
            Key("catch_up") { node, draft, decoder in
                if let value = decoder.boolean(node, "schedule.catch_up") { draft.catchesUp = value }
            },
            Key("jitter") { node, draft, decoder in
                if let value = decoder.duration(node, "schedule.jitter", in: AllowedRanges.delay) {
                    draft.jitter = value
                }
            },
        ]
    )
}

extension FileDecoder {
    /// Decodes a cron expression.
    mutating func cron(_ node: YAMLNode, _ key: String) -> CronExpression? {
        guard let text = singleLineText(node, key, example: "\(lastComponent(key)): \"*/5 * * * *\"") else {
            return nil
        }
        do throws(CronSyntaxError) {
            return try CronExpression(parsing: text)
        } catch {
            var (problem, help) = problemAndHelp(error.message)
            if text.lowercased().hasPrefix("@every "),
                let every = Proposal.duration(text, in: AllowedRanges.scheduleInterval)
            {
                (problem, help) = ("an interval is not a cron expression", "write it as `every: \(every)`")
            }
            report(
                .invalidCron,
                "`\(key)`: \(problem)",
                help: help ?? "write five fields, such as `30 4 * * mon-fri`",
                at: node.span(ofCharacter: error.offset, of: text)
            )
            return nil
        }
    }

    /// Splits the message of a parser at the semicolon into the problem and the help; the help is optional.
    func problemAndHelp(_ reason: String) -> (problem: Substring, help: String?) {
        let parts = reason.split(separator: ";", maxSplits: 1)
        return (parts.first ?? "", parts.count == 2 ? String(parts[1].drop { $0 == " " }) : nil)
    }
}

extension YAMLNode {
    /// Returns the span of one character of a string; the whole node if escapes or line breaks hide its column.
    func span(ofCharacter offset: Int, of text: String) -> Span {
        guard case .scalar(_, plain: let isPlain) = content else { return span }
        let quotes = isPlain ? 0 : 1
        guard Int(span.length) == text.unicodeScalars.count + 2 * quotes, offset < text.unicodeScalars.count else {
            return span
        }
        return Span(line: span.line, column: span.column + Int32(clamping: offset + quotes), length: 1)
    }
}
