/// The size of the write-ahead log of the state database, and the processes that keep it from being reset.
public struct DatabaseLogFacts: Hashable, Sendable {
    /// The size of the log, in bytes.
    public var bytes: Int64
    /// The processes with an open read transaction: `pid 412 (sqlite3)`.
    public var readers: [String]

    /// The size from which a log is reported, in bytes.
    ///
    /// Checkpoints keep it below 4 MiB.
    public static let reportedSize: Int64 = 64 << 20

    /// Creates the facts.
    public init(bytes: Int64, readers: [String]) {
        self.bytes = bytes
        self.readers = readers
    }

    /// Why the log grows, as a sentence without a period; nil below the reported size.
    public var problem: String? {
        guard bytes >= Self.reportedSize else { return nil }
        let size = "\(bytes >> 20) MiB"
        guard !readers.isEmpty else { return "the write-ahead log of the state database has \(size)" }
        let (names, verb) = (readers.joined(separator: ", "), readers.count == 1 ? "keeps" : "keep")
        return "the write-ahead log of the state database has \(size) and grows, because \(names) \(verb) a read "
            + "transaction open"
    }

    /// The remedy.
    public var help: String {
        readers.isEmpty
            ? "the next checkpoint of the reconciler shortens it" : "end that transaction, or the program that has it"
    }
}
