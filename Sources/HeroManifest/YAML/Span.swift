/// A span of characters within a file.
struct Span: Hashable, Sendable {
    /// The line, from 1.
    var line: Int32
    /// The column in characters, from 1.
    var column: Int32
    /// The number of characters on the first line; 0 if the span continues to the end of that line.
    var length: Int32

    /// The first character of a file.
    static let start = Span(line: 1, column: 1, length: 1)
}

extension Span: Comparable {
    /// Orders spans of one file by their start.
    static func < (left: Self, right: Self) -> Bool { (left.line, left.column) < (right.line, right.column) }
}
