/// The type of a JSON value, as far as the outputs of heroproc need JSON Schema (draft 2020-12).
public indirect enum SchemaType: Sendable {
    /// Any string.
    case text
    /// A time: RFC 3339 in UTC.
    case time
    /// `context/name`.
    case qualifiedName
    /// An integer with a minimum.
    case integer(minimum: Int64)
    /// `true` or `false`.
    case boolean
    /// One of these strings.
    case oneOf([String])
    /// An array of this type.
    case list(SchemaType)
    /// This type or null.
    case nullable(SchemaType)
    /// An object with these members.
    case object([Member])

    /// One member of an object.
    public struct Member: Sendable {
        /// The key.
        public var key: String
        /// The type of the value.
        public var type: SchemaType
        /// The description of the value.
        public var summary: String
        /// Whether the member is always present.
        public var isRequired = true

        /// Creates a required member.
        public init(_ key: String, _ type: SchemaType, _ summary: String) {
            self.key = key
            self.type = type
            self.summary = summary
        }

        /// The same member, but optional.
        public var optional: Member {
            var result = self
            result.isRequired = false
            return result
        }
    }

    /// The pattern of `context/name`.
    static let qualifiedPattern = "^\(namePattern)/\(namePattern)$"
    private static let namePattern = "[a-z0-9][a-z0-9_-]{0,62}"

    /// The keywords of the schema.
    ///
    /// Objects stay open: later versions may add members, and readers must ignore unknown ones.
    public var members: [JSONValue.Member] {
        switch self {
        case .text: [.init("type", "string")]
        case .time: [.init("type", "string"), .init("format", "date-time")]
        case .qualifiedName: [.init("type", "string"), .init("pattern", .string(Self.qualifiedPattern))]
        case .integer(let minimum): [.init("type", "integer"), .init("minimum", .integer(minimum))]
        case .boolean: [.init("type", "boolean")]
        case .oneOf(let values): [.init("enum", .array(values.map(JSONValue.string)))]
        case .list(let item): [.init("type", "array"), .init("items", .object(item.members))]
        case .nullable(let type): [.init("anyOf", [.object(type.members), ["type": "null"]])]
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
