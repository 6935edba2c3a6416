/// What a JSON value may be, as far as our outputs need JSON Schema to say it (draft 2020-12).
indirect enum SchemaType: Sendable {
    /// Any text.
    case text
    /// A moment: RFC 3339 in UTC.
    case time
    /// `context/name`.
    case qualifiedName
    /// A whole number, at least this.
    case integer(least: Int64)
    /// `true` or `false`.
    case boolean
    /// One of some words.
    case oneOf([String])
    /// A list of these.
    case list(SchemaType)
    /// This or null.
    case nullable(SchemaType)
    /// A map of these members.
    case object([Member])

    /// One member of an object.
    struct Member: Sendable {
        var key: String
        var type: SchemaType
        var summary: String
        var isRequired = true

        /// Describes a member that is always there.
        init(_ key: String, _ shape: SchemaType, _ summary: String) {
            self.key = key
            self.type = shape
            self.summary = summary
        }

        /// The same member, there only where it says something.
        var optional: Member {
            var result = self
            result.isRequired = false
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
        case .boolean: [.init("type", "boolean")]
        case .oneOf(let words): [.init("enum", .array(words.map(JSONValue.string)))]
        case .list(let item): [.init("type", "array"), .init("items", .object(item.members))]
        case .nullable(let shape): [.init("anyOf", [.object(shape.members), ["type": "null"]])]
        case .object(let members):
            [
                .init("type", "object"),
                .init("required", .array(members.filter(\.isRequired).map { .string($0.key) })),
                .init("properties", .object(members.map(Self.property))),
            ]
        }
    }

    private static func property(_ member: Member) -> JSONValue.Member {
        .init(member.key, .object([.init("description", .string(member.summary))] + member.type.members))
    }
}
