import Foundation
import Glibc
import HeroModel
import Testing

/// Actions outside of services, with real programs and the real clock.
@Suite("Standalone actions", .serialized)
struct StandaloneActionTests {
    private func declare(_ host: TestHost, _ commands: String = "exit 0", _ fields: String...) throws {
        let argv = ([TestHost.oraclePath] + commands.split(separator: " ").map(String.init)).map { "\"\($0)\"" }
        let lines =
            [
                "kind: Action", "name: chore", "exec: [\(argv.joined(separator: ", "))]",
                "env: {ORACLE_DIR: \(host.traceDirectory)}",
            ]
            + fields
        try host.writeManifest("chore.yaml", lines.joined(separator: "\n") + "\n")
    }

    private func jobs(_ host: TestHost) async throws -> [[String: Any]] {
        let result = try await host.run("jobs", "--action", "chore", "-o", "json")
        return (result.json["jobs"] as? [[String: Any]] ?? []).reversed()
    }

    private func phases(_ host: TestHost) async throws -> [String] {
        try await jobs(host).map { $0["phase"] as? String ?? "" }
    }

    private func status(_ host: TestHost) async throws -> [String: Any] {
        let result = try await host.run("status", "-o", "json")
        return (result.json["standalone"] as? [[String: Any]])?.first ?? [:]
    }

    private func instances(_ host: TestHost) -> [OracleInstance] { host.instances("_", "chore") }

    @Test(
        "The key run_on: apply runs an action once for each changed spec"
    )
    func runOnApply() async throws {
        try await TestHost.with { host in
            try declare(host, "exit 0", "run_on: apply", "tags: [nightly]")
            try await host.apply()
            #expect(try await phases(host) == ["succeeded"])
            try await host.expectEmptyDiff()
            try await host.apply()
            #expect(instances(host).count == 1)
            try declare(host, "exit 0", "run_on: apply", "tags: [nightly]", "generation: 1")
            try await host.apply()
            #expect(instances(host).count == 2)
            let job = try #require(try await jobs(host).last)
            #expect(job["service_id"] is NSNull && job["run_id"] is NSNull)
            #expect(job["action_id"] as? String == "chore" && job["context"] as? String == "core")
            #expect(job["tags"] as? [String] == ["nightly"])
            #expect(job["revision"] as? Int == 2)
            #expect(Set(instances(host).map(\.job)).count == 2, "each run is its own job")
        }
    }

    @Test("A standalone job logs below _ and has no HEROPROC_SERVICE")
    func logPathAndEnvironment() async throws {
        try await TestHost.with { host in
            try declare(host, "print-env exit 0", "run_on: apply")
            try await host.apply()
            let id = try #require(try await jobs(host).first?["id"] as? Int)
            let log = host.readText("\(host.logDirectory)/core/_/chore/\(id).log")
            #expect(log.contains("HEROPROC_ACTION=chore"))
            #expect(log.contains("HEROPROC_JOB_ID=\(id)"))
            #expect(!log.contains("HEROPROC_SERVICE"))
        }
    }

    @Test("A failed run makes its apply exit with 1 and a reason")
    func failedRun() async throws {
        try await TestHost.with { host in
            try declare(host, "exit 3", "run_on: apply")
            let result = try await host.run("apply")
            #expect(result.exitCode == 1)
            #expect((result.output + result.errorOutput).contains("core/chore failed: exit code 3"))
            #expect(try await host.run("status").exitCode == 1)
            try declare(host, "exit 3", "run_on: apply", "success_exit_codes: [0, 3]", "generation: 1")
            try await host.apply()
            #expect(try await phases(host) == ["failed", "succeeded"])
            #expect(try await host.run("status").exitCode == 0)
        }
    }

    @Test("A failed run of a raised generation stays a change until it has succeeded")
    func failedRaisedGeneration() async throws {
        try await TestHost.with { host in
            let schedule = "schedule: {every: 1h}"
            try declare(host, "exit 3", schedule)
            try await host.apply()
            try declare(host, "exit 3", schedule, "generation: 1")
            #expect(try await host.run("apply").exitCode == 1)
            #expect(try await phases(host) == ["failed"])
            let diff = try await host.run("diff")
            #expect(diff.exitCode == 1 && diff.output.contains("its last run failed, and it runs again"))
            try declare(host, "exit 0", schedule, "generation: 1")
            try await host.apply()
            #expect(try await phases(host) == ["failed", "succeeded"])
            try await host.expectEmptyDiff()
        }
    }

