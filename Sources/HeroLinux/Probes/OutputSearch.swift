import Glibc
import HeroKernel
import HeroModel
import HeroPattern

/// The search for a line in what a program has written since its start.
///
/// It reads the job's own log (contract section 8) and goes on where it stopped, through every rotation: a file that was opened
/// stays the same one under whatever name. Once the line is found, it was found.
struct OutputSearch {
    private let start: StartID
    private let path: String
    private let text: String
    private let pattern: LinePattern
    private let since: WallTime?
    private var file: (descriptor: Descriptor, inode: UInt64)?
    private var pendingBytes: [UInt8] = []
    /// What the unfinished lines of both streams say so far.
    private var partialLines: [String: String] = [:]
    private var isFound = false

    /// Bytes that one question reads at most; what is left is for the next one.
    private static let bytesPerAnswer = 1 << 18
    /// Bytes of a line that are looked at.
    private static let maximumLineSize = 8192

    init(_ order: ProbeRequest, _ path: String, _ text: String, _ pattern: LinePattern) {
        start = order.start
        since = order.startedAt
        self.path = path
        self.text = text
        self.pattern = pattern
    }

    /// Whether it searches for the same in the output of the same start.
    func matchesRequest(_ order: ProbeRequest, _ text: String) -> Bool { start == order.start && self.text == text }

    /// Reads on.
    mutating func continueSearch() -> ProbeResult {
        var left = Self.bytesPerAnswer
        while !isFound, left > 0 {
            guard file != nil || openNext(after: nil) else { break }
            let count = readChunk(limit: left)
            left -= count
            if count == 0, !openNext(after: file?.inode) { break }
        }
        if isFound { file = nil }
        return isFound ? .succeeded : .failed("no line of its output matches `\(text)`")
    }

    // MARK: Files

    /// Opens the file behind the one that was read, or the first one of this start; false when there is none.
    private mutating func openNext(after inode: UInt64?) -> Bool {
        // Newest first, until the one that was read last, or one that was begun before this start.
        var next: (descriptor: Descriptor, inode: UInt64)?
        var free = 0
        for number in 0...100 {
            let name = number == 0 ? path : "\(path).\(number)"
            // What somebody put in the place of a file is passed over, and never waited for (LG-6).
            let opened = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)
            if opened < 0, errno == ELOOP || errno == ENXIO { continue }
            guard opened >= 0 else {
                // While files are moved up, one name at a time is free.
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

    /// The time of a file's first line; nil where there is none yet.
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

    /// Takes one line of the log: `<time> stdout F <text>`, or P where the line goes on.
    private mutating func processLine(_ line: ArraySlice<UInt8>) {
        let fields = line.split(separator: 32, maxSplits: 3, omittingEmptySubsequences: false)
        guard fields.count == 4 else { return }
        let stream = String(decoding: fields[1], as: UTF8.self)
        let before = partialLines[stream] ?? ""
        let room = max(0, Self.maximumLineSize - before.utf8.count)
        let whole = before + String(decoding: fields[3].prefix(room), as: UTF8.self)
        guard fields[2].first == UInt8(ascii: "F") else {
            partialLines[stream] = whole
            return
        }
        partialLines[stream] = nil
        isFound = pattern.matches(whole)
    }
}
