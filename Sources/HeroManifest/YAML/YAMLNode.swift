/// One node of a YAML document: a value with its span.
struct YAMLNode: Sendable {
    /// The content of a node.
    enum Content: Sendable {
        /// A string; plain if it is written without quotes and not as a block.
        case scalar(String, plain: Bool)
        /// A list.
        case sequence([YAMLNode])
        /// Entries in written order; keys are unique.
        case mapping([YAMLEntry])
        /// Content with an error that is already reported; it causes no further diagnostics.
        case invalid

        /// Whether the scalar has no text at all.
        var isEmptyScalar: Bool {
            if case .scalar("", plain: true) = self { true } else { false }
        }
    }

    /// The content.
    var content: Content
    /// The span.
    var span: Span

    /// Whether this is a plain scalar that the core schema reads as null.
    var isNull: Bool {
        guard case .scalar(let text, plain: true) = content else { return false }
        // Called for nearly every scalar; the length excludes most of them.
        switch text.utf8.count {
        case 0: return true
        case 1: return text == "~"
        case 4: return text == "null" || text == "Null" || text == "NULL"
        default: return false
        }
    }
}

/// One entry of a mapping.
struct YAMLEntry: Sendable {
    /// The key.
    var key: String
    /// The span of the key.
    var span: Span
    /// The value.
    var value: YAMLNode
}
