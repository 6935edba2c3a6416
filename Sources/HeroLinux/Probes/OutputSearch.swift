import Glibc
import HeroKernel
import HeroModel
import HeroPattern

/// Searches the output of a program since its start for a line.
///
/// It reads the log of the job (contract, section 8) and continues where it stopped, across rotations: an open file
/// remains the same whatever its name is. A line that was found stays found.
struct OutputSearch {
    private let start: StartID
    private let path: String
    private let text: String
    private let pattern: LinePattern
    private let since: WallTime?
    private var file: (descriptor: Descriptor, inode: UInt64)?
    private var pendingBytes: [UInt8] = []
    /// The beginnings of unfinished lines, by output stream.
    private var partialLines: [String: String] = [:]
    private var isFound = false

    /// The most bytes that one call reads; the next call continues.
    private static let bytesPerCall = 1 << 18
    /// The most bytes of a line that are matched.
    private static let maximumLineSize = 8192

    init(_ request: ProbeRequest, _ path: String, _ text: String, _ pattern: LinePattern) {
        start = request.start
        since = request.startedAt
        self.path = path
        self.text = text
        self.pattern = pattern
    }

    /// Whether this search is for the same text in the output of the same start.
    func matchesRequest(_ request: ProbeRequest, _ text: String) -> Bool { start == request.start && self.text == text }

    /// Continues the search.
    mutating func continueSearch() -> ProbeResult {
        var remaining = Self.bytesPerCall
        while !isFound, remaining > 0 {
            guard file != nil || openNext(after: nil) else { break }
            let count = readChunk(limit: remaining)
            remaining -= count
            if count == 0, !openNext(after: file?.inode) { break }
        }
        if isFound { file = nil }
        return isFound ? .succeeded : .failed("no line of its output matches `\(text)`")
    }

    // MARK: Files

    /// Opens the file after the one that was read, or the first file of this start; returns false if there is none.
    private mutating func openNext(after inode: UInt64?) -> Bool {
        // From the newest file down to the last one read, or to one that begins before this start.
        var next: (descriptor: Descriptor, inode: UInt64)?
        var free = 0
        for number in 0...100 {
            let name = number == 0 ? path : "\(path).\(number)"
            // A file of another type is skipped and never waited for (LG-6).
            let opened = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)
            if opened < 0, errno == ELOOP || errno == ENXIO { continue }
            guard opened >= 0 else {
                // During a rotation one name at a time is unused.
                free += 1
                guard free > 2 else { continue }
                break
            }
            let descriptor = Descriptor(opened)
            var entry = stat()
            guard fstat(opened, &entry) == 0 else { break }
            guard entry.st_mode & S_IFMT == S_IFREG else { continue }
            if let inode, UInt64(entry.st_ino) == inode { break }
            if let since, let first = Self.firstTimestamp(of: descriptor), first < since { break }
            next = (descriptor, UInt64(entry.st_ino))
        }
        guard let next else { return false }
        file = next
        pendingBytes = []
        return true
    }

    /// Returns the time of the first line; nil if there is none yet.
    private static func firstTimestamp(of file: Descriptor) -> WallTime? {
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = pread(file.number, &bytes, bytes.count, 0)
        guard count > 0 else { return nil }
        return WallTime(String(decoding: bytes[..<count].prefix { $0 != 32 }, as: UTF8.self))
    }

    private mutating func readChunk(limit: Int) -> Int {
        guard let file else { return 0 }
        var chunk = [UInt8](repeating: 0, count: min(limit, 1 << 16))
        let count = read(file.descriptor.number, &chunk, chunk.count)
        guard count > 0 else { return 0 }
        pendingBytes += chunk[..<count]
        while !isFound, let end = pendingBytes.firstIndex(of: 10) {
            processLine(pendingBytes[..<end])
            pendingBytes.removeSubrange(...end)
        }
        if pendingBytes.count > 2 * Self.maximumLineSize {
            pendingBytes.removeLast(pendingBytes.count - 2 * Self.maximumLineSize)
        }
        return count
    }

    // MARK: Lines

    /// Processes a line of the log: `<time> stdout F <text>`, or P for a part that continues in the next line.
    private mutating func processLine(_ line: ArraySlice<UInt8>) {
        let fields = line.split(separator: 32, maxSplits: 3, omittingEmptySubsequences: false)
        guard fields.count == 4 else { return }
        let stream = String(decoding: fields[1], as: UTF8.self)
        let before = partialLines[stream] ?? ""
        let space = max(0, Self.maximumLineSize - before.utf8.count)
        let whole = before + String(decoding: fields[3].prefix(space), as: UTF8.self)
        guard fields[2].first == UInt8(ascii: "F") else {
            partialLines[stream] = whole
            return
        }
        partialLines[stream] = nil
        isFound = pattern.matches(whole)
    }
}
