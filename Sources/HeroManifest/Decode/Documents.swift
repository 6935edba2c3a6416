internal import HeroModel

/// The kinds of documents.
enum DocumentKind: String, CaseIterable {
    /// A combination of actions.
    case service = "Service"
    /// An action of its own document.
    case action = "Action"
    /// What holds for the whole set.
    case settings = "Settings"
}

extension ManifestSet {
    /// Reads one document into a draft of its kind.
    mutating func decode(_ root: YAMLNode, in scope: inout FileDecoder) {
        guard case .mapping(let entries) = root.content else {
            if case .invalid = root.content { return }
            scope.report(
                .notAMapping,
                "a manifest is a map of keys and values",
                help: Self.documentStartHelp(root, scope.source.line(Int(root.span.line))),
                at: root.span
            )
            return
        }
        guard let kind = decodeKind(entries, root, in: &scope) else {
            collectPossiblyDeclaredName(entries, in: &scope)
            return
        }
        switch kind {
        case .service: decodeService(entries, root, in: &scope)
        case .action: decodeAction(entries, root, in: &scope)
        case .settings:
            var draft = SettingsDraft(file: scope.fileIndex, span: root.span)
            if let key = entries.first(where: { $0.key == "kind" }) { draft.span = key.span }
            scope.context = QualifiedName.defaultContext
            SettingsDraft.table.decode(entries, into: &draft, in: &scope)
            addDocumentRecord(kind, nil, draft.span, in: scope)
            settings.append(draft)
        }
    }

    private static func documentStartHelp(_ root: YAMLNode, _ line: String?) -> String {
        if let advice = ConfusableCharacter.help(forLine: line) { return advice }
        if case .scalar(let text, plain: true) = root.content, text.hasPrefix("kind:") {
            return "write a blank behind each `:`, as in `kind: Service`"
        }
        return "begin it with `kind: Service` and one `key: value` a line"
    }

    private func decodeKind(_ entries: [YAMLEntry], _ root: YAMLNode, in scope: inout FileDecoder) -> DocumentKind? {
        guard let entry = entries.first(where: { $0.key == "kind" }) else {
            scope.report(
                .missingKind,
                "this document has no `kind`",
                help: entries.contains { $0.key.lowercased() == "kind" }
                    ? "write all keys in small letters, as in `kind: Service`"
                    : "begin it with `kind: Service`, `kind: Action` or `kind: Settings`",
                at: entries.first?.span ?? root.span
            )
            return nil
        }
        guard let text = scope.text(entry.value, "kind", example: "kind: Service") else { return nil }
        if let kind = DocumentKind(rawValue: text) { return kind }
        let kinds = DocumentKind.allCases.map(\.rawValue)
        scope.report(
            .unknownKind,
            "unknown kind \(quoted(text))\(Suggestion.didYouMean(text, kinds))",
            help: "write one of \(alternatives(kinds))",
            at: entry.value.span
        )
        return nil
    }

    /// A document of no known kind still has a name that others may refer to.
    private func collectPossiblyDeclaredName(_ entries: [YAMLEntry], in scope: inout FileDecoder) {
        guard let entry = entries.first(where: { $0.key == "name" }),
            case .scalar(let text, plain: _) = entry.value.content
        else { return }
        scope.possiblyDeclaredNames.insert(text)
    }

    /// The name of a document; also sets the context in which its references are read.
    private func decodeName(_ entries: [YAMLEntry], in scope: inout FileDecoder) -> (name: QualifiedName?, span: Span?)
    {
        scope.context = QualifiedName.defaultContext
        var contextIsGood = true
        if let entry = entries.first(where: { $0.key == "context" }) {
            if let context = scope.name(entry.value, "context") {
                scope.context = context
            } else {
                contextIsGood = false
            }
        }
        guard let entry = entries.first(where: { $0.key == "name" }) else {
            scope.report(
                .missingKey,
                "this document has no `name`",
                help: "add `name: ` and a name that is unique in its context",
                at: entries.first { $0.key == "kind" }?.span ?? .start
            )
            return (nil, nil)
        }
        guard let name = scope.name(entry.value, "name") else { return (nil, entry.value.span) }
        guard contextIsGood else {
            scope.possiblyDeclaredNames.insert(name)
            return (nil, entry.value.span)
        }
        return (QualifiedName(name, context: scope.context), entry.value.span)
    }

    private mutating func decodeService(_ entries: [YAMLEntry], _ root: YAMLNode, in scope: inout FileDecoder) {
        let (name, span) = decodeName(entries, in: &scope)
        var draft = ServiceDraft(
            file: scope.fileIndex,
            spec: ServiceSpec(name ?? QualifiedName("", context: scope.context), actions: []),
            span: span ?? root.span
        )
        ServiceDraft.table.decode(entries, into: &draft, in: &scope)
        if draft.actionItems.isEmpty, !draft.hasInvalidItems, !draft.misspelledKeys.contains("actions") {
            scope.report(
                .noActions,
                name.map { "the service `\($0.name)` has no actions" } ?? "this service has no actions",
                help: "add `actions:` with at least one, such as `- {name: main, exec: [sleep, 1d], is_process: true}`",
                at: draft.span(of: "actions")
            )
        }
        addDocumentRecord(.service, name, draft.span, in: scope)
        draft.hasValidName = name != nil
        services.append(draft)
    }

    private mutating func decodeAction(_ entries: [YAMLEntry], _ root: YAMLNode, in scope: inout FileDecoder) {
        let (name, span) = decodeName(entries, in: &scope)
        var draft = ActionDraft(
            file: scope.fileIndex,
            context: scope.context,
            name: name?.name ?? "",
            span: span ?? root.span
        )
        ActionDraft.table.decode(entries, into: &draft, in: &scope)
        draft.finishDecoding(in: &scope)
        addDocumentRecord(.action, name, draft.span, in: scope)
        if name != nil { actions.append(draft) }
    }

    private mutating func addDocumentRecord(
        _ kind: DocumentKind,
        _ name: QualifiedName?,
        _ span: Span,
        in scope: FileDecoder
    ) {
        documents.append(DocumentRecord(kind: kind.rawValue, name: name, place: scope.source.place(span)))
    }
}
