/// What a JSON value may be, as far as our outputs need JSON Schema to say it (draft 2020-12).
indirect enum Shape: Sendable {
    /// Any text.
    case text
    /// A moment: RFC 3339 in UTC.
    case time
    /// `context/name`.
    case qualifiedName
    /// A whole number, at least this.
    case integer(least: Int64)
    /// `true` or `false`.
    case flag
    /// One of some words.
    case words([String])
    /// A list of these.
    case list(Shape)
    /// This or null.
    case nullable(Shape)
    /// A map of these members.
    case object([Member])

    /// One member of an object.
    struct Member: Sendable {
        var key: String
        var shape: Shape
        var summary: String
        var isAlwaysThere = true

        /// Describes a member that is always there.
        init(_ key: String, _ shape: Shape, _ summary: String) {
            self.key = key
            self.shape = shape
            self.summary = summary
        }

        /// The same member, there only where it says something.
        var sometimes: Member {
            var result = self
            result.isAlwaysThere = false
            return result
        }
    }

    /// The pattern of `context/name`.
    static let qualifiedPattern = "^\(namePattern)/\(namePattern)$"
    private static let namePattern = "[a-z0-9][a-z0-9_-]{0,62}"

    /// The schema, without what it means.
    ///
    /// Objects stay open: later versions may add members, and who reads ours must not mind.
    var members: [JSONValue.Member] {
        switch self {
        case .text: [.init("type", "string")]
        case .time: [.init("type", "string"), .init("format", "date-time")]
        case .qualifiedName: [.init("type", "string"), .init("pattern", .string(Self.qualifiedPattern))]
        case .integer(let least): [.init("type", "integer"), .init("minimum", .integer(least))]
        case .flag: [.init("type", "boolean")]
        case .words(let words): [.init("enum", .array(words.map(JSONValue.string)))]
        case .list(let item): [.init("type", "array"), .init("items", .object(item.members))]
        case .nullable(let shape): [.init("anyOf", [.object(shape.members), ["type": "null"]])]
        case .object(let members):
            [
                .init("type", "object"),
                .init("required", .array(members.filter(\.isAlwaysThere).map { .string($0.key) })),
                .init("properties", .object(members.map(Self.property))),
            ]
        }
    }

    private static func property(_ member: Member) -> JSONValue.Member {
        .init(member.key, .object([.init("description", .string(member.summary))] + member.shape.members))
    }
}
