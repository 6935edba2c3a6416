import Foundation
import ShimHarness
import TestSupport
import Testing

/// The crash count and the exit codes of monitor mode (guarantees SH-15, CR-6).
@Suite("Reconciler monitor")
struct ReconcilerMonitorTests {
    /// Ends as the next item of its first argument specifies: by a signal, with an exit code, or (for `61s`)
    /// with code 3 after that time.
    ///
    /// It appends its last argument, which the monitor sets, to a file.
    private static let script = """
        ulimit -c 0; log=$2; echo "$3" >> "$log"; n=$(grep -c . "$log"); set -- $1; shift $((n - 1))
        case $1 in *s) sleep "${1%s}"; exit 3;; [0-9]*) exit "$1";; *) kill -"$1" $$;; esac
        """

    /// Runs a monitor with a program that ends in these ways.
    ///
    /// - Returns: The exit code, the argument of each start, and the standard error of the monitor.
    private func monitor(_ ends: String) throws -> (code: Int32, reports: [String], output: String) {
        let folder = FileManager.default.temporaryDirectory.appending(path: "hp-keep-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let (log, errors) = (folder.appending(path: "log").path, folder.appending(path: "errors").path)
        let arguments = [shimProgram, "keep", "/bin/sh", "-c", Self.script, "sh", ends, log, "0"]
        let pid = try #require(spawn(arguments, errors: errors))
        var status: Int32 = 0
        try #require(harness_wait(pid, 200_000, &status) == 1)
        let text = { (path: String) in (try? String(contentsOfFile: path, encoding: .utf8)) ?? "" }
        return (status, text(log).split(separator: "\n").map(String.init), text(errors))
    }

    @Test(
        "The monitor reports recent crashes and the last signal to the next reconciler (CR-6)",
        arguments: [
            // Exit codes and signals from other processes are no crashes.
            ("KILL HUP 1 75 0", "0 0:00 0:00 0:00 0:00"),
            ("ILL TRAP ABRT 0", "0 1:04 2:05 3:06"),
            ("BUS FPE SEGV SYS 0", "0 1:07 2:08 3:11 1:31"),
            ("ILL KILL SEGV 9 SYS 0", "0 1:04 1:04 2:11 2:11 3:31"),
            // Three crashes are reported once and then forgotten.
            ("SEGV SEGV SEGV KILL 0", "0 1:11 2:11 3:11 0:00"),
        ]
    )
    func countsCrashes(ends: String, reports: String) throws {
        let result = try monitor(ends)
        #expect(result.code == 0, "\(result.output)")
        #expect(result.reports.joined(separator: " ") == reports, "\(result.output)")
    }

    @Test("A reconciler that requests a restart is restarted after the shortest delay (CR-6)")
    func restartsOnRequest() throws {
        let result = try monitor("SEGV SEGV SEGV 76 0")
        #expect(result.code == 0 && result.reports == ["0", "1:11", "2:11", "3:11", "0:00"])
        let pauses = result.output.matches(of: /restarting in (\d+) ms/).map { String($0.1) }
        #expect(pauses == ["200", "400", "800", "200"], "\(result.output)")
        #expect(result.output.contains("the reconciler requested a restart: code 76; restarting in 200 ms"))
    }

    @Test("The monitor exits with the exit code of a failed first start")
    func firstExitCode() throws {
        let result = try monitor("2 0")
        #expect(result.code == 2 && result.reports == ["0"] && result.output.isEmpty)
    }

    @Test("The monitor does not count crashes older than a minute (CR-6)", .enabled(if: TestSettings.isLong))
    func forgetsOldCrashes() throws {
        let result = try monitor("SEGV SEGV 61s SEGV 0")
        #expect(result.reports == ["0", "1:11", "2:11", "0:11", "1:11"])
    }
}
