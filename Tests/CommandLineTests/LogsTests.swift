import Glibc
import Testing

@Suite("Logs")
struct LogsTests {
    /// Says which start it is, and then what is asked of it.
    private static let talker = Sandbox.service(
        "talker",
        script: "echo \"start $HEROPROC_RESTART_COUNT\"; printf '\\033[31mred\\n'; exec sleep 1000"
    )

    @Test("the last start, the one before, the last lines across starts, times, raw lines")
    func stretches() async throws {
        try await Sandbox.with(["talker.yaml": Self.talker]) { sandbox in
            #expect(try await sandbox.run("apply").code == 0)
            try await eventually("it has spoken") { try await sandbox.run("logs", "talker").out.contains("red") }
            let none = try await sandbox.run("logs", "talker", "--previous")
            #expect(none.code == 2)
            #expect(none.err.contains("no earlier start"))
            let first = try #require(try await sandbox.action("talker"))
            #expect(kill(first.pid, SIGKILL) == 0)
            try await eventually("it has spoken again") {
                try await sandbox.run("logs", "talker").out == "start 1\n\u{1B}[31mred\n"
            }
            #expect(try await sandbox.run("logs", "talker.run", "--previous").out == "start 0\n\u{1B}[31mred\n")
            let three = try await sandbox.run("logs", "core/talker", "-n", "3").out
            #expect(three == "\u{1B}[31mred\nstart 1\n\u{1B}[31mred\n")
            #expect(try await sandbox.run("logs", "talker", "-n", "0").out == "")
            let all = try await sandbox.run("logs", "talker", "--since", "1h").out
            #expect(all.split(separator: "\n").count == 4)
            let raw = try await sandbox.run("logs", "talker", "--raw", "-n", "1").out
            #expect(raw.contains("Z stdout F \u{1B}[31mred"))
            let timed = try await sandbox.run("logs", "talker", "--timestamps", "-n", "2").out
            #expect(timed.hasPrefix("20") && timed.contains("Z start 1\n"))
            let unknown = try await sandbox.run("logs", "talkr")
            #expect(unknown.code == 2)
            #expect(unknown.err.contains("did you mean `talker`?"))
            #expect(try await sandbox.run("logs", "talker.rnu").err.contains("did you mean `talker.run`?"))
        }
    }

    @Test("an action outside of services has logs by its own name: its last run, and the one before")
    func standalone() async throws {
        let action = "kind: Action\nname: backup\nrun_on: apply\nexec: [echo, first]\n"
        try await Sandbox.with(["backup.yaml": action]) { sandbox in
            #expect(try await sandbox.run("apply").code == 0)
            #expect(try await sandbox.run("logs", "backup").out == "first\n")
            try sandbox.write("backup.yaml", action.replacing("first", with: "second"))
            #expect(try await sandbox.run("apply").code == 0)
            #expect(try await sandbox.run("logs", "backup").out == "second\n")
            #expect(try await sandbox.run("logs", "backup", "--previous").out == "first\n")
            let part = try await sandbox.run("logs", "backup.run")
            #expect(part.code == 2 && part.err.contains("`heroproc logs backup`"))
            #expect(try await sandbox.run("logs", "bakcup").err.contains("did you mean `backup`?"))
        }
    }

    @Test("following goes on through a restart in the same job and through a new run")
    func follow() async throws {
        try await Sandbox.with(["talker.yaml": Self.talker]) { sandbox in
            #expect(try await sandbox.run("apply").code == 0)
            let follower = try sandbox.start(["logs", "-f", "talker"])
            defer { kill(follower.pid, SIGTERM) }
            try await eventually("the first start") { sandbox.text(follower.out).contains("start 0\n") }
            let first = try #require(try await sandbox.action("talker"))
            #expect(kill(first.pid, SIGKILL) == 0)
            try await eventually("the second start") { sandbox.text(follower.out).contains("start 1\n") }
            try sandbox.write("talker.yaml", Self.talker.replacing("start ", with: "new run "))
            #expect(try await sandbox.run("apply").code == 0)
            try await eventually("the new run") { sandbox.text(follower.out).contains("new run 0\n") }
            let lines = sandbox.text(follower.out).split(separator: "\n").filter { $0.contains("start") }
            #expect(lines == ["start 0", "start 1"], "no line twice")
            #expect(kill(follower.pid, SIGTERM) == 0)
            #expect(try await sandbox.code(of: follower) == 128 + SIGTERM)
        }
    }

    @Test("several actions: each line begins with its action, in the order of time")
    func several() async throws {
        let pair = """
            kind: Service
            name: pair
            actions:
              - {name: one, is_process: true, script: "echo a; exec sleep 1000"}
              - {name: second, is_process: true, script: "echo b; exec sleep 1000"}
            """
        try await Sandbox.with(["pair.yaml": pair]) { sandbox in
            #expect(try await sandbox.run("apply").code == 0)
            try await eventually("both have spoken") {
                try await sandbox.run("logs", "pair").out == "one    | a\nsecond | b\n"
            }
            #expect(try await sandbox.run("logs", "pair.second").out == "b\n")
        }
    }
}
