internal import HeroModel

/// One key of a manifest with the function that decodes its value into a draft.
struct Key<Draft>: Sendable {
    /// The key, as written in manifests.
    let name: String
    /// Decodes the value.
    let decode: @Sendable (YAMLNode, inout Draft, inout FileDecoder) -> Void

    /// Creates a key.
    init(_ name: String, _ decode: @escaping @Sendable (YAMLNode, inout Draft, inout FileDecoder) -> Void) {
        self.name = name
        self.decode = decode
    }
}

/// A partly decoded part of a manifest that records the spans of its fields.
protocol ManifestDraft {
    /// The fields that are written, each with the span of its key.
    var writtenFields: [WrittenField] { get set }
    /// The suggested keys for unknown keys. They are not reported as missing, because one report per error is enough.
    var misspelledKeys: Set<String> { get set }
}

/// A field that is written, with the span of its key, in the form in which the desired state stores it.
typealias WrittenField = FieldLocations.Entry

extension WrittenField {
    /// Creates a field from its path, such as `retry.delay`, and the span of its key.
    init(path: String, span: Span) {
        self.init(path, line: span.line, column: span.column, length: span.length)
    }

    /// The span of the key.
    var span: Span { Span(line: line, column: column, length: length) }
}

/// The keys of one map.
struct KeyTable<Draft: ManifestDraft>: Sendable {
    /// The owner of the keys in messages, such as `a service` or `retry`.
    let owner: String
    /// The prefix of the keys in field paths: empty, or for example `retry.`.
    let prefix: String
    /// The keys.
    let keys: [Key<Draft>]
    /// The path of each key.
    private let paths: [String]
    private let hashTable: KeyHashTable
    /// Returns the help for a key that belongs to another map; nil for all other keys.
    private let misplacedKeyHelp: @Sendable (String) -> String?

    /// Creates a table.
    init(
        of owner: String,
        prefix: String = "",
        _ keys: [Key<Draft>],
        misplacedKeyHelp: @escaping @Sendable (String) -> String? = { _ in nil }
    ) {
        self.owner = owner
        self.prefix = prefix
        self.keys = keys
        self.misplacedKeyHelp = misplacedKeyHelp
        paths = keys.map { prefix + $0.name }
        hashTable = KeyHashTable(keys.map(\.name))
    }

    /// Decodes the entries of a map into a draft.
    func decode(_ entries: [YAMLEntry], into draft: inout Draft, in decoder: inout FileDecoder) {
        draft.writtenFields.reserveCapacity(draft.writtenFields.count + entries.count)
        for entry in entries {
            guard let found = hashTable.index(of: entry.key) else {
                reportUnknown(entry, among: entries, &draft, in: &decoder)
                continue
            }
            draft.writtenFields.append(WrittenField(path: paths[found], span: entry.span))
            keys[found].decode(entry.value, &draft, &decoder)
        }
    }

    /// Decodes a map that is the value of a key; `example` is one of its entries, for messages.
    func decode(_ node: YAMLNode, example: String, into draft: inout Draft, in decoder: inout FileDecoder) {
        guard case .mapping(let entries) = node.content else {
            decoder.reportWrongType(node, owner, "a map", example: "\(lastComponent(owner)): {\(example)}")
            return
        }
        decode(entries, into: &draft, in: &decoder)
    }

    private func reportUnknown(
        _ entry: YAMLEntry,
        among entries: [YAMLEntry],
        _ draft: inout Draft,
        in decoder: inout FileDecoder
    ) {
        let names = keys.map(\.name)
        let owner = prefix.isEmpty ? owner : "`\(owner)`"
        if let help = misplacedKeyHelp(entry.key) {
            decoder.report(.unknownKey, "`\(entry.key)` is not a key of \(owner)", help: help, at: entry.span)
            return
        }
        let foreign = foreignKey(entry)
        if let suggestion = foreign.key ?? (foreign.help == nil ? Suggestion.nearest(entry.key, names) : nil) {
            draft.misspelledKeys.insert(suggestion)
            if entries.contains(where: { $0.key == suggestion }) {
                decoder.report(
                    .unknownKey,
                    "unknown key \(quoted(entry.key)); `\(suggestion)` is written too",
                    help: "remove the key",
                    at: entry.span
                )
                return
            }
            decoder.report(
                .unknownKey,
                "unknown key \(quoted(entry.key)); did you mean `\(suggestion)`?",
                help: "write `\(suggestion)`, or remove the key",
                at: entry.span
            )
        } else {
            decoder.report(
                .unknownKey,
                "unknown key \(quoted(entry.key))",
                help: foreign.help ?? "the keys of \(owner) are \(names.joined(separator: ", "))",
                at: entry.span
            )
        }
    }

    /// Returns what this map has in place of a key of another tool: one of its keys, or an explanation.
    private func foreignKey(_ entry: YAMLEntry) -> (key: String?, help: String?) {
        // Explanations are about services and actions; the keys of inner maps are only compared.
        let isOuter = prefix.isEmpty
        if isOuter, case .scalar(let text, plain: _) = entry.value.content,
            let help = ForeignKey.statusHelp(entry.key, value: text)
        {
            return (nil, help)
        }
        switch ForeignKey.find(entry.key, isOuter: isOuter) {
        case .sameAs(let path):
            let name = String(lastComponent(path))
            let outer = path.utf8.count > name.utf8.count ? path.dropLast(name.utf8.count) : ""
            if keys.contains(where: { $0.name == name }), outer.isEmpty || prefix.hasSuffix(outer) {
                return (name, nil)
            }
            guard isOuter else { return (nil, nil) }
            if outer.isEmpty { return (nil, misplacedKeyHelp(name)) }
            // The map is in an action, unless this table has the keys of an action.
            let isAction = keys.contains { $0.name == "exec" }
            return (nil, "write `\(name)` in the map `\(outer.dropLast())`\(isAction ? "" : " of an action")")
        case .explained(let help): return (nil, isOuter ? help : nil)
        case nil: return (nil, nil)
        }
    }
}

/// The indices of the keys of one map.
///
/// A small open-addressing table is faster here than a dictionary.
private struct KeyHashTable: Sendable {
    private let names: [String]
    /// The index of a key, by the hash of its length and its first and last byte; -1 for a free slot.
    private let slots: [Int8]

    init(_ names: [String]) {
        self.names = names
        var slots = Array(repeating: Int8(-1), count: 256)
        for (index, name) in names.enumerated() {
            var slot = Self.slot(of: name)
            while slots[slot] >= 0 { slot = (slot + 1) & 255 }
            slots[slot] = Int8(clamping: index)
        }
        self.slots = slots
    }

    /// Returns the index of a key; nil if the key is unknown.
    func index(of name: String) -> Int? {
        var slot = Self.slot(of: name)
        while slots[slot] >= 0 {
            let index = Int(slots[slot])
            if names[index] == name { return index }
            slot = (slot + 1) & 255
        }
        return nil
    }

    private static func slot(of name: String) -> Int {
        let bytes = name.utf8
        return (bytes.count * 5 + Int(bytes.first ?? 0) * 31 + Int(bytes.last ?? 0) * 7) & 255
    }
}
