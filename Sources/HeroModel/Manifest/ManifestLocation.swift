/// A location in a manifest: a file, a line and a column.
public struct ManifestLocation: Hashable, Sendable, Codable {
    /// The path as the user gave it.
    public var file: String
    /// Line, from 1.
    public var line: Int
    /// Column in characters, from 1.
    public var column: Int

    /// Makes a location.
    public init(file: String, line: Int, column: Int) {
        self.file = file
        self.line = line
        self.column = column
    }
}

extension ManifestLocation: Comparable, CustomStringConvertible {
    /// Orders by file, line, column.
    public static func < (left: Self, right: Self) -> Bool {
        (left.file, left.line, left.column) < (right.file, right.line, right.column)
    }

    /// `FILE:LINE:COLUMN`.
    public var description: String { "\(file):\(line):\(column)" }

    /// `FILE:LINE`, for reasons in plans.
    public var fileAndLine: String { "\(file):\(line)" }
}
