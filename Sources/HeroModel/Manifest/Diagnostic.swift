/// A place in a manifest: file as the user named it, line and column from 1.
public struct ManifestLocation: Hashable, Sendable, Codable {
    /// The path as the user would type it.
    public var file: String
    /// Line, from 1.
    public var line: Int
    /// Column in characters, from 1.
    public var column: Int

    /// Makes a place.
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

/// One thing to tell the author of a manifest: what is wrong, where, and what to do.
public struct Diagnostic: Hashable, Sendable, Codable {
    /// Whether the set is refused because of it.
    public enum Severity: String, Hashable, Sendable, Codable {
        /// The set is refused.
        case error
        /// Legal, but surely not meant.
        case warning
    }

    /// A further place that belongs to the same mistake, such as the first declaration of a name.
    public struct Note: Hashable, Sendable, Codable {
        /// What stands there.
        public var message: String
        /// Where.
        public var location: ManifestLocation
        /// The line itself, without its line break.
        public var excerpt: String?

        /// The names in stored JSON, which earlier versions wrote.
        private enum CodingKeys: String, CodingKey {
            case message
            case location = "place"
            case excerpt
        }

        /// Makes a note.
        public init(_ message: String, at place: ManifestLocation, excerpt: String? = nil) {
            self.message = message
            self.location = place
            self.excerpt = excerpt
        }
    }

    /// Error or warning.
    public var severity: Severity
    /// A stable word for the kind of mistake, such as `unknown-key`.
    public var code: String
    /// What is wrong, in the author's words.
    public var message: String
    /// What to do about it.
    public var help: String?
    /// Where it is written; nil when it is about the set as a whole.
    public var location: ManifestLocation?
    /// The line at `place`, without its line break.
    public var excerpt: String?
    /// How many characters from `place` the caret underlines; at least 1.
    public var length: Int
    /// Further places.
    public var notes: [Note]

    /// The names in stored JSON, which earlier versions wrote.
    private enum CodingKeys: String, CodingKey {
        case severity, code, message, help
        case location = "place"
        case excerpt, length, notes
    }

    /// Makes a diagnostic.
    public init(
        _ severity: Severity,
        code: String,
        _ message: String,
        help: String? = nil,
        at place: ManifestLocation? = nil,
        excerpt: String? = nil,
        length: Int = 1,
        notes: [Note] = []
    ) {
        self.severity = severity
        self.code = code
        self.message = message
        self.help = help
        self.location = place
        self.excerpt = excerpt
        self.length = length
        self.notes = notes
    }
}

extension Diagnostic: Comparable {
    /// Orders by place (those without one come last), then by message, so that two runs print the same.
    public static func < (left: Self, right: Self) -> Bool {
        switch (left.location, right.location) {
        case (let first?, let second?) where first != second: first < second
        case (.some, nil): true
        case (nil, .some): false
        case (.some, .some), (nil, nil): left.message < right.message
        }
    }
}
