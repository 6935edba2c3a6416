internal import HeroModel

/// A service as one document says it, before it is joined with the rest of the set.
struct ServiceDraft: ManifestDraft {
    /// One item of `actions`.
    enum ActionItem {
        /// An action written in place, by its number among those.
        case inline(Int)
        /// The name of an action document.
        case named(QualifiedName, Span)
    }

    /// One name in `requires`, `after`, `wants` or `conflicts`.
    struct Reference {
        /// The key it stands under.
        var kind: RelationKind
        /// Whom it names.
        var target: QualifiedName
        /// Where.
        var span: Span
    }

    /// Its file's number.
    var file: Int
    /// What it says, but for its actions.
    var spec: ServiceSpec
    /// Whether it has a valid name; one that has none is judged too, but nobody can refer to it.
    var hasValidName = true
    /// Where its name is written.
    var span: Span
    /// The actions written in place.
    var inlineActions: [ActionDraft] = []
    /// Its actions in written order.
    var actionItems: [ActionItem] = []
    /// Whom it names, with places.
    var references: [Reference] = []
    /// Whether an item of `actions` was wrong: then an empty list is no further mistake.
    var hasInvalidItems = false
    var writtenFields: [WrittenField] = []
    var misspelledKeys: Set<String> = []

    /// Where a field is written, or else the name.
    func span(of path: String) -> Span { writtenFields.first { $0.path == path }?.span ?? span }
}

/// The kinds of relation to another service that a service can declare.
enum RelationKind: String, CaseIterable {
    /// Hard.
    case requires
    /// Order only.
    case after
    /// Soft.
    case wants
    /// Never up at the same time; the only one that says nothing about order.
    case conflicts
}

extension ServiceDraft {
    /// Every key of `kind: Service` in the order of the reference.
    static let table = KeyTable<ServiceDraft>(
        of: "a service",
        [
            Key("kind") { _, _, _ in },
            Key("name") { _, _, _ in },
            Key("context") { _, _, _ in },
            Key("description") { node, draft, scope in
                if let text = scope.text(node, "description") { draft.spec.description = text }
            },
            Key("class") { node, draft, scope in
                if let value = scope.choice(node, "class", ServiceClass.self) { draft.spec.serviceClass = value }
            },
            Key("status") { node, draft, scope in
                if let value = scope.choice(node, "status", DesiredStatus.self) { draft.spec.status = value }
            },
            Key("tags") { node, draft, scope in draft.spec.tags = scope.uniqueTexts(node, "tags", example: "nightly") },
            Key("labels") { node, draft, scope in
                draft.spec.labels = scope.textMap(node, "labels", example: "team: storage") { path, span in
                    draft.writtenFields.append(WrittenField(path: path, span: span))
                }
            },
            Key("requires") { node, draft, scope in draft.decodeReferences(node, .requires, \.requires, in: &scope) },
            Key("after") { node, draft, scope in draft.decodeReferences(node, .after, \.after, in: &scope) },
            Key("wants") { node, draft, scope in draft.decodeReferences(node, .wants, \.wants, in: &scope) },
            Key("conflicts") { node, draft, scope in draft.decodeReferences(node, .conflicts, \.conflicts, in: &scope)
            },
            Key("required") { node, draft, scope in
                if let value = scope.boolean(node, "required") { draft.spec.required = value }
            },
            Key("env") { node, draft, scope in
                draft.spec.environment = scope.environment(node, "env") { path, span in
                    draft.writtenFields.append(WrittenField(path: path, span: span))
                }
            },
            Key("env_file") { node, draft, scope in
                draft.spec.environmentFiles = scope.paths(node, "env_file", example: "web.env")
            },
            Key("user") { node, draft, scope in draft.spec.user = scope.account(node, "user", other: "group") },
            Key("group") { node, draft, scope in draft.spec.group = scope.account(node, "group", other: "user") },
            Key("cwd") { node, draft, scope in
                draft.spec.workingDirectory = scope.path(node, "cwd", example: "cwd: /srv/web")
            },
            Key("actions") { node, draft, scope in draft.decodeActions(node, in: &scope) },
            Key("start_order") { node, draft, scope in
                if let value = scope.choice(node, "start_order", StartOrder.self) { draft.spec.startOrder = value }
            },
            Key("start") { node, draft, scope in
                Self.startTable.decode(node, example: "replace_existing_jobs: false", into: &draft, in: &scope)
            },
            Key("stop") { node, draft, scope in
                Self.stopTable.decode(node, example: "remove_jobs: true", into: &draft, in: &scope)
            },
            Key("protect") { node, draft, scope in
                if let value = scope.boolean(node, "protect") { draft.spec.isProtected = value }
            },
            Key("generation") { node, draft, scope in
                if let value = scope.integer(node, "generation", in: AllowedRanges.generation) {
                    draft.spec.generation = value
                }
            },
        ],
        elsewhere: { key in
            guard ActionDraft.inlineKeyNames.contains(key) else { return nil }
            return "`\(key)` is a key of an action: write it in an item of `actions`"
        }
    )

