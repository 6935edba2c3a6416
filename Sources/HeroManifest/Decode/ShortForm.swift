internal import HeroModel

/// The short form of a service with one action, `main`: the keys of the action are written in the service itself.
extension ServiceDraft {
    /// The name of the action.
    static let mainActionName = "main"

    /// Whether the entries of a service without `actions` contain a key that only an action has, also a misspelled one.
    static func isShortForm(_ entries: [YAMLEntry]) -> Bool {
        var hasActionKey = false
        for entry in entries where !serviceKeyNames.contains(entry.key) {
            if actionOnlyKeyNames.contains(entry.key) {
                hasActionKey = true
            } else if case .sameAs("exec")? = ForeignKey.find(entry.key, isOuter: true) {
                hasActionKey = true
            } else if Suggestion.nearest(entry.key, serviceKeyNames) == nil,
                Suggestion.nearest(entry.key, actionOnlyKeyNames) != nil
            {
                hasActionKey = true
            }
        }
        return hasActionKey && !entries.contains { $0.key == "actions" }
    }

    /// Decodes the entries of a service in the short form; returns false if it has no program.
    mutating func decodeShortForm(_ entries: [YAMLEntry], in decoder: inout FileDecoder) -> Bool {
        let program = entries.first { $0.key == "exec" || $0.key == "script" }
        var action = ActionDraft(
            file: file,
            context: decoder.context,
            name: Self.mainActionName,
            span: program?.span ?? span
        )
        action.spec.isProcess = true
        mainAction = action
        Self.shortTable.decode(entries, into: &self, in: &decoder)
        guard var main = mainAction else { return true }
        mainAction = nil
        main.misspelledKeys = misspelledKeys
        let hasProgram = program != nil || !misspelledKeys.isDisjoint(with: ["exec", "script"])
        // The caller reports a missing program once.
        if !hasProgram { main.misspelledKeys.insert("exec") }
        main.finishDecoding(in: &decoder)
        actionItems = [.inline(inlineActions.count)]
        inlineActions.append(main)
        return hasProgram
    }

    /// The keys of a service in the short form: those of a service without `actions`, and those that only an action
    /// has.
    static let shortTable = KeyTable<ServiceDraft>(
        of: "a service",
        table.keys.filter { $0.name != "actions" }.map { $0.name == "stop" ? shortStopKey : $0 }
            + ActionDraft.inlineTable.keys.filter { actionOnlyKeyNames.contains($0.name) }.map(mainActionKey),
        misplacedKeyHelp: { key in
            guard key == "schedule" || key == "run_on" else { return nil }
            return "declare the action in a document of `kind: Action`: a standalone action runs outside services"
        }
    )

    /// The keys of `stop` in the short form: those of a service and those of an action.
    static let shortStopTable = KeyTable<ServiceDraft>(
        of: "stop",
        prefix: "stop.",
        stopTable.keys
            + StopDraft.actionTable.keys.map { key in
                Key(key.name) { node, draft, decoder in
                    draft.withMainAction { main, field in
                        main.stop.writtenFields.append(field)
                        key.decode(node, &main.stop, &decoder)
                    }
                }
            }
    )

    private static let shortStopKey = Key<ServiceDraft>("stop") { node, draft, decoder in
        shortStopTable.decode(node, example: "timeout: 30s", into: &draft, in: &decoder)
    }

    private static func mainActionKey(_ key: Key<ActionDraft>) -> Key<ServiceDraft> {
        Key(key.name) { node, draft, decoder in
            draft.withMainAction { main, field in
                main.writtenFields.append(field)
                key.decode(node, &main, &decoder)
            }
        }
    }

    /// Passes the action and the field that was written last, which belongs to the action, to a function.
    private mutating func withMainAction(_ body: (inout ActionDraft, WrittenField) -> Void) {
        guard var main = mainAction, let field = writtenFields.popLast() else { return }
        // The draft is moved, not copied.
        mainAction = nil
        body(&main, field)
        mainAction = main
    }

    private static let serviceKeyNames = Set(table.keys.map(\.name))
    /// The names of the keys that an inline action has and a service has not.
    static let actionOnlyKeyNames = ActionDraft.inlineKeyNames.subtracting(serviceKeyNames)
}
