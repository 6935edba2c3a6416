/// One node of a YAML document of another tool.
struct ImportNode: Hashable {
    /// The content of a node.
    enum Content: Hashable {
        /// A string; plain if it is written without quotes.
        case scalar(String, isPlain: Bool)
        /// A list.
        case list([ImportNode])
        /// Entries in written order, with merged keys at the end; keys are unique.
        case map([ImportEntry])
    }

    /// The content.
    var content: Content
    /// The line, from 1.
    var line: Int
    /// The index of the file.
    var file = 0
    /// The tag of the tool, such as `!reset`.
    var tag: String?
    /// The number of nodes in it, with every alias counted in full.
    var size = 1

    /// Whether it has no value.
    var isNull: Bool {
        guard case .scalar(let text, isPlain: true) = content else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(text)
    }

    /// The text of a scalar; nil for null, a list or a map.
    var text: String? {
        if case .scalar(let text, isPlain: _) = content, !isNull { text } else { nil }
    }

    /// The entries of a map; none for any other node.
    var entries: [ImportEntry] {
        if case .map(let entries) = content { entries } else { [] }
    }

    /// The items of a list; a scalar counts as a list of one item.
    var items: [ImportNode] {
        switch content {
        case .list(let items): items
        case .scalar: isNull ? [] : [self]
        case .map: []
        }
    }

    /// Whether it is a list.
    var isList: Bool { if case .list = content { true } else { false } }
    /// Whether it is a map.
    var isMap: Bool { if case .map = content { true } else { false } }

    /// The value of a key of a map.
    subscript(key: String) -> ImportNode? { entries.first { $0.key == key }?.value }

    /// A truth value as YAML 1.1 writes it.
    var bool: Bool? {
        guard let text else { return nil }
        return switch text.lowercased() {
        case "true", "yes", "on": true
        case "false", "no", "off": false
        default: nil
        }
    }
}

/// One entry of a map.
struct ImportEntry: Hashable {
    /// The key.
    var key: String
    /// The line of the key, from 1.
    var line: Int
    /// The value.
    var value: ImportNode
    /// The index of the file.
    var file = 0
}