    /// The keys of `start`.
    static let startTable = KeyTable<ServiceDraft>(
        of: "start",
        prefix: "start.",
        [
            Key("replace_existing_jobs") { node, draft, scope in
                if let value = scope.boolean(node, "start.replace_existing_jobs") {
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
            Key("remove_jobs") { node, draft, scope in
                if let value = scope.boolean(node, "stop.remove_jobs") { draft.spec.removesJobs = value }
            }
        ],
        elsewhere: { key in
            guard key == "signal" || key == "timeout" else { return nil }
            return "`\(key)` is a key of an action's `stop`: write it in an item of `actions`"
        }
    )

    private mutating func decodeReferences(
        _ node: YAMLNode,
        _ key: RelationKind,
        _ field: WritableKeyPath<ServiceSpec, [QualifiedName]>,
        in scope: inout FileDecoder
    ) {
        for (name, span) in scope.references(node, key.rawValue) {
            spec[keyPath: field].append(name)
            references.append(Reference(kind: key, target: name, span: span))
        }
    }

    private mutating func decodeActions(_ node: YAMLNode, in scope: inout FileDecoder) {
        if case .mapping(let entries) = node.content {
            hasInvalidItems = true
            Self.reportActionsMap(entries, at: node.span, in: &scope)
            return
        }
        for item in scope.items(node, "actions", of: "names or actions", example: "web") {
            switch item.content {
            case .scalar:
                guard let name = scope.reference(item, "actions") else {
                    hasInvalidItems = true
                    continue
                }
                actionItems.append(.named(name, item.span))
            case .mapping(let entries):
                guard let action = ActionDraft.inline(entries, at: item.span, in: &scope) else {
                    hasInvalidItems = true
                    continue
                }
                actionItems.append(.inline(inlineActions.count))
                inlineActions.append(action)
            case .sequence, .invalid:
                scope.reportWrongType(item, "actions", "a list of names or maps", example: "actions: [web]")
                hasInvalidItems = true
            }
        }
        if case .sequence = node.content {} else if !node.isNull { hasInvalidItems = true }
    }

    /// Actions written as a map: by their names, as elsewhere, or one of them without its dash.
    private static func reportActionsMap(_ entries: [YAMLEntry], at span: Span, in scope: inout FileDecoder) {
        let isOne = entries.contains { ActionDraft.inlineKeyNames.contains($0.key) || $0.key == "name" }
        let first = entries.first.map { QualifiedName.isValid($0.key) ? $0.key : "main" } ?? "main"
        scope.report(
            .wrongType,
            "`actions` must be a list of names or actions, not a map",
            help: isOne
                ? "begin the action with a dash: `- name: main`, and its other keys below `name`"
                : "write each as an item of a list: `- name: \(first)`, and its other keys below `name`",
            at: span
        )
    }
}
