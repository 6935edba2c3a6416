import HeroModel

/// A position in the log of one action: a file, and the offset of the next line in it.
///
/// Rotation renames files, so a file is named by its job and its inode and not by its name.
struct LogCursor: Hashable, Sendable {
    var job: Int64
    var inode: UInt64
    var offset: Int64
}

/// The positions in the logs of several actions, as the ID of a server-sent event.
struct LogPositions: Hashable, Sendable, CustomStringConvertible {
    var cursors: [String: LogCursor] = [:]

    init() {}

    /// Reads an ID; nil if it is none.
    init?(_ text: String) {
        guard !text.isEmpty, text.utf8.count <= 4096 else { return nil }
        for part in text.split(separator: ";", omittingEmptySubsequences: false) {
            let pair = part.split(separator: "=", omittingEmptySubsequences: false)
            guard pair.count == 2, QualifiedName.isValid(String(pair[0])) else { return nil }
            let numbers = pair[1].split(separator: ".", omittingEmptySubsequences: false)
            guard numbers.count == 3, let job = Int64(numbers[0]), let inode = UInt64(numbers[1]),
                let offset = Int64(numbers[2]), job > 0, offset >= 0
            else { return nil }
            cursors[String(pair[0])] = LogCursor(job: job, inode: inode, offset: offset)
        }
    }

    var description: String {
        cursors.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value.job).\($0.value.inode).\($0.value.offset)" }
            .joined(separator: ";")
    }
}
