/// A limit of each process of an action (setrlimit(2)).
///
/// The kernel enforces the soft limit; a program can raise its soft limit up to the hard limit.
public struct ProcessLimit: Hashable, Sendable, Codable {
    /// The value of a limit that limits nothing.
    public static let unlimited = Int64.max

    /// The soft limit.
    public var soft: Int64
    /// The hard limit; never below the soft limit.
    public var hard: Int64

    /// Makes a limit with a soft and a hard value.
    public init(soft: Int64, hard: Int64) {
        self.soft = soft
        self.hard = hard
    }

    /// Makes a limit whose soft and hard values are equal.
    public init(_ value: Int64) {
        self.init(soft: value, hard: value)
    }

    /// Decodes a stored limit; older versions stored one number.
    public init(from decoder: any Decoder) throws {
        if let value = try? decoder.singleValueContainer().decode(Int64.self) {
            self.init(value)
        } else {
            let fields = try decoder.container(keyedBy: CodingKeys.self)
            self.init(
                soft: try fields.decode(Int64.self, forKey: .soft),
                hard: try fields.decode(Int64.self, forKey: .hard)
            )
        }
    }

    /// Encodes equal values as one number.
    public func encode(to encoder: any Encoder) throws {
        guard soft != hard else {
            var value = encoder.singleValueContainer()
            return try value.encode(soft)
        }
        var fields = encoder.container(keyedBy: CodingKeys.self)
        try fields.encode(soft, forKey: .soft)
        try fields.encode(hard, forKey: .hard)
    }

    /// The names in stored JSON.
    private enum CodingKeys: String, CodingKey {
        case soft, hard
    }
}

extension ProcessLimit: ExpressibleByIntegerLiteral {
    /// Makes a limit whose soft and hard values are equal.
    public init(integerLiteral value: Int64) {
        self.init(value)
    }
}

extension ProcessLimit {
    /// The limit in canonical form: `4096`, `unlimited` or `{soft: 1024, hard: unlimited}`.
    public func text(_ format: (Int64) -> String) -> String {
        func text(_ value: Int64) -> String { value == Self.unlimited ? "unlimited" : format(value) }
        return soft == hard ? text(soft) : "{soft: \(text(soft)), hard: \(text(hard))}"
    }
}