    @Test("A standalone run uses its own retry and timeout")
    func retryAndTimeout() async throws {
        try await TestHost.with { host in
            try declare(host, "fails 2 1 exit 0", "run_on: apply", "retry: {max_attempts: 5, delay: 10ms}")
            try await host.apply()
            let job = try #require(try await jobs(host).first)
            #expect(job["phase"] as? String == "succeeded")
            #expect(job["attempt"] as? Int == 3 && job["restart_count"] as? Int == 2)
            #expect(instances(host).map(\.restartCount) == [0, 1, 2])

            try declare(host, "sleep -1", "run_on: apply", "timeout: 200ms")
            #expect(try await host.run("apply").exitCode == 1)
            #expect(try await jobs(host).last?["error"] as? String == "ran longer than its timeout of 200ms")
        }
    }

    @Test("A change during a standalone run stops it and runs it again")
    func changeDuringRun() async throws {
        try await TestHost.with { host in
            try declare(host, "sleep -1", "run_on: apply")
            #expect(try await host.run("apply", "--no-wait").exitCode == 0)
            try await eventually("the action runs") { instances(host).count == 1 }
            try declare(host, "sleep -1", "run_on: apply", "generation: 1")
            #expect(try await host.run("apply", "--no-wait").exitCode == 0)
            try await eventually("the action runs again") { instances(host).count == 2 }
            #expect(try await phases(host) == ["cancelled", "running"])
            host.removeManifest("chore")
            try await host.apply()
            #expect(try await phases(host) == ["cancelled", "cancelled"])
            try await host.expectEmptyDiff()
        }
    }

    @Test("A scheduled action runs repeatedly, and status shows the next run")
    func schedule() async throws {
        try await TestHost.with { host in
            try declare(host, "exit 0", "schedule: {every: 1s}")
            try await host.apply()
            try await host.expectEmptyDiff()
            let first = try await status(host)
            #expect(first["context"] as? String == "core" && first["name"] as? String == "chore")
            let next = try #require((first["next_run_at"] as? String).flatMap { WallTime($0) })
            try await eventually("the action ran three times", within: 60) { instances(host).count >= 3 }
            let later = try await status(host)
            let then = try #require((later["next_run_at"] as? String).flatMap { WallTime($0) })
            #expect(then > next)
            #expect((then.microseconds - next.microseconds) % 1_000_000 == 0, "the schedule does not drift")
            #expect(later["job_id"] as? Int != nil && later["phase"] as? String != nil)
            let text = try await host.run("status")
            #expect(text.exitCode == 0)
            #expect(text.output.contains("core/chore") && text.output.contains("next run "))
            #expect(try await host.run("status", "chore").exitCode == 0)
            #expect(Set(instances(host).map(\.job)).count == instances(host).count)
        }
    }

    @Test("Scheduled runs missed without a reconciler are reported in one event")
    func missedRuns() async throws {
        try await TestHost.with { host in
            try declare(host, "exit 0", "schedule: {every: 1s}")
            try await host.apply()
            try await eventually("the action runs", within: 60) { instances(host).count >= 1 }
            try await host.killReconciler()
            let before = instances(host).count
            let due = try #require((try await status(host)["next_run_at"] as? String).flatMap { WallTime($0) })
            try await eventually("three runs are missed", within: 60) {
                Int64(Date().timeIntervalSince1970 * 1e6) > due.microseconds + 3_000_000
            }
            #expect(instances(host).count == before)
            let watch = try host.startReconciler()
            try await eventually("the missed runs are reported", within: 60) {
                try await host.events().contains { $0["text"].map { "\($0)".hasPrefix("missed ") } ?? false }
            }
            let reported = try await host.events().map { "\($0["text"] ?? "")" }.filter { $0.hasPrefix("missed ") }
            #expect(reported.first?.contains(" runs between \(due) and ") == true)
            try await eventually("the schedule continues", within: 60) { instances(host).count > before }
            kill(watch.pid, SIGTERM)
            #expect(try await host.exitCode(of: watch) == 0)
        }
    }

