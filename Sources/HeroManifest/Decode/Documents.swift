internal import HeroModel

extension ManifestSet {
    /// Decodes one document into a draft of its kind.
    mutating func decode(_ root: YAMLNode, in decoder: inout FileDecoder) {
        guard case .mapping(let entries) = root.content else {
            if case .invalid = root.content { return }
            decoder.report(
                .notAMapping,
                "a manifest must be a map of keys and values",
                help: Self.documentStartHelp(root, decoder.source.line(Int(root.span.line))),
                at: root.span
            )
            return
        }
        guard let kind = decodeKind(entries, root, in: &decoder) else {
            collectPossiblyDeclaredName(entries, in: &decoder)
            return
        }
        switch kind {
        case .service: decodeService(entries, root, in: &decoder)
        case .action: decodeAction(entries, root, in: &decoder)
        case .settings:
            var draft = SettingsDraft(file: decoder.fileIndex, span: root.span)
            if let key = entries.first(where: { $0.key == "kind" }) { draft.span = key.span }
            decoder.context = QualifiedName.defaultContext
            SettingsDraft.table.decode(entries, into: &draft, in: &decoder)
            addDocumentRecord(kind, nil, draft.span, in: decoder)
            settings.append(draft)
        }
    }

    private static func documentStartHelp(_ root: YAMLNode, _ line: String?) -> String {
        if let advice = ConfusableCharacter.help(forLine: line) { return advice }
        if case .scalar(let text, plain: true) = root.content, text.hasPrefix("kind:") {
            return "write a space after each `:`, as in `kind: Service`"
        }
        return "begin it with `kind: Service`, and write one `key: value` per line"
    }

    private func decodeKind(_ entries: [YAMLEntry], _ root: YAMLNode, in decoder: inout FileDecoder) -> DocumentKind? {
        guard let entry = entries.first(where: { $0.key == "kind" }) else {
            decoder.report(
                .missingKind,
                "this document has no `kind`",
                help: entries.contains { $0.key.lowercased() == "kind" }
                    ? "write all keys in lower case, as in `kind: Service`"
                    : "begin it with `kind: Service`, `kind: Action` or `kind: Settings`",
                at: entries.first?.span ?? root.span
            )
            return nil
        }
        guard let text = decoder.text(entry.value, "kind", example: "kind: Service") else { return nil }
        if let kind = DocumentKind(rawValue: text) { return kind }
        let kinds = DocumentKind.allCases.map(\.rawValue)
        decoder.report(
            .unknownKind,
            "unknown kind \(quoted(text))\(Suggestion.didYouMean(text, kinds))",
            help: "write one of \(alternatives(kinds))",
            at: entry.value.span
        )
        return nil
    }

    /// Keeps the name of a document without a valid kind, because other documents can refer to it.
    private func collectPossiblyDeclaredName(_ entries: [YAMLEntry], in decoder: inout FileDecoder) {
        guard let entry = entries.first(where: { $0.key == "name" }),
            case .scalar(let text, plain: _) = entry.value.content
        else { return }
        decoder.possiblyDeclaredNames.insert(text)
    }

    /// Decodes the name of a document, and sets the context in which its references are resolved.
    private func decodeName(_ entries: [YAMLEntry], in decoder: inout FileDecoder) -> (
        name: QualifiedName?, span: Span?
    ) {
        decoder.context = QualifiedName.defaultContext
        var isContextValid = true
        if let entry = entries.first(where: { $0.key == "context" }) {
            if let context = decoder.name(entry.value, "context") {
                decoder.context = context
            } else {
                isContextValid = false
            }
        }
        guard let entry = entries.first(where: { $0.key == "name" }) else {
            decoder.report(
                .missingKey,
                "this document has no `name`",
                help: "add `name:` with a name that is unique in its context",
                at: entries.first { $0.key == "kind" }?.span ?? .start
            )
            return (nil, nil)
        }
        guard let name = decoder.name(entry.value, "name") else { return (nil, entry.value.span) }
        guard isContextValid else {
            decoder.possiblyDeclaredNames.insert(name)
            return (nil, entry.value.span)
        }
        return (QualifiedName(name, context: decoder.context), entry.value.span)
    }

    private mutating func decodeService(_ entries: [YAMLEntry], _ root: YAMLNode, in decoder: inout FileDecoder) {
        let (name, span) = decodeName(entries, in: &decoder)
        var draft = ServiceDraft(
            file: decoder.fileIndex,
            spec: ServiceSpec(name ?? QualifiedName("", context: decoder.context), actions: []),
            span: span ?? root.span
        )
        let hasActions: Bool
        if ServiceDraft.isShortForm(entries) {
            hasActions = draft.decodeShortForm(entries, in: &decoder)
        } else {
            ServiceDraft.table.decode(entries, into: &draft, in: &decoder)
            hasActions =
                !draft.actionItems.isEmpty || draft.hasInvalidItems || draft.misspelledKeys.contains("actions")
        }
        if !hasActions {
            decoder.report(
                .noActions,
                name.map { "the service `\($0.name)` has no actions" } ?? "this service has no actions",
                help: "write `exec: [program, argument]` for one program, or list several actions in `actions:`",
                at: draft.span(of: "actions")
            )
        }
        addDocumentRecord(.service, name, draft.span, in: decoder)
        draft.hasValidName = name != nil
        services.append(draft)
    }

    private mutating func decodeAction(_ entries: [YAMLEntry], _ root: YAMLNode, in decoder: inout FileDecoder) {
        let (name, span) = decodeName(entries, in: &decoder)
        var draft = ActionDraft(
            file: decoder.fileIndex,
            context: decoder.context,
            name: name?.name ?? "",
            span: span ?? root.span
        )
        ActionDraft.table.decode(entries, into: &draft, in: &decoder)
        draft.finishDecoding(in: &decoder)
        addDocumentRecord(.action, name, draft.span, in: decoder)
        if name != nil { actions.append(draft) }
    }

    private mutating func addDocumentRecord(
        _ kind: DocumentKind,
        _ name: QualifiedName?,
        _ span: Span,
        in decoder: FileDecoder
    ) {
        documents.append(DocumentRecord(kind: kind.rawValue, name: name, place: decoder.source.location(span)))
    }
}
