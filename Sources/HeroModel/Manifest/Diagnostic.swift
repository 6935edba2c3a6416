/// One problem in a manifest: what is wrong, where, and what to do.
public struct Diagnostic: Hashable, Sendable, Codable {
    /// Whether the problem makes the set invalid.
    public enum Severity: String, Hashable, Sendable, Codable {
        /// The set is invalid.
        case error
        /// The set is valid, but the value is probably a mistake.
        case warning
    }

    /// A further location of the same problem, such as the first declaration of a name.
    public struct Note: Hashable, Sendable, Codable {
        /// What is at the location.
        public var message: String
        /// The location.
        public var location: ManifestLocation
        /// The line at the location, without its line break.
        public var excerpt: String?

        /// The names in stored JSON, which earlier versions wrote.
        private enum CodingKeys: String, CodingKey {
            case message
            case location = "place"
            case excerpt
        }

        /// Makes a note.
        public init(_ message: String, at location: ManifestLocation, excerpt: String? = nil) {
            self.message = message
            self.location = location
            self.excerpt = excerpt
        }
    }

    /// Error or warning.
    public var severity: Severity
    /// A stable code of the kind of problem, such as `unknown-key`.
    public var code: String
    /// What is wrong, in terms of the manifest.
    public var message: String
    /// What to do about it.
    public var help: String?
    /// The location; nil if the problem concerns the set as a whole.
    public var location: ManifestLocation?
    /// The line at `location`, without its line break.
    public var excerpt: String?
    /// How many characters from `location` are underlined; at least 1.
    public var length: Int
    /// Further locations.
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
        at location: ManifestLocation? = nil,
        excerpt: String? = nil,
        length: Int = 1,
        notes: [Note] = []
    ) {
        self.severity = severity
        self.code = code
        self.message = message
        self.help = help
        self.location = location
        self.excerpt = excerpt
        self.length = length
        self.notes = notes
    }
}

extension Diagnostic: Comparable {
    /// Orders by location (problems without one come last), then by message, so that the output is stable.
    public static func < (left: Self, right: Self) -> Bool {
        switch (left.location, right.location) {
        case (let first?, let second?) where first != second: first < second
        case (.some, nil): true
        case (nil, .some): false
        case (.some, .some), (nil, nil): left.message < right.message
        }
    }
}
