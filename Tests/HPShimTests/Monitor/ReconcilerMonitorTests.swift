import Foundation
import ShimHarness
import TestSupport
import Testing

/// What a keeper counts, and what it tells the next reconciler (reliability.md SH-15, CR-6).
@Suite("Keeper")
struct ReconcilerMonitorTests {
    /// Ends as the first word says that has not had its turn: by a signal, with a code, or (as `61s` says) after a time with 3.
    ///
    /// What it was told goes into a file.
    private static let script = """
        ulimit -c 0; log=$2; echo "$3" >> "$log"; n=$(grep -c . "$log"); set -- $1; shift $((n - 1))
        case $1 in *s) sleep "${1%s}"; exit 3;; [0-9]*) exit "$1";; *) kill -"$1" $$;; esac
        """

    /// Lets a keeper keep a program with these ends.
    ///
    /// - Returns: the code it leaves with, what each start was told, and what it said.
    private func monitor(_ ends: String) throws -> (code: Int32, told: [String], said: String) {
        let folder = FileManager.default.temporaryDirectory.appending(path: "hp-keep-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let (log, errors) = (folder.appending(path: "log").path, folder.appending(path: "errors").path)
        let words = [shimProgram, "keep", "/bin/sh", "-c", Self.script, "sh", ends, log, "0"]
        let pid = try #require(spawn(words, errors: errors))
        var status: Int32 = 0
        try #require(harness_wait(pid, 200_000, &status) == 1)
        let text = { (path: String) in (try? String(contentsOfFile: path, encoding: .utf8)) ?? "" }
        return (status, text(log).split(separator: "\n").map(String.init), text(errors))
    }

    @Test(
        "CR-6: it tells how many crashes of its own making there were lately, and the signal of the last; each three of them once",
        arguments: [
            // What comes from others, and codes, are none.
            ("KILL HUP 1 75 0", "0 0:00 0:00 0:00 0:00"),
            ("ILL TRAP ABRT 0", "0 1:04 2:05 3:06"),
            ("BUS FPE SEGV SYS 0", "0 1:07 2:08 3:11 1:31"),
            ("ILL KILL SEGV 9 SYS 0", "0 1:04 1:04 2:11 2:11 3:31"),
            // Three that were told are forgotten: whoever held back and was killed is followed by one that does not.
            ("SEGV SEGV SEGV KILL 0", "0 1:11 2:11 3:11 0:00"),
        ]
    )
    func countsCrashes(ends: String, told: String) throws {
        let kept = try monitor(ends)
        #expect(kept.code == 0, "\(kept.said)")
        #expect(kept.told.joined(separator: " ") == told, "\(kept.said)")
    }

    @Test("CR-6: one that wants to begin anew is followed by another one after the shortest pause")
    func restartsOnRequest() throws {
        let kept = try monitor("SEGV SEGV SEGV 76 0")
        #expect(kept.code == 0 && kept.told == ["0", "1:11", "2:11", "3:11", "0:00"])
        let pauses = kept.said.matches(of: /started again in (\d+) ms/).map { String($0.1) }
        #expect(pauses == ["200", "400", "800", "200"], "\(kept.said)")
        #expect(kept.said.contains("the reconciler begins anew: code 76; it is started again in 200 ms"))
    }

    @Test("a code at the very first start is the keeper's own, and nothing is started again")
    func firstExitCode() throws {
        let kept = try monitor("2 0")
        #expect(kept.code == 2 && kept.told == ["0"] && kept.said.isEmpty)
    }

    @Test("CR-6: a crash of more than a minute ago does not count", .enabled(if: TestSettings.isLong))
    func forgetsOldCrashes() throws {
        let kept = try monitor("SEGV SEGV 61s SEGV 0")
        #expect(kept.told == ["0", "1:11", "2:11", "0:11", "1:11"])
    }
}
