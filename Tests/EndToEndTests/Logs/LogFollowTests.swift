import Foundation
import Glibc
import Testing

/// `logs -f` while other programs change the log files (guarantees LG-6, LG-10).
@Suite("Following a log", .serialized)
struct LogFollowTests {
    /// A change of the active log file by another program.
    struct FileChange: Sendable, CustomTestStringConvertible {
        let name: String
        /// A shell command; `$1` is the active file.
        let command: String
        var testDescription: String { name }
    }

    private static let fileChanges = [
        FileChange(name: "moved away", command: "mv \"$1\" \"$1\".away"),
        FileChange(name: "removed", command: "rm \"$1\""),
        FileChange(name: "emptied", command: ": > \"$1\""),
        FileChange(name: "copied and emptied", command: "cp \"$1\" \"$1\".copy; : > \"$1\""),
        FileChange(name: "replaced by a pipe", command: "rm \"$1\"; mkfifo \"$1\""),
        FileChange(name: "replaced by a link", command: "rm \"$1\"; ln -s /etc/hostname \"$1\""),
        FileChange(name: "replaced by a folder", command: "rm \"$1\"; mkdir \"$1\""),
        FileChange(name: "the whole directory removed", command: "rm -r \"$(dirname \"$1\")\""),
    ]

    /// Runs the body while `logs -f` follows a service and has already shown lines from several files.
    private static func withFollower(
        keep: Int,
        _ body: (TestHost, OracleInstance, _ follower: RunningCommand) async throws -> Void
    ) async throws {
        try await TestHost.with { host in
            // Each file holds 70 lines, so that earlier files exist, which must not be shown again.
            try host.declare("web", actions: .process("lines 500", "log: {max_size: 10KiB, keep: \(keep)}"))
            try await host.apply()
            let instance = try await host.runningInstance("web", number: 1)
            let follower = try host.start(["logs", "-f", "web", "-n", "100000"])
            defer { kill(follower.pid, SIGKILL) }
            try await eventually("the follower shows lines", within: 60) { shownLineCount(host, follower) > 250 }
            try await body(host, instance, follower)
        }
    }

    /// The number of lines that `logs -f` has shown.
    ///
    /// All lines have the same length.
    private static func shownLineCount(_ host: TestHost, _ follower: RunningCommand) -> Int {
        host.readText(follower.outputPath).utf8.count / OracleLine.byteCount
    }

    @Test(
        "Logs -f shows every line once after any file change (LG-6, LG-10)",
        arguments: fileChanges
    )
    func followThroughChange(_ change: FileChange) async throws {
        // The output after the pause must not exceed the kept files.
        try await Self.withFollower(keep: 99) { host, instance, follower in
            let count = { Self.shownLineCount(host, follower) }
            let log = "\(host.logDirectory)/core/web/run/\(instance.job).log"
            for _ in 1...(TestSettings.isLong ? 5 : 1) {
                // Unread lines may be lost with their file. Therefore the follower must have read all lines.
                #expect(kill(instance.pid, SIGSTOP) == 0)
                try await eventually("the follower has shown all lines", within: 60) {
                    count() == writtenLineCount(by: instance, host)
                }
                try #require(runShell("set -- '\(log)'; \(change.command)") == 0)
                let reads = ioCounter("syscr", of: follower.pid)
                try await eventually("the follower has read again", within: 60) {
                    ioCounter("syscr", of: follower.pid) > reads + 1
                }
                let before = count()
                #expect(kill(instance.pid, SIGCONT) == 0)
                try await eventually("the output continues", within: 60) { count() > before + 800 }
            }
            #expect(try parseNumbers(host.readText(follower.outputPath)).gaps == 0)
            #expect(host.readText(follower.errorPath) == "")
            #expect(isAlive(instance.pid))
        }
    }

    @Test(
        "A paused logs -f still shows every line once (LG-6, LG-10)",
        arguments: fileChanges
    )
    func followAfterPause(_ change: FileChange) async throws {
        try await Self.withFollower(keep: 99) { host, instance, follower in
            let count = { Self.shownLineCount(host, follower) }
            #expect(kill(instance.pid, SIGSTOP) == 0)
            try await eventually("the follower has shown all lines", within: 60) {
                count() == writtenLineCount(by: instance, host)
            }
            #expect(kill(follower.pid, SIGSTOP) == 0)
            try await eventually("the process is stopped") { isStopped(follower.pid) }
            let log = "\(host.logDirectory)/core/web/run/\(instance.job).log"
            try #require(runShell("set -- '\(log)'; \(change.command)") == 0)
            let before = writtenLineCount(by: instance, host)
            #expect(kill(instance.pid, SIGCONT) == 0)
            // The shim checks its files more than once, and starts several new ones.
            try await eventually("the service keeps writing", within: 60) {
                writtenLineCount(by: instance, host) > before + 800
            }
            #expect(kill(follower.pid, SIGCONT) == 0)
            try await eventually("the output continues", within: 60) { count() > before + 1000 }
            #expect(try parseNumbers(host.readText(follower.outputPath)).gaps == 0)
            #expect(host.readText(follower.errorPath) == "")
        }
    }

    @Test("Logs -f reports every log file that it missed (LG-10)")
    func missedFilesAreReported() async throws {
        try await Self.withFollower(keep: 1) { host, instance, follower in
            #expect(kill(follower.pid, SIGSTOP) == 0)
            try await eventually("the process is stopped") { isStopped(follower.pid) }
            let before = writtenLineCount(by: instance, host)
            try await eventually("the service keeps writing", within: 60) {
                writtenLineCount(by: instance, host) > before + 800
            }
            #expect(kill(follower.pid, SIGCONT) == 0)
            let after = writtenLineCount(by: instance, host)
            try await eventually("the output continues", within: 60) {
                try parseNumbers(host.readText(follower.outputPath)).last > after + 200
            }
            let found = try parseNumbers(host.readText(follower.outputPath))
            let reported = host.readText(follower.errorPath).split(separator: "\n").map(String.init)
            #expect(found.gaps > 0 && !reported.isEmpty)
            // A file of 10 KiB has 73 lines of 140 bytes.
            let files = reported.map { Int($0.split(separator: " ").dropFirst(2).first ?? "") ?? 1 }
            #expect(found.missing == 73 * files.reduce(0, +), "\(reported)")
        }
    }

    /// The number of lines that a service has written.
    private func writtenLineCount(by instance: OracleInstance, _ host: TestHost) -> Int {
        // All other bytes written by the oracle are in its trace.
        let trace = host.readText("\(host.traceDirectory)/web.run.trace").utf8.count
        return (ioCounter("wchar", of: instance.pid) - trace) / OracleLine.byteCount
    }

    /// The last line number, the number of gaps after the first line, and the number of missing lines.
    private func parseNumbers(_ text: String) throws -> (last: Int, gaps: Int, missing: Int) {
        // The last line may be incomplete.
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
        var (first, last, gaps) = (0, 0, 0)
        for line in lines {
            let number = try #require(OracleLine("2026-11-21T00:00:00.000000000Z stdout F " + line)?.number, "\(line)")
            try #require(number > last, "\(line)")
            if last == 0 { first = number } else if number != last + 1 { gaps += 1 }
            last = number
        }
        return (last, gaps, last - first + 1 - lines.count)
    }
}
