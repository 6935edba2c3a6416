import Glibc

/// Reads the lines of one action across files, from a position.
final class ActionLogReader {
    /// A complete line.
    struct Line {
        var bytes: ArraySlice<UInt8>
        /// The position after the line.
        var next: LogCursor
    }

    private let folder: LogFolder
    private var descriptor: Int32 = -1
    private(set) var cursor: LogCursor?
    private var buffer = [UInt8](repeating: 0, count: 65_536)

    init(_ folder: LogFolder) { self.folder = folder }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Continues at a recorded position; returns false if its file does not exist any more.
    func resume(at position: LogCursor) -> Bool {
        for file in folder.files() where file.job == position.job && file.inode == position.inode {
            guard position.offset <= file.size else { return false }
            return open(file, at: position.offset)
        }
        return false
    }

    /// Begins with the last lines.
    func begin(lines: Int) {
        var rest = lines
        var chosen: (file: LogFolder.File, offset: Int64)?
        for file in folder.files().reversed() {
            let offsets = Self.lastLineOffsets(file)
            // Without lines the file is read from its present end.
            let offset = rest == 0 ? file.size : offsets.suffix(rest).first ?? 0
            chosen = (file, offset)
            rest -= min(rest, offsets.count)
            if rest == 0 { break }
        }
        if let chosen { _ = open(chosen.file, at: chosen.offset) }
    }

    /// The next lines; empty if there are none yet.
    ///
    /// A line is complete when it ends with a line feed. The shim writes lines of limited length.
    func readLines() -> [Line] {
        while true {
            if cursor == nil, !openFirst() { return [] }
            guard var position = cursor else { return [] }
            let count = pread(descriptor, &buffer, buffer.count, off_t(position.offset))
            guard count > 0, let end = buffer[..<count].lastIndex(of: 10) else {
                if count == buffer.count { cursor?.offset += Int64(count) }
                guard count == buffer.count || openNext() else { return [] }
                continue
            }
            var lines: [Line] = []
            for line in buffer[...end].split(separator: 10, omittingEmptySubsequences: false).dropLast() {
                position.offset += Int64(line.count) + 1
                lines.append(Line(bytes: line, next: position))
            }
            cursor = position
            return lines
        }
    }

    private func openFirst() -> Bool {
        guard let file = folder.files().first else { return false }
        return open(file, at: 0)
    }

    /// Goes to the file after the current one, once it exists; nothing is written to the current one from then on.
    private func openNext() -> Bool {
        guard let cursor else { return false }
        let files = folder.files()
        let place = files.firstIndex { $0.inode == cursor.inode && $0.job == cursor.job }
        // Old files are removed first, so all others are newer.
        guard let next = files.dropFirst(place.map { $0 + 1 } ?? 0).first else { return false }
        // The last lines may have been written between the read and the rotation.
        var file = stat()
        if fstat(descriptor, &file) == 0, Int64(file.st_size) > cursor.offset, hasLineFeed(after: cursor.offset) {
            return true
        }
        return open(next, at: 0)
    }

    private func hasLineFeed(after offset: Int64) -> Bool {
        let count = pread(descriptor, &buffer, buffer.count, off_t(offset))
        return count > 0 && buffer[..<count].contains(10)
    }

    private func open(_ file: LogFolder.File, at offset: Int64) -> Bool {
        let opened = Glibc.open(file.path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard opened >= 0 else { return false }
        var entry = stat()
        // The file may have been renamed since it was listed.
        guard fstat(opened, &entry) == 0, UInt64(entry.st_ino) == file.inode else {
            close(opened)
            return false
        }
        if descriptor >= 0 { close(descriptor) }
        descriptor = opened
        cursor = LogCursor(job: file.job, inode: file.inode, offset: offset)
        return true
    }

    /// The offsets of the last lines in the last 256 KiB.
    private static func lastLineOffsets(_ file: LogFolder.File) -> [Int64] {
        let opened = Glibc.open(file.path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard opened >= 0 else { return [] }
        defer { close(opened) }
        let start = max(0, file.size - (256 << 10))
        var bytes = [UInt8](repeating: 0, count: Int(file.size - start))
        let count = pread(opened, &bytes, bytes.count, off_t(start))
        guard count > 0 else { return [] }
        var offsets: [Int64] = start == 0 ? [0] : []
        for (index, byte) in bytes[..<count].enumerated() where byte == 10 { offsets.append(start + Int64(index) + 1) }
        // A line begins after each line feed but the last one.
        if bytes[count - 1] == 10 { offsets.removeLast() }
        return offsets
    }
}
