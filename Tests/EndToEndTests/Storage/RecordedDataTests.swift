import Foundation
import GRDB
import Glibc
import Testing

/// Data in the database and in the logs, read without heroproc.
@Suite("Recorded data", .serialized)
struct RecordedDataTests {
    /// Some columns of a row, separated by spaces; `-` is NULL.
    private func text(_ row: Row, _ columns: [String]) -> String {
        columns.map { column in
            let value: DatabaseValue = row[column]
            return value.isNull
                ? "-" : String.fromDatabaseValue(value) ?? Int.fromDatabaseValue(value).map { "\($0)" } ?? "?"
        }.joined(separator: " ")
    }

    private func texts(_ rows: [Row], _ columns: String...) -> [String] { rows.map { text($0, columns) } }

    @Test("Every job records its action, service, run and revision")
    func provenance() async throws {
        try await TestHost.with { host in
            try host.declare(
                "db",
                "tags: [storage, base]",
                actions: .oneShot("exit 0", name: "init"),
                .process(name: "server")
            )
            try host.declare("web", "requires: [core/db]", "context: shop", actions: .process())
            try await host.apply()
            let runs = try host.databaseRows("SELECT * FROM runs ORDER BY id")
            let runIDs: [Int] = runs.map { $0["id"] }
            #expect(texts(runs, "context", "service_id", "revision", "ended_at") == ["core db 1 -", "shop web 1 -"])
            let jobs = try host.databaseRows("SELECT * FROM jobs ORDER BY id")
            try #require(runIDs.count == 2 && jobs.count == 3)
            let columns = ["context", "service_id", "action_id", "run_id", "revision", "phase", "exit_code", "tags"]
            let expected = [
                "core db init \(runIDs[0]) 1 succeeded 0 [\"base\",\"storage\"]",
                "core db server \(runIDs[0]) 1 running - [\"base\",\"storage\"]",
                "shop web run \(runIDs[1]) 1 running - []",
            ]
            #expect(jobs.map { text($0, columns) } == expected)
            let server = try await host.runningInstance("db", "server")
            #expect(text(jobs[1], ["id", "pid"]) == "\(server.job) \(server.pid)")

            // The same data as JSON, newest first.
            let shown = try await host.run("jobs", "-o", "json").json["jobs"] as? [[String: Any]] ?? []
            let same = ["id", "context", "service_id", "action_id", "run_id", "revision", "phase", "pid", "exit_code"]
            let json = shown.map { job in same.map { key in "\(job[key].map { $0 is NSNull ? "-" : "\($0)" } ?? "?")" }
            }
            #expect(Set(json.map { $0.joined(separator: " ") }) == Set(jobs.map { text($0, same) }))
            let revisions = try host.databaseRows("SELECT * FROM revisions")
            #expect(texts(revisions, "number", "directory", "git_commit") == ["1 \(host.servicesDirectory) -"])

            let indexes = try host.databaseRows(
                """
                SELECT group_concat(i.name) AS columns FROM sqlite_schema m, pragma_index_info(m.name) i
                WHERE m.tbl_name = 'jobs' AND m.type = 'index' GROUP BY m.name
                """
            )
            #expect(Set(texts(indexes, "columns")).isSuperset(of: ["service_id", "action_id", "service_id,phase"]))
        }
    }

    @Test("A stop keeps the jobs, and the next start replaces them")
    func runs() async throws {
        try await TestHost.with { host in
            try host.declare("web")
            try await host.apply()
            let first = try await host.runningInstance("web")
            #expect(try await host.run("down").exitCode == 0)
            let stopped = try host.databaseRows("SELECT *, finished_at IS NOT NULL AS over FROM jobs")
            #expect(texts(stopped, "id", "phase", "exit_code", "over") == ["\(first.job) cancelled 0 1"])
            let runs = try host.databaseRows("SELECT id, ended_at IS NOT NULL AS over FROM runs")
            #expect(texts(runs, "over") == ["1"])
            let run: Int = try #require(runs.first)["id"]
            try await host.apply()
            let second = try await host.runningInstance("web", number: 2)
            #expect(second.job > first.job)
            let jobs = try host.databaseRows("SELECT id, run_id FROM jobs")
            #expect(texts(jobs, "id") == ["\(second.job)"])
            let newRun: Int = try #require(jobs.first)["run_id"]
            #expect(newRun > run)
        }
    }

    @Test(
        "Logs shows the output of all actions, one action or an earlier start"
    )
    func logs() async throws {
        try await TestHost.with { host in
            try host.declare(
                "app",
                actions: .process("say hello-from-a", "retry: {delay: 10ms}", name: "a"),
                .process("say \\e[31mred", name: "b")
            )
            try await host.apply()
            try await eventually("both actions have written") {
                let text = try await host.run("logs", "app").output
                return text.contains("a | hello-from-a") && text.contains("b | ")
            }
            let both = try await host.run("logs", "app")
            #expect(
                both.output == "a | hello-from-a\nb | \u{1B}[31mred\n",
                "without a terminal the text is unchanged"
            )
            #expect(try await host.run("logs", "app.a").output == "hello-from-a\n")
            let instance = try await host.runningInstance("app", "a")
            #expect(kill(instance.pid, SIGKILL) == 0)
            _ = try await host.runningInstance("app", "a", number: 2)
            try await eventually("the second instance has written") {
                try await host.run("logs", "app.a").output == "hello-from-a\n"
            }
            #expect(try await host.run("logs", "app.a", "--previous").output == "hello-from-a\n")
            let directory = "\(host.logDirectory)/core/app/a"
            let files = try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
            #expect(files == ["\(instance.job).log", "\(instance.job).log.1"])
            #expect(host.readText("\(directory)/\(files[0])").hasSuffix("Z stdout F hello-from-a\n"))
        }
    }

    @Test("A service gets a clean environment (SP-3)")
    func environment() async throws {
        try await TestHost.with { host in
            try host.declare("app", actions: .process("print-env", "env: {OWN: 'yes, 0755'}"))
            #expect(try await host.run("apply", environment: ["STRAY": "never seen"]).exitCode == 0)
            let instance = try await host.runningInstance("app")
            try await eventually("the program has printed its environment") {
                try await host.run("logs", "app").output.contains("OWN=")
            }
            let lines = try await host.run("logs", "app").output.split(separator: "\n").map(String.init)
            let expected: Set = [
                "OWN=yes, 0755", "ORACLE_DIR=\(host.traceDirectory)", "HEROPROC_CONTEXT=core", "HEROPROC_SERVICE=app",
                "HEROPROC_ACTION=run", "HEROPROC_JOB_ID=\(instance.job)", "HEROPROC_RESTART_COUNT=0",
            ]
            #expect(expected.subtracting(lines) == [])
            let base: Set = ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG"]
            // TZ is the name of the time zone of the machine; a machine without a name sets none.
            let zone = lines.first { $0.hasPrefix("TZ=") }?.dropFirst(3)
            #expect(zone?.contains(":") != true, "not every language runtime understands TZ=\(zone ?? "")")
            let names = Set(lines.compactMap { $0.split(separator: "=").first.map(String.init) }).subtracting(["TZ"])
            #expect(lines.contains { $0.hasPrefix("HEROPROC_INSTANCE=") && $0.hasSuffix(".\(instance.job).1") })
            #expect(
                names
                    == base.union(["HEROPROC_INSTANCE"]).union(
                        expected.compactMap { $0.split(separator: "=").first.map(String.init) }
                    )
            )
        }
    }
}
