import HeroView

/// Merges the lines of several logs by time.
struct LogMerger {
    /// The next line of a log.
    private struct Head {
        let key: ArraySlice<UInt8>
        let entry: LogEntry
        let reader: LogReader

        func isBefore(_ other: Head) -> Bool { key.lexicographicallyPrecedes(other.key) }
    }

    /// The next lines, the earliest last.
    private var heads: [Head] = []
    private let readsToEnd: Bool

    /// Reads the first line of each log.
    ///
    /// - Parameters:
    ///   - readers: the logs; of two lines with the same time, that of the earlier reader comes first.
    ///   - readsToEnd: whether an incomplete line at the end of a log is delivered.
    init(_ readers: some Sequence<LogReader>, readsToEnd: Bool) {
        self.readsToEnd = readsToEnd
        for reader in readers { insertNextLine(of: reader, after: []) }
    }

    /// Returns the earliest line that was not returned yet.
    mutating func next() -> (entry: LogEntry, reader: LogReader)? {
        guard let head = heads.popLast() else { return nil }
        insertNextLine(of: head.reader, after: head.key)
        return (head.entry, head.reader)
    }

    private mutating func insertNextLine(of reader: LogReader, after last: ArraySlice<UInt8>) {
        guard let entry = readsToEnd ? reader.next() ?? reader.finish() : reader.next() else { return }
        // A line without a time stays behind its predecessor. The time of a raw line is part of its text.
        var key = entry.timestamp.isEmpty ? LogLine(entry.text)?.timestamp ?? last : entry.timestamp
        if key.lexicographicallyPrecedes(last) { key = last }
        let head = Head(key: key, entry: entry, reader: reader)
        var low = heads.startIndex
        var high = heads.endIndex
        while low < high {
            let middle = (low + high) / 2
            // Lines with the same time: the one that was inserted first comes first.
            if head.isBefore(heads[middle]) { low = middle + 1 } else { high = middle }
        }
        heads.insert(head, at: low)
    }
}
