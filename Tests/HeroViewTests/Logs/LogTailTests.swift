import HeroView
import Testing

@Suite struct LogTailTests {
    private static let time = "2026-11-21T13:34:58.123456789Z"

    /// `a`: a full line; `p`: a part; `x`: a line in another format; `o`: a part without its line feed.
    private static func log(_ pattern: String) -> [UInt8] {
        Array(
            pattern.enumerated().map { index, kind in
                switch kind {
                case "a": "\(time) stdout F \(index)\n"
                case "p": "\(time) stdout P \(index)\n"
                case "o": "\(time) stdout P \(index)"
                default: "foreign \(index)\n"
                }
            }.joined().utf8
        )
    }

    @Test(
        "The last lines of a log start where the line before them ends",
        arguments: [
            ("aaaa", 2, 2), ("aaaa", 4, 0), ("aaaa", 9, 0), ("aaaa", 0, 4), ("", 3, 0), ("appappa", 1, 4),
            ("appappa", 2, 1), ("apa", 1, 1), ("aap", 1, 2), ("aap", 2, 1), ("aapo", 1, 2), ("aao", 1, 2),
            ("aao", 2, 1), ("axpa", 1, 2), ("axpa", 2, 1), ("ppp", 1, 0), ("o", 1, 0),
        ]
    )
    func starts(_ pattern: String, _ lines: Int, _ first: Int) {
        let log = Self.log(pattern)
        let start = LogTail(lines: lines).start(in: log[...], isWhole: true)
        #expect(start == Self.log(String(pattern.prefix(first))).count)
    }

    @Test("The tail of a log requests more bytes if it has too few lines")
    func more() {
        let log = Self.log("aaaa")
        #expect(LogTail(lines: 4).start(in: log[...], isWhole: false) == nil)
        #expect(LogTail(lines: 3).start(in: log[30...], isWhole: false) == log.count / 4)
        #expect(LogTail(lines: 9).count(in: log[...]) == 4)
        #expect(LogTail(lines: 3).count(in: log[...]) == 3)
    }
}
