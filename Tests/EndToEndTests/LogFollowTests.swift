import Foundation
import Glibc
import Testing

/// `logs -f` while somebody else lays hands on the files (reliability.md LG-6, LG-10).
@Suite("Following a log", .serialized)
struct LogFollowTests {
    /// What somebody does to the active file.
    struct Mischief: Sendable, CustomTestStringConvertible {
        let name: String
        /// A shell command; `$1` is the active file.
        let command: String
        var testDescription: String { name }
    }

    private static let mischiefs = [
        Mischief(name: "moved away", command: "mv \"$1\" \"$1\".away"),
        Mischief(name: "removed", command: "rm \"$1\""),
        Mischief(name: "emptied", command: ": > \"$1\""),
        Mischief(name: "copied and emptied", command: "cp \"$1\" \"$1\".copy; : > \"$1\""),
        Mischief(name: "replaced by a pipe", command: "rm \"$1\"; mkfifo \"$1\""),
        Mischief(name: "replaced by a link", command: "rm \"$1\"; ln -s /etc/hostname \"$1\""),
        Mischief(name: "replaced by a folder", command: "rm \"$1\"; mkdir \"$1\""),
        Mischief(name: "the whole folder removed", command: "rm -r \"$(dirname \"$1\")\""),
    ]

    @Test(
        "LG-6, LG-10: who follows misses nothing and sees nothing twice, whatever happens to the file",
        arguments: mischiefs
    )
    func follow(_ mischief: Mischief) async throws {
        try await World.with { world in
            // A new file for every 70 lines: there are earlier ones that must not be shown again. What it writes at once after
            // a pause must not outgrow what is kept.
            try world.declare("web", does: .process("lines 500", "log: {max_size: 10KiB, keep: 99}"))
            try await world.apply()
            let life = try await world.life("web", number: 1)
            let follower = try world.start(["logs", "-f", "web", "-n", "100000"])
            defer { kill(follower.pid, SIGKILL) }
            // Its lines are of one length.
            func count() -> Int { world.text(follower.out).utf8.count / LogAccount.lineLength }
            try await eventually("it follows", within: 60) { count() > 250 }
            let log = "\(world.logs)/core/web/run/\(life.job).log"
            for _ in 1...(Rig.isLong ? 5 : 1) {
                // What nobody has seen yet may well be gone with its file: it must have come so far.
                #expect(kill(life.pid, SIGSTOP) == 0)
                try await eventually("it has seen all", within: 60) {
                    // What it writes elsewhere is its trace.
                    let trace = world.text("\(world.traces)/web.run.trace").utf8.count
                    return count() == (number("wchar", of: life.pid) - trace) / LogAccount.lineLength
                }
                try #require(shell("set -- '\(log)'; \(mischief.command)") == 0)
                let reads = number("syscr", of: follower.pid)
                try await eventually("it has looked again", within: 60) {
                    number("syscr", of: follower.pid) > reads + 1
                }
                let before = count()
                #expect(kill(life.pid, SIGCONT) == 0)
                try await eventually("it goes on", within: 60) { count() > before + 800 }
            }
            // The last line may be half there.
            let lines = world.text(follower.out).split(separator: "\n", omittingEmptySubsequences: false).dropLast()
            for (index, line) in lines.enumerated() {
                let number = OracleLine("2026-11-21T00:00:00.000000000Z stdout F " + line)?.number
                #expect(number == index + 1, "\(line)")
                guard number == index + 1 else { break }
            }
            #expect(isAlive(life.pid))
        }
    }
}
