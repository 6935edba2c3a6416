import Foundation
import Glibc
import HeroModel
import Testing

/// Actions outside of services, with real programs and the real clock.
@Suite("Standalone actions", .serialized)
struct StandaloneActionTests {
    private func declare(_ world: TestHost, _ words: String = "exit 0", _ keys: String...) throws {
        let argv = ([TestHost.oraclePath] + words.split(separator: " ").map(String.init)).map { "\"\($0)\"" }
        let lines =
            [
                "kind: Action", "name: chore", "exec: [\(argv.joined(separator: ", "))]",
                "env: {ORACLE_DIR: \(world.traceDirectory)}",
            ]
            + keys
        try world.writeManifest("chore.yaml", lines.joined(separator: "\n") + "\n")
    }

    private func jobs(_ world: TestHost) async throws -> [[String: Any]] {
        let answer = try await world.run("jobs", "--action", "chore", "-o", "json")
        return (answer.json["jobs"] as? [[String: Any]] ?? []).reversed()
    }

    private func phases(_ world: TestHost) async throws -> [String] {
        try await jobs(world).map { $0["phase"] as? String ?? "" }
    }

    private func status(_ world: TestHost) async throws -> [String: Any] {
        let answer = try await world.run("status", "-o", "json")
        return (answer.json["standalone"] as? [[String: Any]])?.first ?? [:]
    }

    private func instances(_ world: TestHost) -> [OracleInstance] { world.instances("_", "chore") }

    @Test(
        "`run_on: apply` runs once for each changed spec or generation; apply waits for it, and an equal apply runs nothing"
    )
    func runOnApply() async throws {
        try await TestHost.with { world in
            try declare(world, "exit 0", "run_on: apply", "tags: [nightly]")
            try await world.apply()
            #expect(try await phases(world) == ["succeeded"])
            try await world.expectEmptyDiff()
            try await world.apply()
            #expect(instances(world).count == 1)
            try declare(world, "exit 0", "run_on: apply", "tags: [nightly]", "generation: 1")
            try await world.apply()
            #expect(instances(world).count == 2)
            let job = try #require(try await jobs(world).last)
            #expect(job["service_id"] is NSNull && job["run_id"] is NSNull)
            #expect(job["action_id"] as? String == "chore" && job["context"] as? String == "core")
            #expect(job["tags"] as? [String] == ["nightly"])
            #expect(job["revision"] as? Int == 2)
            #expect(Set(instances(world).map(\.job)).count == 2, "each run is a job of its own")
        }
    }

    @Test("a standalone job has its logs below `_`, and no HEROPROC_SERVICE in its environment")
    func logPathAndEnvironment() async throws {
        try await TestHost.with { world in
            try declare(world, "print-env exit 0", "run_on: apply")
            try await world.apply()
            let id = try #require(try await jobs(world).first?["id"] as? Int)
            let log = world.readText("\(world.logDirectory)/core/_/chore/\(id).log")
            #expect(log.contains("HEROPROC_ACTION=chore"))
            #expect(log.contains("HEROPROC_JOB_ID=\(id)"))
            #expect(!log.contains("HEROPROC_SERVICE"))
        }
    }

    @Test("a run that fails makes its apply exit 1 and says why; a code of its own may be success")
    func failedRun() async throws {
        try await TestHost.with { world in
            try declare(world, "exit 3", "run_on: apply")
            let answer = try await world.run("apply")
            #expect(answer.exitCode == 1)
            #expect((answer.output + answer.errorOutput).contains("core/chore failed: exit code 3"))
            #expect(try await world.run("status").exitCode == 1)
            try declare(world, "exit 3", "run_on: apply", "success_exit_codes: [0, 3]", "generation: 1")
            try await world.apply()
            #expect(try await phases(world) == ["failed", "succeeded"])
            #expect(try await world.run("status").exitCode == 0)
        }
    }

    @Test("a run keeps to its own retry and timeout")
    func retryAndTimeout() async throws {
        try await TestHost.with { world in
            try declare(world, "fails 2 1 exit 0", "run_on: apply", "retry: {max_attempts: 5, delay: 10ms}")
            try await world.apply()
            let job = try #require(try await jobs(world).first)
            #expect(job["phase"] as? String == "succeeded")
            #expect(job["attempt"] as? Int == 3 && job["restart_count"] as? Int == 2)
            #expect(instances(world).map(\.restartCount) == [0, 1, 2])

            try declare(world, "sleep -1", "run_on: apply", "timeout: 200ms")
            #expect(try await world.run("apply").exitCode == 1)
            #expect(try await jobs(world).last?["error"] as? String == "ran longer than its timeout of 200ms")
        }
    }

    @Test("a change while it runs stops it and runs it again, one at a time; without a declaration it is stopped")
    func changeDuringRun() async throws {
        try await TestHost.with { world in
            try declare(world, "sleep -1", "run_on: apply")
            #expect(try await world.run("apply", "--no-wait").exitCode == 0)
            try await eventually("it runs") { instances(world).count == 1 }
            try declare(world, "sleep -1", "run_on: apply", "generation: 1")
            #expect(try await world.run("apply", "--no-wait").exitCode == 0)
            try await eventually("it runs again") { instances(world).count == 2 }
            #expect(try await phases(world) == ["cancelled", "running"])
            world.removeManifest("chore")
            try await world.apply()
            #expect(try await phases(world) == ["cancelled", "cancelled"])
            try await world.expectEmptyDiff()
        }
    }

