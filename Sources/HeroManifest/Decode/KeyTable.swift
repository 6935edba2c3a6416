internal import HeroModel

/// One key of a manifest, and how its value gets into a draft.
struct Key<Draft>: Sendable {
    /// The key as manifests write it.
    let name: String
    /// Reads the value.
    let decode: @Sendable (YAMLNode, inout Draft, inout FileDecoder) -> Void

    /// Describes a key.
    init(_ name: String, _ decode: @escaping @Sendable (YAMLNode, inout Draft, inout FileDecoder) -> Void) {
        self.name = name
        self.decode = decode
    }
}

/// A draft that remembers where its fields are written.
protocol ManifestDraft {
    /// Where each field is written, by its path.
    var writtenFields: [WrittenField] { get set }
    /// Keys that were probably meant by unknown ones: that they are missing is no further mistake.
    var misspelledKeys: Set<String> { get set }
}

/// Where one field is written, as its declaration will keep it: lists of these are handed on, never copied.
typealias WrittenField = FieldLocations.Entry

extension WrittenField {
    /// Notes a field by its path, such as `retry.delay`, and where its key stands.
    init(path: String, span: Span) {
        self.init(path, line: span.line, column: span.column, length: span.length)
    }

    /// Where its key stands.
    var span: Span { Span(line: line, column: column, length: length) }
}

/// All keys of one map.
struct KeyTable<Draft: ManifestDraft>: Sendable {
    /// Whose keys they are, in a message: `a service`, `retry`.
    let owner: String
    /// What stands before a key in a field path: empty, or `retry.`.
    let prefix: String
    /// The keys.
    let keys: [Key<Draft>]
    /// The path of each key.
    private let paths: [String]
    private let hashTable: KeyHashTable
    /// What a key means that belongs somewhere else.
    private let elsewhere: @Sendable (String) -> String?

    /// Makes a table.
    init(
        of owner: String,
        prefix: String = "",
        _ keys: [Key<Draft>],
        elsewhere: @escaping @Sendable (String) -> String? = { _ in nil }
    ) {
        self.owner = owner
        self.prefix = prefix
        self.keys = keys
        self.elsewhere = elsewhere
        paths = keys.map { prefix + $0.name }
        hashTable = KeyHashTable(keys.map(\.name))
    }

    /// Reads every pair of a map into a draft.
    func decode(_ entries: [YAMLEntry], into draft: inout Draft, in scope: inout FileDecoder) {
        draft.writtenFields.reserveCapacity(draft.writtenFields.count + entries.count)
        for entry in entries {
            guard let found = hashTable.index(of: entry.key) else {
                reportUnknown(entry, &draft, in: &scope)
                continue
            }
            draft.writtenFields.append(WrittenField(path: paths[found], span: entry.span))
            keys[found].decode(entry.value, &draft, &scope)
        }
    }

    /// Reads a map within a map; `example` shows one of its keys.
    func decode(_ node: YAMLNode, example: String, into draft: inout Draft, in scope: inout FileDecoder) {
        guard case .mapping(let entries) = node.content else {
            scope.reportWrongType(node, owner, "a map", example: "\(owner): {\(example)}")
            return
        }
        decode(entries, into: &draft, in: &scope)
    }

    private func reportUnknown(_ entry: YAMLEntry, _ draft: inout Draft, in scope: inout FileDecoder) {
        let names = keys.map(\.name)
        let owner = prefix.isEmpty ? owner : "`\(owner)`"
        if let place = elsewhere(entry.key) {
            scope.report(.unknownKey, "`\(entry.key)` is no key of \(owner)", help: place, at: entry.span)
            return
        }
        if let meant = Suggestion.nearest(entry.key, names) {
            draft.misspelledKeys.insert(meant)
            scope.report(
                .unknownKey,
                "unknown key \(quoted(entry.key)); did you mean `\(meant)`?",
                help: "write `\(meant)`, or remove the key",
                at: entry.span
            )
        } else {
            scope.report(
                .unknownKey,
                "unknown key \(quoted(entry.key))",
                help: "the keys of \(owner) are \(names.joined(separator: ", "))",
                at: entry.span
            )
        }
    }
}

/// The numbers of a few keys: quicker than a table that is made for any text.
private struct KeyHashTable: Sendable {
    private let names: [String]
    /// Numbers by what a key looks like from outside; where several look alike, the next free places.
    private let slots: [Int8]

    init(_ names: [String]) {
        self.names = names
        var places = Array(repeating: Int8(-1), count: 256)
        for (number, name) in names.enumerated() {
            var place = Self.slot(of: name)
            while places[place] >= 0 { place = (place + 1) & 255 }
            places[place] = Int8(clamping: number)
        }
        self.slots = places
    }

    /// The number of a key; nil when it is none.
    func index(of name: String) -> Int? {
        var place = Self.slot(of: name)
        while slots[place] >= 0 {
            let number = Int(slots[place])
            if names[number] == name { return number }
            place = (place + 1) & 255
        }
        return nil
    }

    private static func slot(of name: String) -> Int {
        let bytes = name.utf8
        return (bytes.count * 5 + Int(bytes.first ?? 0) * 31 + Int(bytes.last ?? 0) * 7) & 255
    }
}
