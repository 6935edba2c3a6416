import HeroModel
import HeroView
import Testing

@Suite struct LogViewTests {
    private let time = "2026-11-21T13:34:58.123456789Z"

    /// The text of a log that is added in chunks of a size.
    private func text(
        _ log: [UInt8],
        _ view: LogView,
        _ form: LogAssembler.Format = .assembled,
        chunk: Int = 1 << 16,
        limit: Int = 1 << 20
    ) -> [UInt8] {
        var assembler = LogAssembler(form, limit: limit)
        var output: [UInt8] = []
        var start = 0
        while start < log.count {
            let end = min(log.count, start + chunk)
            assembler.feed(Array(log[start..<end])) { view.append($0, to: &output) }
            start = end
        }
        assembler.finish { view.append($0, to: &output) }
        return output
    }

    private func text(_ log: String, _ view: LogView, _ form: LogAssembler.Format = .assembled) -> String {
        String(decoding: text(Array(log.utf8), view, form), as: UTF8.self)
    }

    private let file = LogView(isForTerminal: false)
    private let terminal = LogView(isForTerminal: true)

    @Test("A CRI log line is parsed into its parts")
    func parts() throws {
        let line = try #require(LogLine(Array("xx\(time) stderr P a b ".utf8)[2...]))
        #expect(line.stream == .stderr && line.isPartial)
        #expect(Array(line.content) == Array("a b ".utf8))
        #expect(line.time == WallTime("2026-11-21T13:34:58.123456Z"))
        #expect(LogLine(Array("\(time) stdout F".utf8)[...])?.content.isEmpty == true)
        #expect(LogLine(Array("\(time) stdout P:a:b x".utf8)[...])?.content.elementsEqual("x".utf8) == true)
    }

    @Test(
        "A line in another format is not parsed as a CRI log line",
        arguments: [
            "", " ", "x", "2026-11-21T13:34:58Z", "2026-11-21T13:34:58Z stdout", "2026-11-21T13:34:58Z stdout ",
            "2026-11-21T13:34:58Z stdin F x", "2026-11-21T13:34:58Z stdout X x", "2026-11-21T13:34:58Z stdout Fx",
            "2026-11-21T13:34:58Z stdout F:x", "short stdout F x", "                    stdout F x",
            "2026-11-21T13:34:58.000000000000000000000Z stdout F x",
        ]
    )
    func noLine(_ text: String) {
        #expect(LogLine(Array(text.utf8)[...]) == nil)
        #expect(self.text(text + "\n", file) == text + "\n")
    }

    @Test("Log text does not depend on the chunk size (LG-4)", arguments: 1...70)
    func chunkSizes(_ chunk: Int) {
        let log = Array(
            """
            \(time) stdout F hello
            \(time) stdout P one\u{20}
            \(time) stderr F between
            \(time) stdout P two
            torn li
            \(time) stdout F , three
            \(time) stdout F\u{20}
            \(time) stderr P no end
            """.utf8
        )
        let expected = "hello\nbetween\ntorn li\none two, three\n\nno end"
        #expect(String(decoding: text(log, file, chunk: chunk), as: UTF8.self) == expected)
        #expect(text(log, file, .raw, chunk: chunk) == log)
    }

    @Test("A long log line is delivered in pieces within the limit", arguments: [1, 7, 64, 4096])
    func longLines(_ limit: Int) {
        let part = String(repeating: "x", count: 100)
        let log = String(repeating: "\(time) stdout P \(part)\n", count: 50) + "\(time) stdout F end\n"
        let expected = String(repeating: part, count: 50) + "end\n"
        for chunk in [1, 33, 10_000] {
            // The limit must not split a CRI line that fits.
            let view = LogView(isForTerminal: true, prefix: "a | ")
            if limit >= 200 {
                #expect(
                    String(decoding: text(Array(log.utf8), view, chunk: chunk, limit: limit), as: UTF8.self)
                        == "a | \(expected)"
                )
            }
            let foreign = Array((String(repeating: "y", count: 5000) + "\nz\n").utf8)
            #expect(text(foreign, file, chunk: chunk, limit: limit) == foreign)
        }
    }

    @Test("The buffer of an unfinished log line stays within the limit")
    func memory() {
        let parts = Array(
            String(repeating: "\(time) stdout P \(String(repeating: "x", count: 100))\n", count: 500).utf8
        )
        let foreign = [UInt8](repeating: UInt8(ascii: "y"), count: 50_000)
        for log in [parts, foreign] {
            var assembler = LogAssembler(limit: 1000)
            var longest = 0
            var pieces = 0
            for start in stride(from: 0, to: log.count, by: 50) {
                assembler.feed(Array(log[start..<min(log.count, start + 50)])) { entry in
                    longest = max(longest, entry.text.count)
                    pieces += 1
                    #expect(entry.end == .moreFollows && entry.continuesLine == (pieces > 1))
                }
            }
            #expect(longest <= 1100 && pieces >= 45)
        }
    }

    @Test("Each log line has its prefix and its time once")
    func prefixes() {
        #expect(LogView.prefixes(for: ["web"]) == [""])
        #expect(LogView.prefixes(for: ["web", "worker"]) == ["web    | ", "worker | "])
        let view = LogView(isForTerminal: false, showsTimestamps: true, prefix: "web | ")
        let log = "\(time) stdout P a\n\(time) stdout F b\nfoo\n\(time) stdout P c\n"
        #expect(text(log, view) == "web | \(time) ab\nweb | foo\nweb | \(time) c\n")
    }

    @Test("Log control characters are escaped on a terminal and kept in a file (LG-4, CVE-2021-25743)")
    func controls() {
        let log = "\(time) stdout F a\u{1B}]0;owned\u{07}\u{9B}2J\u{202E}\t\u{7F}\rb äöü 漢 👩‍👧\n"
        #expect(
            text(log, terminal) == #"a\x1b]0;owned\x07\x9b2J\u{202e}"# + "\t" + #"\x7f\x0db äöü 漢 👩‍👧"# + "\n"
        )
        #expect(text(log, file) == String(log.dropFirst(time.count + 10)))
    }

    @Test("Every byte sequence of a log is shown as harmless valid UTF-8")
    func anyBytes() {
        var seed: UInt64 = 42
        for _ in 0..<2000 {
            let bytes: [UInt8] = (0..<24).map { _ in
                seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                // Many lead and continuation bytes, so that almost-valid sequences are common.
                let byte = UInt8(truncatingIfNeeded: seed >> 33)
                return byte & 3 == 0 ? 0x80 | (byte >> 2) : byte
            }
            var output: [UInt8] = []
            LogView.append(printable: bytes[...], to: &output)
            let shown = String(validating: output, as: UTF8.self)
            #expect(shown != nil && isHarmless((shown ?? "\u{1B}").replacing("\t", with: "")))
        }
        var output: [UInt8] = []
        LogView.append(
            printable: [0xE2, 0x82, 0xFF, 0xC0, 0x80, 0xED, 0xA0, 0x80, 0xF4, 0x90, 0x80, 0x80][...],
            to: &output
        )
        #expect(String(decoding: output, as: UTF8.self) == #"\xe2\x82\xff\xc0\x80\xed\xa0\x80\xf4\x90\x80\x80"#)
        // Overlong encodings of 'A' and ESC.
        output = []
        LogView.append(printable: [0xE0, 0x81, 0x81, 0xF0, 0x80, 0x80, 0x9B][...], to: &output)
        #expect(String(decoding: output, as: UTF8.self) == #"\xe0\x81\x81\xf0\x80\x80\x9b"#)
    }
}
