internal import HeroModel

/// The readers of lists and maps: what is wrong in one item does not hide the others.
extension FileDecoder {
    /// The items of a list; a key without a value is an empty list.
    mutating func items(_ node: YAMLNode, _ key: String, of what: String, example: String) -> [YAMLNode] {
        if case .sequence(let items) = node.content { return items }
        if !node.isNull { reportWrongType(node, key, "a list of \(what)", example: "\(key): [\(example)]") }
        return []
    }

    /// The items of a list of single values; whatever else stands among them is reported, and left out.
    mutating func scalarItems(_ node: YAMLNode, _ key: String, of what: String, example: String) -> [YAMLNode] {
        let all = items(node, key, of: what, example: example)
        if all.allSatisfy({ scalar($0) != nil }) { return all }
        return all.filter { requireScalar($0, key, of: what, example: example) }
    }

    /// Whether an item of a list is a single value; says so where it is none.
    mutating func requireScalar(_ item: YAMLNode, _ key: String, of what: String, example: String) -> Bool {
        let found: String
        let help: String
        switch item.content {
        case .scalar where item.isNull:
            report(
                .missingValue,
                "an item of `\(key)` has no value" + (item.content.isEmptyScalar ? "" : ": YAML reads this as null"),
                help: "write one, or remove the item"
                    + (item.content.isEmptyScalar ? "" : "; put it in quotes if it is a text"),
                at: item.span
            )
            return false
        case .scalar: return true
        case .invalid: return false
        case .sequence:
            found = "a list"
            help = "take its items out: one list is enough"
        case .mapping:
            found = "a map"
            help =
                what == "texts"
                ? "put it in quotes if it is a text that holds `: `; a map means nothing here"
                : "write it as `\(key): [\(example)]`"
        }
        report(
            .wrongType,
            "`\(key)` must be a list of \(what), and this item is \(found)",
            help: help,
            at: item.span
        )
        return false
    }

    /// A list of texts that are not empty, each once.
    mutating func uniqueTexts(_ node: YAMLNode, _ key: String, example: String) -> [String] {
        let all = scalarItems(node, key, of: "texts", example: example)
        var result = OrderedSet<String>(capacity: all.count)
        for item in all {
            guard let text = singleLineText(item, key, example: "\(key): [\(example)]") else { continue }
            if !result.append(text) { reportListedTwice(item, key, text) }
        }
        return result.items
    }

    /// A program with its arguments: any texts, the first not empty.
    mutating func arguments(_ node: YAMLNode, _ key: String) -> [String]? {
        func example() -> String { "\(lastComponent(key)): [sleep, 10s]" }
        guard case .sequence(let items) = node.content else {
            reportWrongType(node, key, "a list of texts: the program and its arguments", example: example())
            return nil
        }
        var result: [String] = []
        result.reserveCapacity(items.count)
        for item in items {
            guard requireScalar(item, key, of: "texts", example: ""), let text = text(item, key, example: example())
            else {
                continue
            }
            result.append(text)
        }
        guard result.count == items.count else { return nil }
        if let program = result.first, !program.isEmpty { return result }
        report(
            .emptyList,
            "`\(key)` names no program",
            help: "write the program and its arguments: `\(example())`",
            at: (items.first ?? node).span
        )
        return nil
    }

    /// A map of texts: any scalar with its spelling, null as the empty text; also says where each is written.
    mutating func textMap(
        _ node: YAMLNode,
        _ key: String,
        example: String,
        written: (_ path: String, _ span: Span) -> Void
    ) -> [String: String] {
        valueMap(node, key, example: example, written: written) { entry, scope in scope.entryText(entry, key) }
    }

    /// A map of values by name; also says where each is written.
    mutating func valueMap<Value>(
        _ node: YAMLNode,
        _ key: String,
        example: String,
        written: (_ path: String, _ span: Span) -> Void,
        value: (_ entry: YAMLEntry, _ scope: inout FileDecoder) -> Value?
    ) -> [String: Value] {
        guard case .mapping(let entries) = node.content else {
            if !node.isNull { reportWrongType(node, key, "a map of texts", example: "\(key): {\(example)}") }
            return [:]
        }
        var result: [String: Value] = Dictionary(minimumCapacity: entries.count)
        for entry in entries {
            guard !entry.key.isEmpty, entry.key.utf8.allSatisfy({ $0 > 32 && $0 != 127 && $0 != UInt8(ascii: "=") })
            else {
                report(
                    .invalidVariable,
                    "`\(key)` cannot have an entry named \(quoted(entry.key))",
                    help: "a name is not empty and holds no blank, no `=` and no control character",
                    at: entry.span
                )
                continue
            }
            written(key + "." + entry.key, entry.span)
            if let found = value(entry, &self) { result[entry.key] = found }
        }
        return result
    }

    /// The text of one entry of a map; null is the empty text.
    mutating func entryText(_ entry: YAMLEntry, _ key: String) -> String? {
        if entry.value.isNull { return "" }
        if let text = scalar(entry.value)?.text { return text }
        reportWrongType(entry.value, "\(key).\(entry.key)", "a single value", example: "\(entry.key): some text")
        return nil
    }

    /// A list of references with their places, each once.
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

    /// Says that an item is listed twice.
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

/// A list without repetitions: a walk while it is short, a table when a file lists very many.
struct OrderedSet<Item: Hashable> {
    /// The items in their order.
    private(set) var items: [Item] = []
    private var seen: Set<Item> = []

    /// An empty list with room for so many.
    init(capacity: Int = 0) { items.reserveCapacity(capacity) }

    /// Adds an item; false when it is there already.
    mutating func append(_ item: Item) -> Bool {
        if items.count < 16 {
            if items.contains(item) { return false }
        } else {
            if seen.isEmpty { seen.formUnion(items) }
            if !seen.insert(item).inserted { return false }
        }
        items.append(item)
        return true
    }
}
