import Foundation
import Glibc
import Testing

/// `logs -f` while somebody else lays hands on the files (reliability.md LG-6, LG-10).
@Suite("Following a log", .serialized)
struct LogFollowTests {
    /// What somebody does to the active file, and whether lines may be lost by it.
    struct Mischief: Sendable, CustomTestStringConvertible {
        let name: String
        let losesLines: Bool
        /// A shell command; `$1` is the active file.
        let command: String
        var testDescription: String { name }
    }

    private static let mischiefs = [
        Mischief(name: "moved away", losesLines: false, command: "mv \"$1\" \"$1\".away"),
        Mischief(name: "removed", losesLines: false, command: "rm \"$1\""),
        Mischief(name: "emptied", losesLines: true, command: ": > \"$1\""),
        Mischief(name: "copied and emptied", losesLines: true, command: "cp \"$1\" \"$1\".copy; : > \"$1\""),
        Mischief(name: "replaced by a pipe", losesLines: false, command: "rm \"$1\"; mkfifo \"$1\""),
        Mischief(name: "replaced by a link", losesLines: false, command: "rm \"$1\"; ln -s /etc/hostname \"$1\""),
        Mischief(name: "replaced by a folder", losesLines: false, command: "rm \"$1\"; mkdir \"$1\""),
        Mischief(
            name: "the whole folder removed",
            losesLines: false,
            command: "rm -r \"$(dirname \"$1\")\""
        ),
    ]

    @Test(
        "LG-6, LG-10: who follows goes on, and sees nothing twice, whatever happens to the file",
        arguments: mischiefs
    )
    func follow(_ mischief: Mischief) async throws {
        try await World.with { world in
            // A new file for every 70 lines: there are earlier ones that must not be shown again.
            try world.declare("web", does: .process("lines 500", "log: {max_size: 10KiB, keep: 20}"))
            try await world.apply()
            let life = try await world.life("web", number: 1)
            let follower = try world.start(["logs", "-f", "web", "-n", "100000"])
            defer { kill(follower.pid, SIGKILL) }
            // Its lines are of one length.
            func count() -> Int { world.text(follower.out).utf8.count / LogAccount.lineLength }
            try await eventually("it follows") { count() > 250 }
            let log = "\(world.logs)/core/web/run/\(life.job).log"
            for _ in 1...(CrashTests.isTorture ? 5 : 1) {
                let before = count()
                try #require(shell("set -- '\(log)'; \(mischief.command)") == 0)
                try await eventually("it goes on") { count() > before + 800 }
            }
            // The last line may be half there.
            let lines = world.text(follower.out).split(separator: "\n", omittingEmptySubsequences: false).dropLast()
            var last = 0
            for line in lines {
                let number = OracleLine("2026-11-21T00:00:00.000000000Z stdout F " + line)?.number
                let isNext = mischief.losesLines ? (number ?? 0) > last : number == last + 1
                #expect(isNext, "\(line) after line \(last)")
                guard isNext, let number else { break }
                last = number
            }
            #expect(lines.count > last / 2)
            #expect(isAlive(life.pid))
        }
    }
}
