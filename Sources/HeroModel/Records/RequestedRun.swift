/// A run that `run_on` or a raised generation has requested, until it has succeeded.
///
/// A run that has failed stays requested: the next apply of a person starts it again.
public enum RequestedRun: Int64, Hashable, Sendable, CaseIterable {
    /// None is requested, or the last one has succeeded or was cancelled.
    case none = 0
    /// It has not begun.
    case pending = 1
    /// It has begun and has not succeeded.
    case begun = 2
}

extension RequestedRun: Codable {
    /// Reads the number, or the boolean of earlier versions, which knew only pending runs.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let isPending = try? container.decode(Bool.self) {
            self = isPending ? .pending : .none
            return
        }
        let number = try container.decode(Int64.self)
        guard let value = Self(rawValue: number) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "unknown requested run \(number)")
        }
        self = value
    }

    /// Writes a boolean where earlier versions can read it.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .none: try container.encode(false)
        case .pending: try container.encode(true)
        case .begun: try container.encode(rawValue)
        }
    }
}
