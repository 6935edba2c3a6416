import Foundation
import Glibc
import Testing

/// `logs -f` while somebody else lays hands on the files (reliability.md LG-6, LG-10).
@Suite("Following a log", .serialized)
struct LogFollowTests {
    /// What somebody does to the active file.
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
        FileChange(name: "the whole folder removed", command: "rm -r \"$(dirname \"$1\")\""),
    ]

    /// Runs a body while `logs -f` follows what a service writes: it has shown enough to have met a few rotations.
    private static func withFollower(
        keep: Int,
        _ body: (TestHost, OracleInstance, _ follower: TestHost.RunningCommand) async throws -> Void
    ) async throws {
        try await TestHost.with { world in
            // A new file for every 70 lines: there are earlier ones that must not be shown again.
            try world.declare("web", actions: .process("lines 500", "log: {max_size: 10KiB, keep: \(keep)}"))
            try await world.apply()
            let life = try await world.runningInstance("web", number: 1)
            let follower = try world.start(["logs", "-f", "web", "-n", "100000"])
            defer { kill(follower.pid, SIGKILL) }
            try await eventually("it follows", within: 60) { shownLineCount(world, follower) > 250 }
            try await body(world, life, follower)
        }
    }

    /// How many lines it has shown: they are of one length.
    private static func shownLineCount(_ world: TestHost, _ follower: TestHost.RunningCommand) -> Int {
        world.readText(follower.outputPath).utf8.count / LogContents.lineLength
    }

    @Test(
        "LG-6, LG-10: who follows misses nothing and sees nothing twice, whatever happens to the file",
        arguments: fileChanges
    )
    func followThroughChange(_ mischief: FileChange) async throws {
        // What it writes at once after a pause must not outgrow what is kept.
        try await Self.withFollower(keep: 99) { world, life, follower in
            let count = { Self.shownLineCount(world, follower) }
            let log = "\(world.logDirectory)/core/web/run/\(life.job).log"
            for _ in 1...(TestSettings.isLong ? 5 : 1) {
                // What nobody has seen yet may well be gone with its file: it must have come so far.
                #expect(kill(life.pid, SIGSTOP) == 0)
                try await eventually("it has seen all", within: 60) { count() == writtenLineCount(by: life, world) }
                try #require(runShell("set -- '\(log)'; \(mischief.command)") == 0)
                let reads = ioCounter("syscr", of: follower.pid)
                try await eventually("it has looked again", within: 60) {
                    ioCounter("syscr", of: follower.pid) > reads + 1
                }
                let before = count()
                #expect(kill(life.pid, SIGCONT) == 0)
                try await eventually("it goes on", within: 60) { count() > before + 800 }
            }
            #expect(try parseNumbers(world.readText(follower.outputPath)).gaps == 0)
            #expect(world.readText(follower.errorPath) == "")
            #expect(isAlive(life.pid))
        }
    }

    @Test(
        "LG-6, LG-10: who was held up while that happened, and while more files came, misses nothing either",
        arguments: fileChanges
    )
    func followAfterPause(_ mischief: FileChange) async throws {
        try await Self.withFollower(keep: 99) { world, life, follower in
            let count = { Self.shownLineCount(world, follower) }
            #expect(kill(life.pid, SIGSTOP) == 0)
            try await eventually("it has seen all", within: 60) { count() == writtenLineCount(by: life, world) }
            #expect(kill(follower.pid, SIGSTOP) == 0)
            try await eventually("it stands still") { isStopped(follower.pid) }
            let log = "\(world.logDirectory)/core/web/run/\(life.job).log"
            try #require(runShell("set -- '\(log)'; \(mischief.command)") == 0)
            let before = writtenLineCount(by: life, world)
            #expect(kill(life.pid, SIGCONT) == 0)
            // More than one inspection of the shim, and several files.
            try await eventually("it writes on", within: 60) { writtenLineCount(by: life, world) > before + 800 }
            #expect(kill(follower.pid, SIGCONT) == 0)
            try await eventually("it goes on", within: 60) { count() > before + 1000 }
            #expect(try parseNumbers(world.readText(follower.outputPath)).gaps == 0)
            #expect(world.readText(follower.errorPath) == "")
        }
    }

    @Test("LG-10: files that came and went while it was held up are told on standard error, each of them")
    func missedFilesAreReported() async throws {
        try await Self.withFollower(keep: 1) { world, life, follower in
            #expect(kill(follower.pid, SIGSTOP) == 0)
            try await eventually("it stands still") { isStopped(follower.pid) }
            let before = writtenLineCount(by: life, world)
            try await eventually("it writes on", within: 60) { writtenLineCount(by: life, world) > before + 800 }
            #expect(kill(follower.pid, SIGCONT) == 0)
            let after = writtenLineCount(by: life, world)
            try await eventually("it goes on", within: 60) {
                try parseNumbers(world.readText(follower.outputPath)).last > after + 200
            }
            let found = try parseNumbers(world.readText(follower.outputPath))
            let told = world.readText(follower.errorPath).split(separator: "\n").map(String.init)
            #expect(found.gaps > 0 && !told.isEmpty)
            // A file of 10 KiB has 73 lines of 140 bytes.
            let files = told.map { Int($0.split(separator: " ").dropFirst(2).first ?? "") ?? 1 }
            #expect(found.missing == 73 * files.reduce(0, +), "\(told)")
        }
    }

    /// How many lines a service has written.
    private func writtenLineCount(by life: OracleInstance, _ world: TestHost) -> Int {
        // What it writes elsewhere is its trace.
        let trace = world.readText("\(world.traceDirectory)/web.run.trace").utf8.count
        return (ioCounter("wchar", of: life.pid) - trace) / LogContents.lineLength
    }

    /// The last number of the lines of an oracle, in how many places some are missing behind the first one, and how many.
    private func parseNumbers(_ text: String) throws -> (last: Int, gaps: Int, missing: Int) {
        // The last line may be half there.
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
