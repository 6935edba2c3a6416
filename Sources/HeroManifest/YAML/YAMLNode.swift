/// Where something is written within its file.
struct Span: Hashable, Sendable {
    /// Line, from 1.
    var line: Int32
    /// Column in characters, from 1.
    var column: Int32
    /// Characters it takes on its first line; 0 when it goes on to the end of that line.
    var length: Int32

    /// The first character of a file.
    static let start = Span(line: 1, column: 1, length: 1)
}

extension Span: Comparable {
    /// Orders places of one file.
    static func < (left: Self, right: Self) -> Bool { (left.line, left.column) < (right.line, right.column) }
}

/// One node of a YAML document: a value with its place.
struct YAMLNode: Sendable {
    /// What a node holds.
    enum Content: Sendable {
        /// A text; plain when it was written without quotes and not as a block.
        case scalar(String, plain: Bool)
        /// A list.
        case sequence([YAMLNode])
        /// Pairs, in written order; keys are unique.
        case mapping([YAMLEntry])
        /// Something already reported: whoever meets it says nothing more.
        case invalid

        /// Whether nothing at all is written.
        var isEmptyScalar: Bool {
            if case .scalar("", plain: true) = self { true } else { false }
        }
    }

    /// What it holds.
    var content: Content
    /// Where it is written.
    var span: Span

    /// A plain scalar that YAML's core schema reads as null.
    var isNull: Bool {
        guard case .scalar(let text, plain: true) = content else { return false }
        // Asked of nearly every scalar: its length says no to most of them.
        switch text.utf8.count {
        case 0: return true
        case 1: return text == "~"
        case 4: return text == "null" || text == "Null" || text == "NULL"
        default: return false
        }
    }
}

/// One pair of a mapping.
struct YAMLEntry: Sendable {
    /// The key's text.
    var key: String
    /// Where the key is written.
    var span: Span
    /// The value.
    var value: YAMLNode
}

/// The limits of reliability.md YM-1, checked while events arrive and before anything is built from them.
enum InputLimits {
    /// Bytes of a file.
    static let fileBytes = 1 << 20
    /// Parser events of a file.
    static let events = 50_000
    /// Lists and maps within each other.
    static let depth = 32
    /// Bytes of one text.
    static let scalarBytes = 64 << 10
    /// Lines that begin with `%`: libyaml compares each tag directive with all earlier ones.
    static let directives = 64
    /// Mistakes that are shown of one file.
    static let diagnostics = 100
}
