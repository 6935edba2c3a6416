import FoundationEssentials

/// Control messages as JSON, one a line.
public enum ControlCoding {
    /// A message with its line feed.
    public static func line(_ reply: ControlReply) -> [UInt8] { encode(reply) }

    /// A message with its line feed.
    public static func line(_ request: ControlRequest) -> [UInt8] { encode(request) }

    /// Reads a request; nil when it is not one that this version knows.
    public static func request(_ bytes: [UInt8]) -> ControlRequest? {
        try? JSONDecoder().decode(ControlRequest.self, from: Data(bytes))
    }

    /// Reads an answer; nil when it is not one that this version knows.
    public static func reply(_ bytes: [UInt8]) -> ControlReply? {
        try? JSONDecoder().decode(ControlReply.self, from: Data(bytes))
    }

    private static func encode(_ message: some Encodable) -> [UInt8] {
        // Encoding these types cannot fail: they hold no floating point numbers and no custom coding.
        guard let data = try? JSONEncoder().encode(message) else { return [] }
        return Array(data) + [UInt8(ascii: "\n")]
    }
}
