/// What the value of a key may be.
///
/// Its words in the reference, its JSON Schema and its range are all taken from here.
public indirect enum ValueSchema: Sendable {
    /// `true` or `false`.
    case bool
    /// Only `true`: the key is left out otherwise.
    case constantTrue
    /// Any scalar, with the spelling it has.
    case text
    /// A text of a special form.
    case formatted(TextFormat)
    /// A time with its unit.
    case duration(ClosedRange<Duration>)
    /// A number of bytes with its unit.
    case size(ClosedRange<Int64>)
    /// A whole decimal number.
    case integer(ClosedRange<Int>)
    /// A decimal number.
    case number(ClosedRange<Double>)
    /// One of these words.
    case enumeration([String])
    /// A signal by its name, with or without `SIG`.
    case signal
    /// A list of items of one form.
    case list(of: ValueSchema, atLeast: Int = 0)
    /// Values of one form by names of the author's choice.
    case map(of: ValueSchema)
    /// A map of known keys.
    case object(ObjectSchema)
    /// Either of two forms.
    case either(ValueSchema, ValueSchema)
    /// An action, as in `kind: Action`.
    case action

    /// A name of a service, action or context.
    public static let name = formatted(.name)
    /// `name` or `context/name`.
    public static let reference = formatted(.reference)
    /// A path, relative to the folder of its manifest.
    public static let path = formatted(.path)
    /// What an environment variable is set to.
    public static let environmentValue = either(.text, .object(.secret))
    /// An item of `actions`.
    public static let actionOrName = either(.reference, .action)

    /// One of an enumeration's words.
    public static func choice<Choice>(_: Choice.Type) -> Self where Choice: RawRepresentable<String> & CaseIterable {
        enumeration(Choice.allCases.map(\.rawValue))
    }
}

extension ValueSchema {
    /// The form in the words of the reference: `duration`, `list of paths`, `start | stop`.
    public var typeName: String {
        switch self {
        case .bool: "bool"
        case .constantTrue: "true"
        case .text: "text"
        case .formatted(let form): form.typeName
        case .duration: "duration"
        case .size: "size"
        case .integer: "integer"
        case .number: "number"
        case .enumeration(let words): words.joined(separator: " | ")
        case .signal: "signal"
        case .list(let item, atLeast: _): "list of \(item.pluralTypeName)"
        case .map(let value): "map of \(value.pluralTypeName)"
        case .object(let form): "{\(form.properties.map(\.key).joined(separator: ", "))}"
        case .either(let first, let second): "\(first.typeName) or \(second.typeName)"
        case .action: "action"
        }
    }

    /// The form of several.
    private var pluralTypeName: String {
        switch self {
        case .bool, .constantTrue: "bools"
        case .text: "text"
        case .formatted(let form): form.pluralTypeName
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

    /// The least and the most it may be, in the words of a manifest; nil where that says nothing.
    public var range: (least: String, most: String)? {
        switch self {
        case .duration(let range): (Canonical.duration(range.lowerBound), Canonical.duration(range.upperBound))
        case .size(let range): (Canonical.size(range.lowerBound), Canonical.size(range.upperBound))
        case .integer(let range): (String(range.lowerBound), String(range.upperBound))
        case .number(let range): (Canonical.number(range.lowerBound), Canonical.number(range.upperBound))
        case .list(let item, atLeast: _): item.range
        case .bool, .constantTrue, .text, .formatted, .enumeration, .signal, .map, .object, .either, .action: nil
        }
    }
}

/// A text of a special form.
public struct TextFormat: Hashable, Sendable {
    /// What it is, in the reference.
    public let typeName: String
    /// What several are.
    public let pluralTypeName: String
    /// A regular expression that all of it matches (ECMA-262, as JSON Schema has it).
    public let pattern: String
    /// The whole numbers it may be, which YAML reads as such where they stand without quotes; nil: none.
    public let numbers: ClosedRange<Int>?

    private init(_ words: String, _ plural: String, _ pattern: String, numbers: ClosedRange<Int>? = nil) {
        self.typeName = words
        self.pluralTypeName = plural
        self.pattern = pattern
        self.numbers = numbers
    }

    private static let namePattern = "[a-z0-9][a-z0-9_-]{0,62}"

    /// A name of a service, action or context.
    public static let name = Self("name", "names", namePattern, numbers: AllowedRanges.generation)
    /// `name` or `context/name`.
    public static let reference = Self(
        "reference",
        "references",
        "(\(namePattern)/)?\(namePattern)",
        numbers: AllowedRanges.generation
    )
    /// A path, relative to the folder of its manifest.
    public static let path = Self("path", "paths", "(?!~(/|$)).+", numbers: AllowedRanges.generation)
    /// The path or the name of a program.
    public static let program = Self("path or name", "paths or names", ".+")
    /// A user or a group.
    public static let account = Self(
        "name or number",
        "names or numbers",
        "[^\\s:/-][^\\s:/]*",
        numbers: 0...4_294_967_294
    )
    /// Permission bits.
    public static let umask = Self("octal text", "octal texts", "[0-7]{1,4}", numbers: 0...777)
    /// A TCP port, with or without an address.
    public static let endpoint = Self(
        "port or address",
        "ports or addresses",
        "([^\\s:]+:|\\[[0-9A-Fa-f:.]+\\]:)?[0-9]{1,5}",
        numbers: 1...65535
    )
    /// A plain HTTP URL.
    public static let url = Self("URL", "URLs", "http://[^\\s#]+")
    /// The path of a request.
    public static let requestPath = Self("path of a request", "paths of requests", "/[!-~]*")
    /// A regular expression.
    public static let regex = Self("regex", "regexes", ".{1,1000}")
    /// Five fields of crontab(5).
    public static let cron = Self("cron expression", "cron expressions", "\\s*(@[A-Za-z]+|\\S+(\\s+\\S+){4})\\s*")
    /// A name of the IANA time zone database.
    public static let timeZone = Self("time zone", "time zones", "[A-Za-z0-9_+/-]{1,40}")
    /// A name that `${NAME}` can hold.
    public static let variable = Self("variable name", "variable names", "[A-Za-z_][A-Za-z0-9_]*")
}
