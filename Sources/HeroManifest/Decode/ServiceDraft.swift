internal import HeroModel

/// The service that one document declares, before the set is complete.
struct ServiceDraft: ManifestDraft {
    /// One item of `actions`.
    enum ActionItem {
        /// An inline action, by its index in `inlineActions`.
        case inline(Int)
        /// A reference to an action document.
        case named(QualifiedName, Span)
    }

    /// One reference in `requires`, `after`, `wants` or `conflicts`.
    struct Reference {
        /// The key that contains the reference.
        var kind: RelationKind
        /// The name of the other service.
        var target: QualifiedName
        /// The span of the reference.
        var span: Span
        /// What the other service must have reached, if this is a requirement.
        var until = Requirement.Milestone.up
        /// The span of the key `until`; nil if it is not written.
        var untilSpan: Span?
    }

    /// The index of the file.
    var file: Int
    /// The spec without the actions.
    var spec: ServiceSpec
    /// Whether the service has a valid name.
    ///
    /// Without one, it is checked too, but no other service can refer to it.
    var hasValidName = true
    /// The span of the name.
    var span: Span
    /// The inline actions.
    var inlineActions: [ActionDraft] = []
    /// The items of `actions`, in order.
    var actionItems: [ActionItem] = []
    /// The references to other services.
    var references: [Reference] = []
    /// The action of the short form while its keys are decoded.
    var mainAction: ActionDraft?
    /// Whether an item of `actions` is invalid; then an empty list is not reported as well.
    var hasInvalidItems = false
    var writtenFields: [WrittenField] = []
    var misspelledKeys: Set<String> = []

    /// Returns the span of the key of a field; the span of the name if the field is not written.
    func span(of path: String) -> Span { writtenFields.first { $0.path == path }?.span ?? span }
}

extension ServiceDraft {
    /// The keys of `kind: Service`, in the order of the reference page.
    static let table = KeyTable<ServiceDraft>(
        of: "a service",
        [
            Key("kind") { _, _, _ in },
            Key("name") { _, _, _ in },
            Key("context") { _, _, _ in },
            Key("description") { node, draft, decoder in
                if let text = decoder.text(node, "description") { draft.spec.description = text }
            },
            Key("class") { node, draft, decoder in
                if let value = decoder.choice(node, "class", ServiceClass.self) { draft.spec.serviceClass = value }
            },
            Key("status") { node, draft, decoder in
                if let value = decoder.choice(node, "status", DesiredStatus.self) { draft.spec.status = value }
            },
            Key("tags") { node, draft, decoder in
                draft.spec.tags = decoder.uniqueTexts(node, "tags", example: "nightly")
            },
            Key("labels") { node, draft, decoder in
                draft.spec.labels = decoder.textMap(node, "labels", example: "team: storage") { path, span in
                    draft.writtenFields.append(WrittenField(path: path, span: span))
                }
            },
            Key("requires") { node, draft, decoder in draft.decodeRequirements(node, in: &decoder) },
            Key("after") { node, draft, decoder in draft.decodeReferences(node, .after, \.after, in: &decoder) },
            Key("wants") { node, draft, decoder in draft.decodeReferences(node, .wants, \.wants, in: &decoder) },
            Key("conflicts") { node, draft, decoder in
                draft.decodeReferences(node, .conflicts, \.conflicts, in: &decoder)
            },
            Key("required") { node, draft, decoder in
                if let value = decoder.boolean(node, "required") { draft.spec.required = value }
            },
            Key("essential") { node, draft, decoder in
                if let value = decoder.boolean(node, "essential") { draft.spec.isEssential = value }
            },
            Key("env") { node, draft, decoder in
                draft.spec.environment = decoder.environment(node, "env") { path, span in
                    draft.writtenFields.append(WrittenField(path: path, span: span))
                }
            },
            Key("env_file") { node, draft, decoder in
                draft.spec.environmentFiles = decoder.environmentFiles(node, "env_file")
            },
            Key("files") { node, draft, decoder in draft.spec.files = decoder.contentPaths(node, "files") },
            Key("user") { node, draft, decoder in draft.spec.user = decoder.account(node, "user", other: "group") },
            Key("group") { node, draft, decoder in draft.spec.group = decoder.account(node, "group", other: "user") },
            Key("cwd") { node, draft, decoder in
                draft.spec.workingDirectory = decoder.path(node, "cwd", example: "cwd: /srv/web")
            },
            Key("actions") { node, draft, decoder in draft.decodeActions(node, in: &decoder) },
            Key("start_order") { node, draft, decoder in
                if let value = decoder.choice(node, "start_order", StartOrder.self) { draft.spec.startOrder = value }
            },
            Key("start") { node, draft, decoder in
                Self.startTable.decode(node, example: "replace_existing_jobs: false", into: &draft, in: &decoder)
            },
            Key("stop") { node, draft, decoder in
                Self.stopTable.decode(node, example: "remove_jobs: true", into: &draft, in: &decoder)
            },
            Key("protect") { node, draft, decoder in
                if let value = decoder.boolean(node, "protect") { draft.spec.isProtected = value }
            },
            Key("generation") { node, draft, decoder in
                if let value = decoder.integer(node, "generation", in: AllowedRanges.generation) {
                    draft.spec.generation = value
                }
            },
            Key("hold") { node, draft, decoder in draft.spec.hold = HoldDraft.decode(node, in: &decoder) },
        ],
        misplacedKeyHelp: { key in
            guard ActionDraft.inlineKeyNames.contains(key) else { return nil }
            return "`\(key)` is a key of an action: write it in an item of `actions`"
        }
    )

