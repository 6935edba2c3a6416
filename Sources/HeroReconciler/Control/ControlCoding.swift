import FoundationEssentials
import HeroJSON
public import HeroModel

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

    /// Encodes the report of the helper process that fetches a repository.
    public static func bytes(_ report: RepositoryReport) -> [UInt8] { encode(report) }

    /// Decodes such a report; nil when this version does not know it.
    static func repositoryReport(_ bytes: [UInt8]) -> RepositoryReport? {
        try? JSONDecoder().decode(RepositoryReport.self, from: Data(bytes))
    }

    /// Encodes the status of the followed repository.
    static func bytes(_ status: RepositoryStatus) -> [UInt8] { encode(status) }

    /// Decodes such a status; nil when this version does not know it.
    public static func repositoryStatus(_ bytes: [UInt8]) -> RepositoryStatus? {
        try? JSONDecoder().decode(RepositoryStatus.self, from: Data(bytes))
    }

    private static func encode(_ message: some Encodable) -> [UInt8] {
        // Encoding cannot fail: the types hold no floating point numbers and have no custom encoding.
        guard let text = try? SortedJSONEncoder.encode(message) else { return [] }
        return text + [UInt8(ascii: "\n")]
    }
}