    @Test("a schedule runs again and again, each time as a job of its own; status says when next, in JSON and in words")
    func schedule() async throws {
        try await TestHost.with { world in
            try declare(world, "exit 0", "schedule: {every: 1s}")
            try await world.apply()
            try await world.expectEmptyDiff()
            let first = try await status(world)
            #expect(first["context"] as? String == "core" && first["name"] as? String == "chore")
            let next = try #require((first["next_run_at"] as? String).flatMap { WallTime($0) })
            try await eventually("it ran three times", within: 60) { instances(world).count >= 3 }
            let later = try await status(world)
            let then = try #require((later["next_run_at"] as? String).flatMap { WallTime($0) })
            #expect(then > next)
            #expect((then.microseconds - next.microseconds) % 1_000_000 == 0, "the rhythm does not drift")
            #expect(later["job_id"] as? Int != nil && later["phase"] as? String != nil)
            let text = try await world.run("status")
            #expect(text.exitCode == 0)
            #expect(text.output.contains("core/chore") && text.output.contains("next run "))
            #expect(try await world.run("status", "chore").exitCode == 0)
            #expect(Set(instances(world).map(\.job)).count == instances(world).count)
        }
    }

    @Test("runs that came due while no reconciler lived are not made up, but said in one event")
    func missedRuns() async throws {
        try await TestHost.with { world in
            try declare(world, "exit 0", "schedule: {every: 1s}")
            try await world.apply()
            try await eventually("it runs", within: 60) { instances(world).count >= 1 }
            try await world.killReconciler()
            let before = instances(world).count
            let due = try #require((try await status(world)["next_run_at"] as? String).flatMap { WallTime($0) })
            try await eventually("three are missed", within: 60) {
                Int64(Date().timeIntervalSince1970 * 1e6) > due.microseconds + 3_000_000
            }
            #expect(instances(world).count == before)
            let watch = try world.startReconciler()
            try await eventually("it is said", within: 60) {
                try await world.events().contains { $0["text"].map { "\($0)".hasPrefix("missed ") } ?? false }
            }
            let said = try await world.events().map { "\($0["text"] ?? "")" }.filter { $0.hasPrefix("missed ") }
            #expect(said.first?.contains(" runs between \(due) and ") == true)
            try await eventually("its schedule goes on", within: 60) { instances(world).count > before }
            kill(watch.pid, SIGTERM)
            #expect(try await world.exitCode(of: watch) == 0)
        }
    }

    @Test("a job goes on when the reconciler is killed with -9, and the next one takes it up")
    func adoption() async throws {
        try await TestHost.with { world in
            try declare(world, "wait-for \(world.root)/done exit 7", "run_on: apply")
            #expect(try await world.run("apply", "--no-wait").exitCode == 0)
            try await eventually("it runs") { instances(world).count == 1 }
            let life = try #require(instances(world).first)
            try await world.killReconciler()
            #expect(isAlive(life.pid))
            let watch = try world.startReconciler()
            try await eventually("a reconciler lives") { world.reconcilerPID == watch.pid }
            try Data().write(to: URL(fileURLWithPath: "\(world.root)/done"))
            try await eventually("its end is recorded") { try await phases(world) == ["failed"] }
            let job = try #require(try await jobs(world).first)
            #expect(job["exit_code"] as? Int == 7 && job["id"] as? Int == life.job)
            #expect(instances(world).count == 1)
            kill(watch.pid, SIGTERM)
            #expect(try await world.exitCode(of: watch) == 0)
        }
    }

    @Test(
        "a run that is due while the one before goes on is left out, waits, or takes its place",
        arguments: [
            "skip", "queue", "replace",
        ]
    )
    func overlap(overlap: String) async throws {
        try await TestHost.with { world in
            try declare(
                world,
                "wait-for \(world.root)/done exit 0",
                "schedule: {every: 1s, overlap: \(overlap)}"
            )
            try await world.apply()
            let word = overlap == "replace" ? "is stopped" : "is still running"
            try await eventually("the next one is due", within: 60) {
                try await world.events().contains { "\($0["text"] ?? "")".contains(word) } || overlap == "queue"
            }
            if overlap == "replace" {
                try await eventually("it takes its place", within: 60) { instances(world).count >= 2 }
                #expect(try await phases(world).first == "cancelled")
            } else {
                try await eventually("it runs", within: 60) { instances(world).count >= 1 }
                #expect(instances(world).count == 1)
                try Data().write(to: URL(fileURLWithPath: "\(world.root)/done"))
                try await eventually("the next one runs", within: 60) { instances(world).count >= 2 }
                #expect(try await phases(world).first == "succeeded")
            }
        }
    }

    @Test("`down` cancels what runs and lets the schedule rest; an apply lets it go on")
    func downPausesSchedule() async throws {
        try await TestHost.with { world in
            try declare(world, "sleep -1", "schedule: {every: 1s}")
            try await world.apply()
            try await eventually("it runs", within: 60) { instances(world).count == 1 }
            #expect(try await world.run("down").exitCode == 0)
            #expect(try await phases(world) == ["cancelled"])
            #expect(try await status(world)["next_run_at"] is NSNull)
            #expect(try await status(world)["paused"] as? Bool == true)
            #expect(try await world.run("status").output.contains("its schedule rests: taken down"))
            try await world.apply()
            #expect(try await status(world)["paused"] as? Bool == false)
            try await eventually("it runs again", within: 60) { instances(world).count == 2 }
        }
    }
}