    @Test("A new reconciler adopts a running standalone job")
    func adoption() async throws {
        try await TestHost.with { host in
            try declare(host, "wait-for \(host.root)/done exit 7", "run_on: apply")
            #expect(try await host.run("apply", "--no-wait").exitCode == 0)
            try await eventually("the action runs") { instances(host).count == 1 }
            let instance = try #require(instances(host).first)
            try await host.killReconciler()
            #expect(isAlive(instance.pid))
            let watch = try host.startReconciler()
            try await eventually("the reconciler runs") { host.reconcilerPID == watch.pid }
            try Data().write(to: URL(fileURLWithPath: "\(host.root)/done"))
            try await eventually("the end is recorded") { try await phases(host) == ["failed"] }
            let job = try #require(try await jobs(host).first)
            #expect(job["exit_code"] as? Int == 7 && job["id"] as? Int == instance.job)
            #expect(instances(host).count == 1)
            kill(watch.pid, SIGTERM)
            #expect(try await host.exitCode(of: watch) == 0)
        }
    }

    @Test(
        "An overlapping scheduled run is skipped, queued or replaces the earlier one",
        arguments: [
            "skip", "queue", "replace",
        ]
    )
    func overlap(overlap: String) async throws {
        try await TestHost.with { host in
            try declare(
                host,
                "wait-for \(host.root)/done exit 0",
                "schedule: {every: 1s, overlap: \(overlap)}"
            )
            try await host.apply()
            let text = overlap == "replace" ? "is stopped" : "is still running"
            try await eventually("the next run is due", within: 60) {
                try await host.events().contains { "\($0["text"] ?? "")".contains(text) } || overlap == "queue"
            }
            if overlap == "replace" {
                try await eventually("the next run replaces the earlier one", within: 60) { instances(host).count >= 2 }
                #expect(try await phases(host).first == "cancelled")
            } else {
                try await eventually("the action runs", within: 60) { instances(host).count >= 1 }
                #expect(instances(host).count == 1)
                try Data().write(to: URL(fileURLWithPath: "\(host.root)/done"))
                try await eventually("the next run has started", within: 60) { instances(host).count >= 2 }
                #expect(try await phases(host).first == "succeeded")
            }
        }
    }

    @Test("Down cancels standalone runs and pauses schedules until the next apply")
    func downPausesSchedule() async throws {
        try await TestHost.with { host in
            try declare(host, "sleep -1", "schedule: {every: 1s}")
            try await host.apply()
            try await eventually("the action runs", within: 60) { instances(host).count == 1 }
            #expect(try await host.run("down").exitCode == 0)
            #expect(try await phases(host) == ["cancelled"])
            #expect(try await status(host)["next_run_at"] is NSNull)
            #expect(try await status(host)["paused"] as? Bool == true)
            #expect(try await host.run("status").output.contains("its schedule is paused by `down`"))
            try await host.apply()
            #expect(try await status(host)["paused"] as? Bool == false)
            try await eventually("the action runs again", within: 60) { instances(host).count == 2 }
        }
    }

    @Test("A run that was missed without a reconciler is made up by the next one")
    func catchUp() async throws {
        try await TestHost.with { host in
            try declare(host, "exit 0", "schedule: {every: 3s, jitter: 1s, catch_up: true}")
            try await host.apply()
            try await eventually("the action runs", within: 60) { instances(host).count == 1 }
            try await host.killReconciler()
            let due = try #require(try await status(host)["next_run_at"] as? String)
            try await eventually("the next run is due", within: 60) {
                due.prefix(19) < Date.now.ISO8601Format().prefix(19)
            }
            _ = try host.startReconciler()
            _ = try await host.waitForEvent("info", "makes up the run that was due at \(due)")
            try await eventually("the action runs again", within: 60) { instances(host).count >= 2 }
        }
    }
}
