import Foundation
import Testing

/// The oracle lines of a log, and the markers for missing ones.
struct LogContents {
    /// The line numbers in the order of the log.
    var lineNumbers: [Int] = []
    /// Markers of dropped output: the line number before the marker, the number of bytes and the reason.
    var dropMarkers: [(after: Int, bytes: Int, why: String)] = []
    /// All other lines.
    var unknownLines: [Substring] = []

    init(_ log: String) {
        for line in log.split(separator: "\n") {
            if let oracle = OracleLine(line) {
                lineNumbers.append(oracle.number)
            } else if let marker = line.firstMatch(of: /Z stderr F \[heroproc: dropped (\d+) bytes, (.+), \d+\.\d s\]$/)
            {
                dropMarkers.append((lineNumbers.last ?? 0, Int(marker.1) ?? -1, String(marker.2)))
            } else {
                unknownLines.append(line)
            }
        }
    }

    /// Expects every line once and in order, or counted by a marker at its position.
    ///
    /// Dropped bytes without a marker were dropped at the end.
    func expectComplete(upTo count: Int, dropped: Int, sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(unknownLines.isEmpty, "\(unknownLines.prefix(3))", sourceLocation: sourceLocation)
        var expected = 1
        var markers = dropMarkers[...]
        for number in lineNumbers {
            while let marker = markers.first, number != expected, marker.after == expected - 1 {
                expected += marker.bytes / OracleLine.byteCount
                #expect(marker.bytes % OracleLine.byteCount == 0, sourceLocation: sourceLocation)
                markers.removeFirst()
            }
            guard number == expected else {
                Issue.record(
                    "line \(expected) is missing or counted incorrectly, found \(number)",
                    sourceLocation: sourceLocation
                )
                return
            }
            expected += 1
        }
        let counted = self.dropMarkers.reduce(0) { $0 + $1.bytes }
        #expect(counted <= dropped, sourceLocation: sourceLocation)
        expected += (markers.reduce(0) { $0 + $1.bytes } + dropped - counted) / OracleLine.byteCount
        #expect(expected == count + 1, sourceLocation: sourceLocation)
    }
}
