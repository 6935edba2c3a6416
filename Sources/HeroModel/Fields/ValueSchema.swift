/// The schema of a value in a manifest.
///
/// The type name in the reference, the JSON Schema and the allowed range are derived from it.
public indirect enum ValueSchema: Sendable {
    /// `true` or `false`.
    case bool
    /// Only `true`; otherwise the key is omitted.
    case constantTrue
    /// Any scalar, as it is written.
    case text
    /// A text in a special format.
    case formatted(TextFormat)
    /// A duration with a unit.
    case duration(ClosedRange<Duration>)
    /// A number of bytes with a unit.
    case size(ClosedRange<Int64>)
    /// A decimal integer.
    case integer(ClosedRange<Int>)
    /// A decimal number.
    case number(ClosedRange<Double>)
    /// One of these keywords.
    case enumeration([String])
    /// The name of a signal, with or without `SIG`.
    case signal
    /// A list of items with one schema.
    case list(of: ValueSchema, atLeast: Int = 0)
    /// A map from names chosen by the author to values with one schema.
    case map(of: ValueSchema)
    /// A map with known keys.
    case object(ObjectSchema)
    /// Either of two schemas.
    case either(ValueSchema, ValueSchema)
    /// An action, as in `kind: Action`.
    case action

    /// The name of a service, action or context.
    public static let name = formatted(.name)
    /// `name` or `context/name`.
    public static let reference = formatted(.reference)
    /// A path, relative to the directory of its manifest.
    public static let path = formatted(.path)
    /// The value of an environment variable.
    public static let environmentValue = either(.text, .object(.secret))
    /// `env_file`: a path, or a list of paths and maps.
    public static let environmentFiles = either(
        .path,
        .either(.object(.environmentFile), .list(of: .either(.path, .object(.environmentFile))))
    )
    /// An item of `requires`.
    public static let requirement = either(.reference, .object(.requirement))
    /// An item of `actions`.
    public static let actionOrName = either(.reference, .action)

    /// The keywords of an enumeration.
    public static func choice<Choice>(_: Choice.Type) -> Self where Choice: RawRepresentable<String> & CaseIterable {
        enumeration(Choice.allCases.map(\.rawValue))
    }
}

extension ValueSchema {
    /// The type name in the reference: `duration`, `list of paths`, `start | stop`.
    public var typeName: String {
        switch self {
        case .bool: "bool"
        case .constantTrue: "true"
        case .text: "text"
        case .formatted(let format): format.typeName
        case .duration: "duration"
        case .size: "size"
        case .integer: "integer"
        case .number: "number"
        case .enumeration(let keywords): keywords.joined(separator: " | ")
        case .signal: "signal"
        case .list(let item, atLeast: _): "list of \(item.pluralTypeName)"
        case .map(let value): "map of \(value.pluralTypeName)"
        case .object(let schema): "{\(schema.properties.map(\.key).joined(separator: ", "))}"
        case .either(let first, let second): "\(first.typeName) or \(second.typeName)"
        case .action: "action"
        }
    }

    /// The type name in the plural.
    private var pluralTypeName: String {
        switch self {
        case .bool, .constantTrue: "bools"
        case .text: "text"
        case .formatted(let format): format.pluralTypeName
        case .duration: "durations"
        case .size: "sizes"
        case .integer: "integers"
        case .number: "numbers"
        case .enumeration, .object: typeName
        case .signal: "signals"
        case .list, .map: typeName
        case .either(let first, let second): "\(first.pluralTypeName) or \(second.pluralTypeName)"
        case .action: "actions"
        }
    }

    /// The lowest and highest value as written in a manifest; nil if there is no range.
    public var range: (least: String, most: String)? {
        switch self {
        case .duration(let range): (Canonical.duration(range.lowerBound), Canonical.duration(range.upperBound))
        case .size(let range): (Canonical.size(range.lowerBound), Canonical.size(range.upperBound))
        case .integer(let range): (String(range.lowerBound), String(range.upperBound))
        case .number(let range): (Canonical.number(range.lowerBound), Canonical.number(range.upperBound))
        case .list(let item, atLeast: _): item.range
        case .either(let first, _): first.range
        case .bool, .constantTrue, .text, .formatted, .enumeration, .signal, .map, .object, .action: nil
        }
    }
}

/// A text in a special format.
public struct TextFormat: Hashable, Sendable {
    /// The type name in the reference.
    public let typeName: String
    /// The type name in the plural.
    public let pluralTypeName: String
    /// A regular expression that matches the whole text (ECMA-262, as in JSON Schema).
    public let pattern: String
    /// The integers that are allowed without quotes, because YAML reads them as numbers; nil if there are none.
    public let numbers: ClosedRange<Int>?

    private init(_ typeName: String, _ plural: String, _ pattern: String, numbers: ClosedRange<Int>? = nil) {
        self.typeName = typeName
        self.pluralTypeName = plural
        self.pattern = pattern
        self.numbers = numbers
    }

    private static let namePattern = "[a-z0-9][a-z0-9_-]{0,62}"

    /// The name of a service, action or context.
    public static let name = Self("name", "names", namePattern, numbers: AllowedRanges.generation)
    /// `name` or `context/name`.
    public static let reference = Self(
        "reference",
        "references",
        "(\(namePattern)/)?\(namePattern)",
        numbers: AllowedRanges.generation
    )
    /// A path, relative to the directory of its manifest.
    public static let path = Self("path", "paths", "(?!~(/|$)).+", numbers: AllowedRanges.generation)
    /// The path or name of a program.
    public static let program = Self("path or name", "paths or names", ".+")
    /// A user or group.
    public static let account = Self(
        "name or number",
        "names or numbers",
        "[^\\s:/-][^\\s:/]*",
        numbers: 0...4_294_967_294
    )
    /// Permission bits.
    public static let umask = Self("octal text", "octal texts", "[0-7]{1,4}", numbers: 0...777)
    /// The permission bits of a directory.
    public static let mode = Self("octal text", "octal texts", "[0-7]{1,4}", numbers: 0...7777)
    /// A priority of disk access (ioprio_set(2)).
    public static let ioPriority = Self("I/O priority", "I/O priorities", "idle|best_effort:[0-7]")
    /// A capability (capabilities(7)).
    public static let capability = Self(
        "capability",
        "capabilities",
        "(CAP_)?(\(Capability.names.joined(separator: "|")))"
    )
    /// A TCP port, with or without an address.
    public static let endpoint = Self(
        "port or address",
        "ports or addresses",
        "([^\\s:]+:|\\[[0-9A-Fa-f:.]+\\]:)?[0-9]{1,5}",
        numbers: 1...65535
    )
    /// A plain HTTP URL.
    public static let url = Self("URL", "URLs", "http://[^\\s#]+")
    /// The path of an HTTP request.
    public static let requestPath = Self("path of a request", "paths of requests", "/[!-~]*")
    /// A regular expression.
    public static let regex = Self("regex", "regexes", ".{1,1000}")
    /// A cron expression (crontab(5)).
    public static let cron = Self("cron expression", "cron expressions", "\\s*(@[A-Za-z]+|\\S+(\\s+\\S+){4})\\s*")
    /// A time with a date and an offset from UTC.
    public static let time = Self(
        "RFC 3339 time",
        "RFC 3339 times",
        "[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})"
    )
    /// A name of the IANA time zone database.
    public static let timeZone = Self("time zone", "time zones", "[A-Za-z0-9_+/-]{1,40}")
    /// The name of a variable in `${NAME}`.
    public static let variable = Self("variable name", "variable names", "[A-Za-z_][A-Za-z0-9_]*")
}