    /// The keys of `start`.
    static let startTable = KeyTable<ServiceDraft>(
        of: "start",
        prefix: "start.",
        [
            Key("replace_existing_jobs") { node, draft, decoder in
                if let value = decoder.boolean(node, "start.replace_existing_jobs") {
                    draft.spec.replacesExistingJobs = value
                }
            }
        ]
    )

    /// The keys of `stop`.
    static let stopTable = KeyTable<ServiceDraft>(
        of: "stop",
        prefix: "stop.",
        [
            Key("remove_jobs") { node, draft, decoder in
                if let value = decoder.boolean(node, "stop.remove_jobs") { draft.spec.removesJobs = value }
            }
        ],
        misplacedKeyHelp: { key in
            guard ["signal", "timeout", "to", "exec"].contains(key) else { return nil }
            return "`\(key)` is a key of `stop` in an action: write it in an item of `actions`"
        }
    )

    private mutating func decodeRequirements(_ node: YAMLNode, in decoder: inout FileDecoder) {
        for found in decoder.requirements(node, RelationKind.requires.rawValue) {
            spec.requirements.append(found.requirement)
            references.append(
                Reference(
                    kind: .requires,
                    target: found.requirement.service,
                    span: found.span,
                    until: found.requirement.until,
                    untilSpan: found.untilSpan
                )
            )
        }
    }

    private mutating func decodeReferences(
        _ node: YAMLNode,
        _ key: RelationKind,
        _ field: WritableKeyPath<ServiceSpec, [QualifiedName]>,
        in decoder: inout FileDecoder
    ) {
        for (name, span) in decoder.references(node, key.rawValue) {
            spec[keyPath: field].append(name)
            references.append(Reference(kind: key, target: name, span: span))
        }
    }

    private mutating func decodeActions(_ node: YAMLNode, in decoder: inout FileDecoder) {
        if case .mapping(let entries) = node.content {
            hasInvalidItems = true
            Self.reportActionsMap(entries, at: node.span, in: &decoder)
            return
        }
        for item in decoder.items(node, "actions", of: "names or actions", example: "web") {
            switch item.content {
            case .scalar:
                guard let name = decoder.reference(item, "actions") else {
                    hasInvalidItems = true
                    continue
                }
                actionItems.append(.named(name, item.span))
            case .mapping(let entries):
                guard let action = ActionDraft.inline(entries, at: item.span, in: &decoder) else {
                    hasInvalidItems = true
                    continue
                }
                actionItems.append(.inline(inlineActions.count))
                inlineActions.append(action)
            case .sequence, .invalid:
                decoder.reportWrongType(item, "actions", "a list of names or maps", example: "actions: [web]")
                hasInvalidItems = true
            }
        }
        if case .sequence = node.content {} else if !node.isNull { hasInvalidItems = true }
    }

    /// Reports `actions` written as a map: either actions by name, as in other tools, or one action without its dash.
    private static func reportActionsMap(_ entries: [YAMLEntry], at span: Span, in decoder: inout FileDecoder) {
        let isSingleAction = entries.contains { ActionDraft.inlineKeyNames.contains($0.key) || $0.key == "name" }
        let first = entries.first.map { QualifiedName.isValid($0.key) ? $0.key : "main" } ?? "main"
        decoder.report(
            .wrongType,
            "`actions` must be a list of names or actions, not a map",
            help: isSingleAction
                ? "begin the action with a dash, as in `- name: main`, and indent its other keys like `name`"
                : "write each action as a list item, as in `- name: \(first)`, and indent its other keys like `name`",
            at: span
        )
    }
}
