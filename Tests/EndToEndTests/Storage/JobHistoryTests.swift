import Foundation
import GRDB
import Glibc
import Testing

/// Jobs and their history with real processes.
@Suite("Job history") struct JobHistoryTests {
    private static let standaloneManifest = """
        kind: Action
        name: report
        tags: [nightly, nightly_kind_report, nightly_anna]
        run_on: apply
        exec: ["true"]
        """

    /// All data that a dry run must not change.
    private func databaseContents(_ host: TestHost) throws -> [String] {
        try ["jobs", "actions", "runs", "starts", "job_tags", "services", "standalone", "events"].map { table in
            try host.databaseRows("SELECT * FROM \(table)").map(\.description).joined(separator: "\n")
        }
    }

    private func ids(_ result: CommandResult) -> [Int] {
        ((result.json["jobs"] as? [[String: Any]]) ?? []).compactMap { $0["id"] as? Int }.sorted()
    }

    /// Creates a stopped service with a tag, and a standalone action that has run.
    private func createHistory(_ host: TestHost) async throws {
        try host.writeManifest("report.yaml", Self.standaloneManifest)
        try host.declare("web", "tags: [nightly, nightly_kind_web]")
        try host.declare("db", "tags: [nightly]")
        try await host.apply()
        try await eventually("the report has run") {
            try host.databaseRows("SELECT 1 FROM jobs WHERE action_id = 'report' AND phase = 'succeeded'").count == 1
        }
        try host.declare("web", "tags: [nightly, nightly_kind_web]", "status: stop")
        try await host.apply()
    }

    @Test("Every job records its action, and its service and run if any")
    func provenance() async throws {
        try await TestHost.with { host in
            try await createHistory(host)
            let jobs = try host.databaseRows("SELECT action_id, service_id, run_id, tags FROM jobs")
            #expect(jobs.count == 3)
            for job in jobs {
                let isStandalone = job["action_id"] == "report"
                #expect((job["service_id"] as String?) == nil ? isStandalone : !isStandalone)
                #expect((job["run_id"] as Int64?) == nil ? isStandalone : !isStandalone)
                #expect((job["tags"] as String?)?.contains("\"nightly\"") == true)
            }
            let shown = try await host.run("jobs", "--action", "report", "-o", "json")
            #expect(shown.json["jobs"] as? [[String: Any]] != nil)
            let misspelled = try await host.run("jobs", "--action", "reprot")
            #expect(
                misspelled.exitCode == 2 && misspelled.errorOutput.contains("did you mean `report`?"),
                "\(misspelled.errorOutput)"
            )
        }
    }

    @Test(
        "A cleanup deletes only ended jobs with the tag and their logs",
        arguments: [true, false]
    )
    func cleanup(isLive: Bool) async throws {
        try await TestHost.with { host in
            try await createHistory(host)
            if !isLive { try await host.killReconciler() }
            let before = try databaseContents(host)
            let dry = try await host.run("jobs", "cleanup", "--tag", "nightly", "--dry-run", "-o", "json")
            #expect(dry.exitCode == 0 && dry.json["dry_run"] as? Bool == true, "\(dry.errorOutput)")
            #expect(dry.json["jobs_deleted"] as? Int == 0 && dry.json["actions_deleted"] as? Int == 0)
            #expect((dry.json["job_ids"] as? [Int])?.count == 2)
            #expect(try databaseContents(host) == before)

            for narrow in [["--kind", "rep"], ["--older-than", "7d"], ["--actor", "bob"], ["--target", "web"]] {
                let result = try await host.run(["jobs", "cleanup", "--tag", "nightly", "-o", "json"] + narrow)
                #expect(result.json["job_ids"] as? [Int] == [], "\(narrow) \(result.output)\(result.errorOutput)")
            }
            for arguments in [["--tag", "nightly", "--service", "web"], ["--kind", "web"], ["--tag", ""]] {
                let result = try await host.run(["jobs", "cleanup"] + arguments)
                #expect(result.exitCode == 64, "\(arguments) \(result.output)")
            }
            let logs = "\(host.logDirectory)/core/_/report"
            #expect(try FileManager.default.contentsOfDirectory(atPath: logs).count == 1)
            let done = try await host.run("jobs", "cleanup", "--tag", "nightly", "-o", "json")
            #expect(done.exitCode == 0, "\(done.errorOutput)")
            #expect(done.json["job_ids"] as? [Int] == dry.json["job_ids"] as? [Int])
            #expect(done.json["action_ids"] as? [String] == dry.json["action_ids"] as? [String])
            #expect(done.json["jobs_deleted"] as? Int == 2 && done.json["errors"] as? [String] == [])
            #expect(try FileManager.default.contentsOfDirectory(atPath: logs).isEmpty)
            #expect(try host.databaseRows("SELECT service_id FROM jobs").map { $0["service_id"] as String? } == ["db"])
            let again = try await host.run("jobs", "cleanup", "--tag", "nightly")
            #expect(
                again.exitCode == 0 && again.output == "Nothing to remove: no ended job matches.\n",
                "\(again.output)"
            )
            // Deleted jobs stay deleted, and the deletion starts no job.
            try await host.apply()
            #expect(try host.databaseRows("SELECT service_id FROM jobs").map { $0["service_id"] as String? } == ["db"])
        }
    }

    @Test("Retention deletes jobs by its rules and keeps running ones")
    func retention() async throws {
        try await TestHost.with { host in
            try await createHistory(host)
            try host.writeManifest("settings.yaml", "kind: Settings\nretention:\n  - {tag: nightly, older_than: 0s}\n")
            try await host.apply()
            try await eventually("only the job of the running service is left") {
                try host.databaseRows("SELECT service_id FROM jobs").map { $0["service_id"] as String? } == ["db"]
            }
            #expect(try await host.run("status", "db").exitCode == 0)
            let texts = try await host.events().compactMap { $0["text"] as? String }
            let removals = texts.filter { $0.contains(": removed ") }
            #expect(!removals.isEmpty)
            for text in removals {
                for absentText in [" 1 ended jobs", " 1 action specs", " 0 "] {
                    #expect(!text.contains(absentText), "\(text)")
                }
            }
        }
    }

    @Test("The last 20 starts of a crash loop are kept with their ends")
    func evidence() async throws {
        try await TestHost.with { host in
            try host.declare(
                "web",
                actions: .process("exit 3", "retry: {delay: 1ms, factor: 1, jitter: 0, max_attempts: 30}")
            )
            _ = try await host.run("apply", "--timeout", "60s")
            try await eventually("the job has failed") {
                try host.databaseRows("SELECT 1 FROM jobs WHERE phase = 'failed'").count == 1
            }
            let id = try #require(ids(try await host.run("jobs", "-o", "json")).first)
            let shown = try await host.run("jobs", "show", "\(id)", "-o", "json")
            let job = try #require((shown.json["jobs"] as? [[String: Any]])?.first)
            let starts = try #require(job["starts"] as? [[String: Any]])
            #expect(starts.count == 20)
            #expect(starts.allSatisfy { $0["exit_code"] as? Int == 3 })
            #expect(starts.compactMap { $0["generation"] as? Int } == Array(11...30))
            #expect(FileManager.default.fileExists(atPath: job["log"] as? String ?? ""))
        }
    }
}
