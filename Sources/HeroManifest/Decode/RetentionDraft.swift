internal import HeroModel

/// One rule of `retention`.
struct RetentionDraft: ManifestDraft {
    private var rule = RetentionRule(olderThan: .zero)
    private var olderThan: Duration?
    var writtenFields: [WrittenField] = []
    var misspelledKeys: Set<String> = []

    /// Decodes a rule; returns nil, after a report, if it has no valid `older_than`.
    static func decode(_ node: YAMLNode, in decoder: inout FileDecoder) -> RetentionRule? {
        var draft = Self()
        table.decode(node, example: "older_than: 7d", into: &draft, in: &decoder)
        guard case .mapping(let entries) = node.content else { return nil }
        if !entries.contains(where: { $0.key == "older_than" }), !draft.misspelledKeys.contains("older_than") {
            decoder.report(
                .missingKey,
                "this rule has no `older_than`",
                help: "add how long ended jobs are kept, such as `older_than: 7d`",
                at: node.span
            )
        }
        guard let olderThan = draft.olderThan else { return nil }
        draft.rule.olderThan = olderThan
        return draft.rule
    }

    /// The keys of a rule.
    static let table = KeyTable<RetentionDraft>(
        of: "retention",
        prefix: "retention.",
        [
            Key("tag") { node, draft, decoder in
                draft.rule.tag = decoder.singleLineText(node, "retention.tag", example: "tag: nightly")
            },
            Key("service") { node, draft, decoder in draft.rule.service = decoder.reference(node, "retention.service")
            },
            Key("action") { node, draft, decoder in draft.rule.action = decoder.name(node, "retention.action") },
            Key("phases") { node, draft, decoder in
                var phases = OrderedSet<JobPhase>()
                for item in decoder.scalarItems(node, "retention.phases", of: "phases", example: "succeeded") {
                    guard let phase = decoder.choice(item, "retention.phases", EndedPhase.self)?.phase else { continue }
                    if !phases.append(phase) { decoder.reportListedTwice(item, "retention.phases", phase.rawValue) }
                }
                draft.rule.phases = phases.items
            },
            Key("older_than") { node, draft, decoder in
                draft.olderThan = decoder.duration(node, "retention.older_than", in: AllowedRanges.delay)
            },
        ]
    )
}

/// The phases in which a job can be deleted.
private enum EndedPhase: RawRepresentable, CaseIterable {
    case ended(JobPhase)

    static var allCases: [Self] { JobPhase.allCases.filter(\.isFinished).map { .ended($0) } }

    init?(rawValue: String) {
        guard let phase = JobPhase(rawValue: rawValue), phase.isFinished else { return nil }
        self = .ended(phase)
    }

    var rawValue: String { phase.rawValue }

    var phase: JobPhase {
        switch self {
        case .ended(let phase): phase
        }
    }
}
