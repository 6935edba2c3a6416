import FoundationEssentials

/// Encodes and decodes control messages: JSON, one message per line.
public enum ControlCoding {
    /// Encodes a reply, with a line feed.
    public static func line(_ reply: ControlReply) -> [UInt8] { encode(reply) }

    /// Encodes a request, with a line feed.
    public static func line(_ request: ControlRequest) -> [UInt8] { encode(request) }

    /// Decodes a request; nil when this version does not know it.
    public static func request(_ bytes: [UInt8]) -> ControlRequest? {
        try? JSONDecoder().decode(ControlRequest.self, from: Data(bytes))
    }

    /// Decodes a reply; nil when this version does not know it.
    public static func reply(_ bytes: [UInt8]) -> ControlReply? {
        try? JSONDecoder().decode(ControlReply.self, from: Data(bytes))
    }

    private static func encode(_ message: some Encodable) -> [UInt8] {
        // Encoding cannot fail: the types hold no floating point numbers and have no custom encoding.
        guard let data = try? JSONEncoder().encode(message) else { return [] }
        return Array(data) + [UInt8(ascii: "\n")]
    }
}
