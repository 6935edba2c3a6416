import Foundation
import Glibc
import Testing

@Suite("Logs of several services")
struct LogsOfSeveralTests {
    /// A service that writes lines and then runs on.
    private static func talker(_ name: String, _ keys: String = "", _ script: String) -> String {
        "kind: Service\nname: \(name)\n\(keys)\nscript: |\n  \(script)\n  exec sleep 1000\n"
    }

    private static let manifests = [
        // b writes only after a has written, so that the order of the lines is known.
        "a.yaml": talker("a", "tags: [front]", "echo first; echo third >&2"),
        "b.yaml": talker("b", "context: other\nafter: [core/a]\ntags: [front]", "echo second"),
        "pair.yaml": """
        kind: Service
        name: pair
        actions:
          - {name: one, is_process: true, script: "echo one; exec sleep 1000"}
          - {name: two, is_process: true, script: "echo two; exec sleep 1000"}
        """,
        "once.yaml": "kind: Action\nname: once\nrun_on: apply\nexec: [echo, once]\n",
    ]

    @Test("Logs without a name shows everything, with the names before the lines")
    func showsEverything() async throws {
        try await Sandbox.with(Self.manifests) { sandbox in
            #expect(try await sandbox.run("apply").exitCode == 0)
            try await eventually("all have written") {
                try await sandbox.run("logs").output.split(separator: "\n").count == 6
            }
            let lines = try await sandbox.run("logs").output.split(separator: "\n").map(String.init)
            #expect(
                Set(lines) == [
                    "a        | first", "a        | third", "other/b  | second", "pair.one | one", "pair.two | two",
                    "once     | once",
                ]
            )
            let front = try await sandbox.run("logs", "tag:front").output
            #expect(front == "a       | first\na       | third\nother/b | second\n")
            #expect(try await sandbox.run("logs", "other/").output == "other/b | second\n")
            #expect(try await sandbox.run("logs", "a", "pair.two").output.contains("pair | two\n"))
            #expect(try await sandbox.run("logs", "other/b").output == "second\n", "one name needs no prefix")
            for wrong in ["tag:none", "none/", "unknown"] {
                #expect(try await sandbox.run("logs", "a", wrong).exitCode == 2, "\(wrong)")
            }
        }
    }

    @Test("Logs of several services are merged by time and carry their job in JSON")
    func mergesByTime() async throws {
        try await Sandbox.with(Self.manifests) { sandbox in
            #expect(try await sandbox.run("apply").exitCode == 0)
            try await eventually("all have written") {
                try await sandbox.run("logs").output.split(separator: "\n").count == 6
            }
            let text = try await sandbox.run("logs", "-o", "json").output
            let objects = try text.split(separator: "\n").map { line in
                try #require(JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            }
            let times = objects.compactMap { $0["time"] as? String }
            #expect(times.count == 6 && times == times.sorted())
            #expect(objects.allSatisfy { $0["job"] is Int })
            let standalone = try #require(objects.first { $0["action"] as? String == "once" })
            #expect(standalone["service"] is NSNull)
            let third = try #require(objects.first { $0["text"] as? String == "third" })
            #expect(third["stream"] as? String == "stderr" && third["service"] as? String == "a")
        }
    }

    @Test("Logs --follow of everything shows services that start later")
    func followsNewServices() async throws {
        try await Sandbox.with(["a.yaml": Self.talker("a", "", "echo first")]) { sandbox in
            #expect(try await sandbox.run("apply").exitCode == 0)
            let follower = try sandbox.start(["logs", "-f"])
            defer { kill(follower.pid, SIGKILL) }
            try await eventually("the first service") {
                sandbox.readText(follower.outputPath).contains("a | first\n")
            }
            try sandbox.writeManifest("later.yaml", Self.talker("later", "", "echo second"))
            #expect(try await sandbox.run("apply").exitCode == 0)
            try await eventually("the later service") {
                sandbox.readText(follower.outputPath).contains("later | second\n")
            }
        }
    }
}
