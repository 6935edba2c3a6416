import Glibc
import Testing

@Suite("Logs")
struct LogsTests {
    /// A service that prints the number of its start and a colored line.
    private static let writerManifest = Sandbox.service(
        "talker",
        script: "echo \"start $HEROPROC_RESTART_COUNT\"; printf '\\033[31mred\\n'; exec sleep 1000"
    )

    @Test("Logs selects starts, last lines, timestamps and raw lines")
    func selectsLines() async throws {
        try await Sandbox.with(["talker.yaml": Self.writerManifest]) { sandbox in
            #expect(try await sandbox.run("apply").exitCode == 0)
            try await eventually("the service has written") {
                try await sandbox.run("logs", "talker").output.contains("red")
            }
            let none = try await sandbox.run("logs", "talker", "--previous")
            #expect(none.exitCode == 2)
            #expect(none.errorOutput.contains("no earlier start"))
            let first = try #require(try await sandbox.firstAction("talker"))
            #expect(kill(first.pid, SIGKILL) == 0)
            try await eventually("the service has written again") {
                try await sandbox.run("logs", "talker").output == "start 1\n\u{1B}[31mred\n"
            }
            #expect(try await sandbox.run("logs", "talker.run", "--previous").output == "start 0\n\u{1B}[31mred\n")
            let three = try await sandbox.run("logs", "core/talker", "-n", "3").output
            #expect(three == "\u{1B}[31mred\nstart 1\n\u{1B}[31mred\n")
            #expect(try await sandbox.run("logs", "talker", "-n", "0").output == "")
            let all = try await sandbox.run("logs", "talker", "--since", "1h").output
            #expect(all.split(separator: "\n").count == 4)
            let raw = try await sandbox.run("logs", "talker", "--raw", "-n", "1").output
            #expect(raw.contains("Z stdout F \u{1B}[31mred"))
            let timed = try await sandbox.run("logs", "talker", "--timestamps", "-n", "2").output
            #expect(timed.hasPrefix("20") && timed.contains("Z start 1\n"))
            let unknown = try await sandbox.run("logs", "talkr")
            #expect(unknown.exitCode == 2)
            #expect(unknown.errorOutput.contains("did you mean `talker`?"))
            #expect(try await sandbox.run("logs", "talker.rnu").errorOutput.contains("did you mean `talker.run`?"))
        }
    }

    @Test("Logs shows the last and the previous run of a standalone action")
    func showsStandaloneAction() async throws {
        let action = "kind: Action\nname: backup\nrun_on: apply\nexec: [echo, first]\n"
        try await Sandbox.with(["backup.yaml": action]) { sandbox in
            #expect(try await sandbox.run("apply").exitCode == 0)
            #expect(try await sandbox.run("logs", "backup").output == "first\n")
            try sandbox.writeManifest("backup.yaml", action.replacing("first", with: "second"))
            #expect(try await sandbox.run("apply").exitCode == 0)
            #expect(try await sandbox.run("logs", "backup").output == "second\n")
            #expect(try await sandbox.run("logs", "backup", "--previous").output == "first\n")
            let part = try await sandbox.run("logs", "backup.run")
            #expect(part.exitCode == 2 && part.errorOutput.contains("`heroproc logs backup`"))
            #expect(try await sandbox.run("logs", "bakcup").errorOutput.contains("did you mean `backup`?"))
        }
    }

    @Test("Logs --follow continues across restarts and new runs without repeated lines")
    func followsRestarts() async throws {
        try await Sandbox.with(["talker.yaml": Self.writerManifest]) { sandbox in
            #expect(try await sandbox.run("apply").exitCode == 0)
            let follower = try sandbox.start(["logs", "-f", "talker"])
            defer { kill(follower.pid, SIGTERM) }
            try await eventually("the first start") { sandbox.readText(follower.outputPath).contains("start 0\n") }
            let first = try #require(try await sandbox.firstAction("talker"))
            #expect(kill(first.pid, SIGKILL) == 0)
            try await eventually("the second start") { sandbox.readText(follower.outputPath).contains("start 1\n") }
            try sandbox.writeManifest("talker.yaml", Self.writerManifest.replacing("start ", with: "new run "))
            #expect(try await sandbox.run("apply").exitCode == 0)
            try await eventually("the new run") { sandbox.readText(follower.outputPath).contains("new run 0\n") }
            let lines = sandbox.readText(follower.outputPath).split(separator: "\n").filter { $0.contains("start") }
            #expect(lines == ["start 0", "start 1"], "no line is repeated")
            #expect(kill(follower.pid, SIGTERM) == 0)
            #expect(try await sandbox.exitCode(of: follower) == 128 + SIGTERM)
        }
    }

    @Test("Logs of several actions have the action as prefix, in time order")
    func prefixesActions() async throws {
        let pair = """
            kind: Service
            name: pair
            actions:
              - {name: one, is_process: true, script: "echo a; exec sleep 1000"}
              - {name: second, is_process: true, script: "echo b; exec sleep 1000"}
            """
        try await Sandbox.with(["pair.yaml": pair]) { sandbox in
            #expect(try await sandbox.run("apply").exitCode == 0)
            try await eventually("both actions have written") {
                try await sandbox.run("logs", "pair").output == "one    | a\nsecond | b\n"
            }
            #expect(try await sandbox.run("logs", "pair.second").output == "b\n")
        }
    }
}
