import Foundation
import GRDB
import Glibc
import Testing

/// Jobs and their history with real processes (contract section 6).
@Suite struct JobHistoryTests {
    private static let standaloneManifest = """
        kind: Action
        name: report
        tags: [nightly, nightly_kind_report, nightly_anna]
        run_on: apply
        exec: ["true"]
        """

    /// All that a dry run must not touch.
    private func databaseContents(_ world: TestHost) throws -> [String] {
        try ["jobs", "actions", "runs", "starts", "job_tags", "services", "standalone", "events"].map { table in
            try world.databaseRows("SELECT * FROM \(table)").map(\.description).joined(separator: "\n")
        }
    }

    private func ids(_ answer: TestHost.CommandResult) -> [Int] {
        ((answer.json["jobs"] as? [[String: Any]]) ?? []).compactMap { $0["id"] as? Int }.sorted()
    }

    /// A service that was up and is down, with a tag; and a standalone action that has run.
    private func createHistory(_ world: TestHost) async throws {
        try world.writeManifest("report.yaml", Self.standaloneManifest)
        try world.declare("web", "tags: [nightly, nightly_kind_web]")
        try world.declare("db", "tags: [nightly]")
        try await world.apply()
        try await eventually("the report is written") {
            try world.databaseRows("SELECT 1 FROM jobs WHERE action_id = 'report' AND phase = 'succeeded'").count == 1
        }
        try world.declare("web", "tags: [nightly, nightly_kind_web]", "status: stop")
        try await world.apply()
    }

    @Test("Every job knows its action; one of a service its service and run, a standalone one neither")
    func provenance() async throws {
        try await TestHost.with { world in
            try await createHistory(world)
            let jobs = try world.databaseRows("SELECT action_id, service_id, run_id, tags FROM jobs")
            #expect(jobs.count == 3)
            for job in jobs {
                let isStandalone = job["action_id"] == "report"
                #expect((job["service_id"] as String?) == nil ? isStandalone : !isStandalone)
                #expect((job["run_id"] as Int64?) == nil ? isStandalone : !isStandalone)
                #expect((job["tags"] as String?)?.contains("\"nightly\"") == true)
            }
            let shown = try await world.run("jobs", "--action", "report", "-o", "json")
            #expect(shown.json["jobs"] as? [[String: Any]] != nil)
            let slip = try await world.run("jobs", "--action", "reprot")
            #expect(slip.exitCode == 2 && slip.errorOutput.contains("did you mean `report`?"), "\(slip.errorOutput)")
        }
    }

    @Test(
        "A cleanup takes only ended jobs with the tag, their logs with them; live reconciler or none",
        arguments: [true, false]
    )
    func cleanup(isLive: Bool) async throws {
        try await TestHost.with { world in
            try await createHistory(world)
            if !isLive { try await world.killReconciler() }
            let before = try databaseContents(world)
            let dry = try await world.run("jobs", "cleanup", "--tag", "nightly", "--dry-run", "-o", "json")
            #expect(dry.exitCode == 0 && dry.json["dry_run"] as? Bool == true, "\(dry.errorOutput)")
            #expect(dry.json["jobs_deleted"] as? Int == 0 && dry.json["actions_deleted"] as? Int == 0)
            #expect((dry.json["job_ids"] as? [Int])?.count == 2)
            #expect(try databaseContents(world) == before)

            for narrow in [["--kind", "rep"], ["--older-than", "7d"], ["--actor", "bob"], ["--target", "web"]] {
                let answer = try await world.run(["jobs", "cleanup", "--tag", "nightly", "-o", "json"] + narrow)
                #expect(answer.json["job_ids"] as? [Int] == [], "\(narrow) \(answer.output)\(answer.errorOutput)")
            }
            for slip in [["--tag", "nightly", "--service", "web"], ["--kind", "web"], ["--tag", ""]] {
                let answer = try await world.run(["jobs", "cleanup"] + slip)
                #expect(answer.exitCode == 64, "\(slip) \(answer.output)")
            }
            let logs = "\(world.logDirectory)/core/_/report"
            #expect(try FileManager.default.contentsOfDirectory(atPath: logs).count == 1)
            let done = try await world.run("jobs", "cleanup", "--tag", "nightly", "-o", "json")
            #expect(done.exitCode == 0, "\(done.errorOutput)")
            #expect(done.json["job_ids"] as? [Int] == dry.json["job_ids"] as? [Int])
            #expect(done.json["action_ids"] as? [String] == dry.json["action_ids"] as? [String])
            #expect(done.json["jobs_deleted"] as? Int == 2 && done.json["errors"] as? [String] == [])
            #expect(try FileManager.default.contentsOfDirectory(atPath: logs).isEmpty)
            #expect(try world.databaseRows("SELECT service_id FROM jobs").map { $0["service_id"] as String? } == ["db"])
            let again = try await world.run("jobs", "cleanup", "--tag", "nightly")
            #expect(
                again.exitCode == 0 && again.output == "Nothing to remove: no ended job matches.\n",
                "\(again.output)"
            )
            // What was removed stays removed, and nothing runs because of it.
            try await world.apply()
            #expect(try world.databaseRows("SELECT service_id FROM jobs").map { $0["service_id"] as String? } == ["db"])
        }
    }

    @Test("Retention removes by itself what its rules say, and keeps what is up")
    func retention() async throws {
        try await TestHost.with { world in
            try await createHistory(world)
            try world.writeManifest("settings.yaml", "kind: Settings\nretention:\n  - {tag: nightly, older_than: 0s}\n")
            try await world.apply()
            try await eventually("only the job of what is up is left") {
                try world.databaseRows("SELECT service_id FROM jobs").map { $0["service_id"] as String? } == ["db"]
            }
            #expect(try await world.run("status", "db").exitCode == 0)
            let texts = try await world.events().compactMap { $0["text"] as? String }
            let told = texts.filter { $0.contains(": removed ") }
            #expect(!told.isEmpty)
            for text in told {
                for slip in [" 1 ended jobs", " 1 action specs", " 0 "] { #expect(!text.contains(slip), "\(text)") }
            }
        }
    }

    @Test("A crash loop cannot erase its evidence: the last 20 starts of a job are shown with how they ended")
    func evidence() async throws {
        try await TestHost.with { world in
            try world.declare(
                "web",
                actions: .process("exit 3", "retry: {delay: 1ms, factor: 1, jitter: 0, max_attempts: 30}")
            )
            _ = try await world.run("apply", "--timeout", "60s")
            try await eventually("it has given up") {
                try world.databaseRows("SELECT 1 FROM jobs WHERE phase = 'failed'").count == 1
            }
            let id = try #require(ids(try await world.run("jobs", "-o", "json")).first)
            let shown = try await world.run("jobs", "show", "\(id)", "-o", "json")
            let job = try #require((shown.json["jobs"] as? [[String: Any]])?.first)
            let starts = try #require(job["starts"] as? [[String: Any]])
            #expect(starts.count == 20)
            #expect(starts.allSatisfy { $0["exit_code"] as? Int == 3 })
            #expect(starts.compactMap { $0["generation"] as? Int } == Array(11...30))
            #expect(FileManager.default.fileExists(atPath: job["log"] as? String ?? ""))
        }
    }
}
