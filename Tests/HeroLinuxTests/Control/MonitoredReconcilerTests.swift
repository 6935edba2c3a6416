import Foundation
import Testing

@testable import HeroLinux

/// The value of `--kept`, and the detection of a replaced program.
@Suite("Monitored reconciler")
struct MonitoredReconcilerTests {
    @Test(
        "The value of --kept reports an earlier exit and the recent crashes (CR-6)",
        arguments: [
            ("0", false, 0, 0, false), ("1", true, 0, 0, false), ("0:00", true, 0, 0, false),
            ("2:11", true, 2, 11, false),
            ("3:04", true, 3, 4, true),
        ]
    )
    func report(text: String, followsEnd: Bool, crashes: Int32, signal: Int32, isCrashLoop: Bool) throws {
        let news = try #require(MonitorReport(text))
        #expect(news.followsExit == followsEnd && news.recentCrashes == crashes && news.lastSignal == signal)
        #expect(news.isCrashLoop == isCrashLoop)
    }

    @Test("A program counts as replaced if its path leads to another file (CR-6)")
    func replacement() throws {
        let program = FileManager.default.temporaryDirectory.appending(path: "hp-program-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: program) }
        try Data("one".utf8).write(to: program, options: .atomic)
        let isReplaced = MonitoredReconciler.makeReplacementCheck(of: program.path)
        #expect(!isReplaced())
        try FileManager.default.removeItem(at: program)
        #expect(!isReplaced())
        try Data("other".utf8).write(to: program, options: .atomic)
        #expect(isReplaced())
    }

    @Test(
        "A malformed value of --kept is rejected",
        arguments: ["", ":", "3:", "3:4:5", "-1", "3:-4", "x", "99999999999"]
    )
    func malformedReport(text: String) { #expect(MonitorReport(text) == nil) }
}
