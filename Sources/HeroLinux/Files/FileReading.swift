import CHeroLinux
import Glibc

/// Reads the first bytes of a file; returns nil with `errno` set if it cannot be read.
func readFile(_ path: String, limit: Int) -> [UInt8]? {
    // O_NONBLOCK: opening a FIFO must not wait for a writer.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    return readAll(descriptor, limit: limit)
}

/// Reads an open file from its beginning, at most `limit` bytes.
func readAll(_ descriptor: Int32, limit: Int) -> [UInt8]? {
    var bytes: [UInt8] = []
    var chunk = min(limit, 4096)
    while bytes.count < limit {
        let before = bytes.count
        var failed = false
        let wanted = min(chunk, limit - before)
        let piece = [UInt8](unsafeUninitializedCapacity: wanted) { buffer, count in
            var result = pread(descriptor, buffer.baseAddress, wanted, off_t(before))
            while result < 0, errno == EINTR { result = pread(descriptor, buffer.baseAddress, wanted, off_t(before)) }
            failed = result < 0
            count = max(0, result)
        }
        guard !failed else { return nil }
        guard !piece.isEmpty else { break }
        bytes += piece
        chunk = min(chunk &* 4, 1 << 20)
    }
    return bytes
}

/// Reads a small text file.
package func readText(_ path: String, limit: Int = 65_536) -> String? {
    readFile(path, limit: limit).map { String(decoding: $0, as: UTF8.self) }
}

/// Returns the names in a directory, unordered; nil with `errno` set if it cannot be read.
package func listDirectory(_ path: String) -> [String]? {
    var memory: UnsafeMutablePointer<CChar>?
    let size = hl_list_directory(path, &memory)
    guard size >= 0, let memory else {
        errno = Int32(clamping: 0 &- size)
        return nil
    }
    defer { hl_free(memory) }
    return nulTerminatedStrings(in: UnsafeRawBufferPointer(start: memory, count: size))
}

/// Splits a sequence of NUL-terminated texts.
func nulTerminatedStrings(in bytes: UnsafeRawBufferPointer) -> [String] {
    bytes.split(separator: 0, omittingEmptySubsequences: false).dropLast().map { String(decoding: $0, as: UTF8.self) }
}

extension StringProtocol {
    /// The text without leading and trailing white space.
    package var trimmed: String {
        let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" || $0 == "\n" || $0 == "\r\n" || $0 == "\r" }
        var text = self[...]
        while let first = text.first, isBlank(first) { text = text.dropFirst() }
        while let last = text.last, isBlank(last) { text = text.dropLast() }
        return String(text)
    }
}
