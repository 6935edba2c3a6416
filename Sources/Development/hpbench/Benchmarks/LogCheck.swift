import Foundation

/// Checks every line of a log: complete, numbered without gaps, and nothing else.
struct LogCheck {
    /// The number of correct lines.
    var lines = 0
    /// The number of lines that are missing, damaged or out of order.
    var faults = 0
    /// The number of files.
    var files = 0
    /// The size of the files, in bytes.
    var bytes = 0

    /// Checks log files in CRI format, oldest first, with the lines of `hpbenchload lines`.
    init(files paths: [String]) throws {
        for path in paths {
            let data = try Data(contentsOf: URL(filePath: path), options: .alwaysMapped)
            files += 1
            bytes += data.count
            data.withUnsafeBytes { check($0) }
        }
    }

    /// Checks lines `<time> stdout F <10 digits> xxx...` with consecutive numbers.
    private mutating func check(_ bytes: UnsafeRawBufferPointer) {
        var start = 0
        while start < bytes.count {
            let length = bytes[start...].firstIndex(of: UInt8(ascii: "\n")).map { $0 - start } ?? (bytes.count - start)
            // The payload has 99 bytes and a newline. ` stdout F ` precedes it.
            let payload = start + length - 99
            let mark = payload - " stdout F ".utf8.count
            if mark > start, bytes[mark..<payload].elementsEqual(" stdout F ".utf8), number(bytes, payload) == lines {
                lines += 1
            } else {
                faults += 1
            }
            start += length + 1
        }
    }

    private func number(_ bytes: UnsafeRawBufferPointer, _ at: Int) -> Int {
        bytes[at..<at + 10].reduce(0) { $0 * 10 + Int($1) - 48 }
    }
}
