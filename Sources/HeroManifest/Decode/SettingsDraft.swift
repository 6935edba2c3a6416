internal import HeroModel

/// The settings of the set as their document says them.
struct SettingsDraft: ManifestDraft {
    /// Its file's number.
    var file: Int
    /// Where the document begins.
    var span: Span
    /// What must be declared, with places; nil where nothing is said.
    var required: [(name: QualifiedName, span: Span)]?
    private var spec = Settings()
    private var stop = StopDraft()
    private var retry = RetryDraft()
    private var log = LogDraft()
    var writtenFields: [WrittenField] = []
    var misspelledKeys: Set<String> = []

    init(file: Int, span: Span) {
        self.file = file
        self.span = span
    }

    /// What it says, with the contract's defaults where it says nothing.
    var settings: Settings {
        var result = spec
        if let required { result.required = required.map(\.name) }
        result.stop = stop.policy(defaultingTo: result.stop)
        result.retry = retry.defaults
        result.log = log.policy(defaultingTo: result.log)
        return result
    }

    /// Where the defaults of actions are written, by the field of an action that they are for.
    var defaultPlaces: [WrittenField] {
        let prefix = "defaults."
        return (stop.writtenFields + retry.writtenFields + log.writtenFields).map {
            WrittenField(path: String($0.path.dropFirst(prefix.count)), span: $0.span)
        }
    }

    /// Every key of `kind: Settings`.
    static let table = KeyTable<SettingsDraft>(
        of: "settings",
        [
            Key("kind") { _, _, _ in },
            Key("required") { node, draft, scope in
                // A key without a value is no list: nobody should switch a safeguard off by leaving it empty.
                if node.isNull {
                    scope.reportWrongType(node, "required", "a list of names", example: "required: []")
                } else {
                    draft.required = scope.references(node, "required")
                }
            },
            Key("vars") { node, draft, scope in
                draft.spec.variables = scope.variableMap(node, "vars") { path, span in
                    draft.writtenFields.append(WrittenField(path: path, span: span))
                }
            },
            Key("pass_env") { node, draft, scope in
                draft.spec.passedEnvironment = scope.variableNames(node, "pass_env")
            },
            Key("defaults") { node, draft, scope in
                Self.defaultsTable.decode(node, example: "stop: {timeout: 30s}", into: &draft, in: &scope)
            },
            Key("retention") { node, draft, scope in
                for item in scope.items(node, "retention", of: "rules", example: "{tag: nightly, older_than: 7d}") {
                    if let rule = RetentionDraft.decode(item, in: &scope) { draft.spec.retention.append(rule) }
                }
            },
            Key("max_disruption") { node, draft, scope in
                draft.spec.maxDisruption = scope.integer(node, "max_disruption", in: AllowedRanges.maxDisruption)
            },
        ]
    )

    /// The keys of `defaults`.
    static let defaultsTable = KeyTable<SettingsDraft>(
        of: "defaults",
        prefix: "defaults.",
        [
            Key("stop") { node, draft, scope in
                StopDraft.settingsTable.decode(node, example: "timeout: 30s", into: &draft.stop, in: &scope)
            },
            Key("retry") { node, draft, scope in
                RetryDraft.settingsTable.decode(node, example: "max_delay: 1m", into: &draft.retry, in: &scope)
            },
            Key("log") { node, draft, scope in
                LogDraft.settingsTable.decode(node, example: "max_size: 10MiB", into: &draft.log, in: &scope)
            },
        ]
    )
}

/// One rule of `retention` as its map says it.
struct RetentionDraft: ManifestDraft {
    private var rule = RetentionRule(olderThan: .zero)
    private var olderThan: Duration?
    var writtenFields: [WrittenField] = []
    var misspelledKeys: Set<String> = []

    /// Reads a rule; nil, and reported, where it does not say how old jobs must be.
    static func decode(_ node: YAMLNode, in scope: inout FileDecoder) -> RetentionRule? {
        var draft = Self()
        table.decode(node, example: "older_than: 7d", into: &draft, in: &scope)
        guard case .mapping(let entries) = node.content else { return nil }
        if !entries.contains(where: { $0.key == "older_than" }), !draft.misspelledKeys.contains("older_than") {
            scope.report(
                .missingKey,
                "this rule has no `older_than`",
                help: "say how long ended jobs are kept, such as `older_than: 7d`",
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
            Key("tag") { node, draft, scope in
                draft.rule.tag = scope.singleLineText(node, "retention.tag", example: "tag: nightly")
            },
            Key("service") { node, draft, scope in draft.rule.service = scope.reference(node, "retention.service") },
            Key("action") { node, draft, scope in draft.rule.action = scope.name(node, "retention.action") },
            Key("phases") { node, draft, scope in
                var phases = OrderedSet<JobPhase>()
                for item in scope.scalarItems(node, "retention.phases", of: "phases", example: "succeeded") {
                    guard let phase = scope.choice(item, "retention.phases", EndedPhase.self)?.phase else { continue }
                    if !phases.append(phase) { scope.reportListedTwice(item, "retention.phases", phase.rawValue) }
                }
                draft.rule.phases = phases.items
            },
            Key("older_than") { node, draft, scope in
                draft.olderThan = scope.duration(node, "retention.older_than", in: AllowedRanges.delay)
            },
        ]
    )
}

/// The phases that a job can be deleted in.
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
