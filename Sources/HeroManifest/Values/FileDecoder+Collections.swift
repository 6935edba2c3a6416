internal import HeroModel

/// Decodes lists and maps. An invalid item is reported and left out; the other items are decoded.
extension FileDecoder {
    /// Returns the items of a list; a key without a value counts as an empty list.
    mutating func items(_ node: YAMLNode, _ key: String, of what: String, example: String) -> [YAMLNode] {
        if case .sequence(let items) = node.content { return items }
        if !node.isNull {
            reportWrongType(
                node,
                key,
                "a list of \(what)",
                example: "\(lastComponent(key)): [\(example)]",
                proposal: { what == "rules" ? nil : Proposal.list($0, key) }
            )
        }
        return []
    }

    /// Returns the items of a list that are scalars; reports all other items.
    mutating func scalarItems(_ node: YAMLNode, _ key: String, of what: String, example: String) -> [YAMLNode] {
        let all = items(node, key, of: what, example: example)
        if all.allSatisfy({ scalar($0) != nil }) { return all }
        return all.filter { requireScalar($0, key, of: what, example: example) }
    }

    /// Returns whether an item of a list is a scalar; reports it if it is not.
    mutating func requireScalar(_ item: YAMLNode, _ key: String, of what: String, example: String) -> Bool {
        let found: String
        let help: String
        switch item.content {
        case .scalar where item.isNull:
            report(
                .missingValue,
                "an item of `\(key)` has no value" + (item.content.isEmptyScalar ? "" : " (YAML reads this as null)"),
                help: "write a value, or remove the item"
                    + (item.content.isEmptyScalar ? "" : "; quote it if it is a string"),
                at: item.span
            )
            return false
        case .scalar: return true
        case .invalid: return false
        case .sequence:
            found = "a list"
            help = "move its items to the outer list"
        case .mapping:
            found = "a map"
            help =
                what == "strings"
                ? "quote it if it is a string that contains `: `; a map is not allowed here"
                : "write a list of \(what), such as `\(lastComponent(key)): [\(example)]`"
        }
        report(
            .wrongType,
            "`\(key)` must be a list of \(what), but this item is \(found)",
            help: help,
            at: item.span
        )
        return false
    }

    /// Decodes a list of strings that are not empty; returns each once.
    mutating func uniqueTexts(_ node: YAMLNode, _ key: String, example: String) -> [String] {
        let all = scalarItems(node, key, of: "strings", example: example)
        var result = OrderedSet<ByteText>(capacity: all.count)
        for item in all {
            guard let text = singleLineText(item, key, example: "\(lastComponent(key)): [\(example)]") else { continue }
            if !result.append(ByteText(text)) { reportListedTwice(item, key, text) }
        }
        return result.items.map(\.text)
    }

    /// Decodes a program with its arguments: any strings, the first one not empty.
    mutating func arguments(_ node: YAMLNode, _ key: String) -> [String]? {
        func example() -> String { "\(lastComponent(key)): [sleep, 10s]" }
        guard case .sequence(let items) = node.content else {
            reportWrongType(
                node,
                key,
                "a list of strings (the program and its arguments)",
                example: example(),
                proposal: { Proposal.command($0, key) }
            )
            return nil
        }
        var result: [String] = []
        result.reserveCapacity(items.count)
        for item in items {
            guard requireScalar(item, key, of: "strings", example: ""), let text = text(item, key, example: example())
            else {
                continue
            }
            result.append(text)
        }
        guard result.count == items.count else { return nil }
        if let program = result.first, !program.isEmpty { return result }
        report(
            .emptyList,
            "`\(key)` has no program",
            help: "write the program and its arguments: `\(example())`",
            at: (items.first ?? node).span
        )
        return nil
    }

    /// Decodes a map of strings; also passes the path and the span of each key.
    ///
    /// A value is any scalar with its spelling; null is the empty string.
    mutating func textMap(
        _ node: YAMLNode,
        _ key: String,
        example: String,
        written: (_ path: String, _ span: Span) -> Void
    ) -> [String: String] {
        valueMap(node, key, example: example, written: written) { entry, decoder in decoder.entryText(entry, key) }
    }

    /// Decodes a map of values by name; also passes the path and the span of each key.
    mutating func valueMap<Value>(
        _ node: YAMLNode,
        _ key: String,
        example: String,
        written: (_ path: String, _ span: Span) -> Void,
        value: (_ entry: YAMLEntry, _ decoder: inout FileDecoder) -> Value?
    ) -> [String: Value] {
        guard case .mapping(let entries) = node.content else {
            if let proposal = Proposal.map(node, key) {
                report(
                    .wrongType,
                    "`\(key)` must be a map of strings, not `NAME=VALUE`",
                    help: "write it as `\(proposal)`",
                    at: node.span
                )
            } else if !node.isNull {
                reportWrongType(node, key, "a map of strings", example: "\(lastComponent(key)): {\(example)}")
            }
            return [:]
        }
        var result: [String: Value] = Dictionary(minimumCapacity: entries.count)
        for entry in entries {
            guard !entry.key.isEmpty, entry.key.utf8.allSatisfy({ $0 > 32 && $0 != 127 && $0 != UInt8(ascii: "=") })
            else {
                report(
                    .invalidVariable,
                    "`\(key)` cannot have an entry named \(quoted(entry.key))",
                    help: "use a name that is not empty and contains no space, no `=` and no control character",
                    at: entry.span
                )
                continue
            }
            // The names are the keys of a dictionary, which has only one of two such names.
            if result[entry.key] != nil {
                report(
                    .duplicateKey,
                    "`\(key)` has two names that differ only in their Unicode normalisation: \(quoted(entry.key))",
                    help: "rename one of them",
                    at: entry.span
                )
                continue
            }
            written(key + "." + entry.key, entry.span)
            if let found = value(entry, &self) { result[entry.key] = found }
        }
        return result
    }

    /// Decodes the string of one entry of a map; null is the empty string.
    mutating func entryText(_ entry: YAMLEntry, _ key: String) -> String? {
        if entry.value.isNull { return "" }
        if let text = scalar(entry.value)?.text { return text }
        reportWrongType(entry.value, "\(key).\(entry.key)", "a single value", example: "\(entry.key): some string")
        return nil
    }

    /// Decodes a list of references with their spans; returns each once.
    mutating func references(_ node: YAMLNode, _ key: String) -> [(name: QualifiedName, span: Span)] {
        let all = scalarItems(node, key, of: "names", example: "hero_db")
        var result: [(name: QualifiedName, span: Span)] = []
        result.reserveCapacity(all.count)
        var seen = OrderedSet<QualifiedName>(capacity: all.count)
        for item in all {
            guard let name = reference(item, key) else { continue }
            if seen.append(name) {
                result.append((name, item.span))
            } else {
                reportListedTwice(item, key, name.description)
            }
        }
        return result
    }

    /// Warns that an item is listed twice.
    mutating func reportListedTwice(_ node: YAMLNode, _ key: String, _ text: String) {
        report(
            .listedTwice,
            "`\(key)` lists \(quoted(text)) twice",
            help: "remove one of them",
            at: node.span,
            severity: .warning
        )
    }
}
