import Foundation
import Testing

@testable import HeroLinux

/// What a keeper tells the reconciler that it starts.
@Suite("Keeping")
struct MonitoredReconcilerTests {
    @Test(
        "CR-6: the value of --kept says whether one ended before, and how many crashes there were lately",
        arguments: [
            ("0", false, 0, 0, false), ("1", true, 0, 0, false), ("0:00", true, 0, 0, false),
            ("2:11", true, 2, 11, false),
            ("3:04", true, 3, 4, true),
        ]
    )
    func news(text: String, followsEnd: Bool, crashes: Int32, signal: Int32, isCrashLoop: Bool) throws {
        let news = try #require(MonitorReport(text))
        #expect(news.followsExit == followsEnd && news.recentCrashes == crashes && news.lastSignal == signal)
        #expect(news.isCrashLoop == isCrashLoop)
    }

    @Test("CR-6: a program is replaced once another file stands at its path, and not while none does")
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

    @Test("what no keeper says is not believed", arguments: ["", ":", "3:", "3:4:5", "-1", "3:-4", "x", "99999999999"])
    func nonsense(text: String) { #expect(MonitorReport(text) == nil) }
}
