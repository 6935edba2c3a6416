import Foundation
import Testing

/// Compares a text with the file `Goldens/NAME` of the tests.
///
/// With `RECORD_GOLDENS=1` a different text is recorded and the test fails once, so that recordings are reviewed.
func expectGolden(_ text: String, _ name: String, _ location: SourceLocation = #_sourceLocation) {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("Goldens").appendingPathComponent(name)
    let golden = (try? Data(contentsOf: file)).map { String(decoding: $0, as: UTF8.self) }
    guard golden != text else { return }
    guard ProcessInfo.processInfo.environment["RECORD_GOLDENS"] == "1" else {
        #expect(text == golden ?? "", "Goldens/\(name) differs; RECORD_GOLDENS=1 records it", sourceLocation: location)
        return
    }
    do {
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(),
            withIntermediateDirectories: true
        )
        try Data(text.utf8).write(to: file)
        Issue.record("recorded Goldens/\(name); read it, then run again", sourceLocation: location)
    } catch {
        Issue.record("cannot record Goldens/\(name): \(error)", sourceLocation: location)
    }
}

/// Whether a text contains no character that controls a terminal, except line feeds.
func isHarmless(_ text: some StringProtocol) -> Bool {
    text.unicodeScalars.allSatisfy { scalar in
        switch scalar.value {
        case 10: true
        case 0..<32, 127..<160, 0x2028...0x202E, 0x2066...0x2069: false
        default: true
        }
    }
}

/// A text with terminal control sequences: a title, clear screen, a change of direction, a C1 control.
let hostile = "a\u{1B}]0;owned\u{07}\u{1B}[2Jb\r\nc\u{202E}d\u{9B}1me"
