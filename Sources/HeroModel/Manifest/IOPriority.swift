/// The priority of the disk access of an action (ioprio_set(2)).
public enum IOPriority: Hashable, Sendable {
    /// Only when no other process needs the disk.
    case idle
    /// A level of the usual class, from 0 (highest) to 7 (lowest).
    case bestEffort(Int)

    /// The levels of the usual class.
    public static let levels: ClosedRange<Int> = 0...7

    /// Parses `idle` or `best_effort:4`.
    public init?(_ text: some StringProtocol) {
        let prefix = "best_effort:"
        if text == "idle" {
            self = .idle
        } else if text.hasPrefix(prefix), let level = Int(text.dropFirst(prefix.count)), Self.levels.contains(level),
            text == "\(prefix)\(level)"
        {
            self = .bestEffort(level)
        } else {
            return nil
        }
    }
}

extension IOPriority: CustomStringConvertible {
    /// The text in a manifest.
    public var description: String {
        switch self {
        case .idle: "idle"
        case .bestEffort(let level): "best_effort:\(level)"
        }
    }
}

extension IOPriority: Codable {
    /// Decodes the text of a manifest.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let value = Self(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "unknown I/O priority")
        }
        self = value
    }

    /// Encodes the text of a manifest.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
