internal import HeroModel

/// The `hold` of a service.
struct HoldDraft: ManifestDraft {
    private var until: WallTime?
    private var reason: String?
    var writtenFields: [WrittenField] = []
    var misspelledKeys: Set<String> = []

    /// Decodes a hold; returns nil, after a report, if it has no valid time and reason.
    static func decode(_ node: YAMLNode, in decoder: inout FileDecoder) -> Hold? {
        var draft = Self()
        table.decode(node, example: Self.example, into: &draft, in: &decoder)
        guard case .mapping(let entries) = node.content else { return nil }
        for key in ["until", "reason"]
        where !entries.contains(where: { $0.key == key }) && !draft.misspelledKeys.contains(key) {
            decoder.report(
                .missingKey,
                "this hold has no `\(key)`",
                help: "write both keys, such as `hold: {\(Self.example)}`",
                at: node.span
            )
        }
        guard let until = draft.until, let reason = draft.reason else { return nil }
        return Hold(until: until, reason: reason)
    }

    private static let example = "until: 2027-01-04T08:00:00+01:00, reason: year-end freeze"

    /// The keys of `hold`.
    static let table = KeyTable<HoldDraft>(
        of: "hold",
        prefix: "hold.",
        [
            Key("until") { node, draft, decoder in draft.until = decoder.time(node, "hold.until") },
            Key("reason") { node, draft, decoder in
                draft.reason = decoder.singleLineText(node, "hold.reason", example: "reason: year-end freeze")
            },
        ]
    )
}

extension FileDecoder {
    /// Decodes a time of RFC 3339.
    mutating func time(_ node: YAMLNode, _ key: String) -> WallTime? {
        let example = "2027-01-04T08:00:00+01:00"
        guard let text = singleLineText(node, key, example: "\(lastComponent(key)): \(example)") else { return nil }
        if let time = WallTime(rfc3339: text) { return time }
        report(
            .invalidTime,
            "`\(key)`: \(quoted(text)) is not a time with a date and an offset from UTC",
            help: "write it as in RFC 3339, such as `\(example)` or `2027-01-04T07:00:00Z`",
            at: node.span
        )
        return nil
    }
}
