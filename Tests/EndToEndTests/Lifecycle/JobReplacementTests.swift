import Foundation
import Glibc
import Testing

/// What becomes of the jobs and runs of a service when it starts, and when it stops.
@Suite("Earlier jobs", .serialized)
struct JobReplacementTests {
    private func parseServices(_ answer: TestHost.CommandResult) -> [String: (cancelled: Int, dependents: [String])] {
        var result: [String: (cancelled: Int, dependents: [String])] = [:]
        for service in answer.json["services"] as? [[String: Any]] ?? [] {
            let dependents = (service["stopped_dependents"] as? [Any] ?? []).map { "\($0)" }
            result["\(service["name"] ?? "")"] = (service["cancelled"] as? Int ?? -1, dependents)
        }
        return result
    }

    private func jobIDs(_ world: TestHost, _ service: String) async throws -> Set<Int> {
        Set(try await world.jobs(of: service).compactMap { $0["id"] as? Int })
    }

    @Test(
        "a start cancels what is active, waits for it, and deletes the service's earlier jobs; other services keep theirs"
    )
    func earlierJobsAreReplaced() async throws {
        try await TestHost.with { world in
            // The second action gives up, so that the service is partly up.
            let broken = TestHost.OracleAction.oneShot("exit 1", name: "seed")
            try world.declare("web", "start_order: parallel", actions: .process(name: "run"), broken)
            try world.declare("other")
            _ = try await world.run("apply")
            let before = try await jobIDs(world, "web")
            let other = try await jobIDs(world, "other")
            let old = try await world.runningInstance("web")
            let answer = try await world.run("apply", "-o", "json")
            #expect(parseServices(answer)["web"]?.cancelled == 1)
            #expect(parseServices(answer)["other"]?.cancelled == 0)
            let new = try await world.runningInstance("web", number: 2)
            #expect(old.pid != new.pid && !isAlive(old.pid))
            #expect(try await jobIDs(world, "web").isDisjoint(with: before))
            #expect(try await jobIDs(world, "web").count == 2)
            #expect(try await jobIDs(world, "other") == other)
        }
    }

    @Test("with `replace_existing_jobs: false` what is active stays and joins the new run, the rest is pruned")
    func activeJobsJoinTheRun() async throws {
        try await TestHost.with { world in
            let broken = TestHost.OracleAction.oneShot("exit 1", name: "seed")
            let keys = ["start_order: parallel", "start: {replace_existing_jobs: false}"]
            try world.declare("web", keys[0], keys[1], actions: .process(name: "run"), broken)
            _ = try await world.run("apply")
            let old = try await world.runningInstance("web")
            let before = try await world.jobs(of: "web")
            let answer = try await world.run("apply", "-o", "json")
            #expect(parseServices(answer)["web"]?.cancelled == 0)
            let after = try await world.jobs(of: "web")
            #expect(after.count == 2)
            #expect(after.contains { $0["id"] as? Int == old.job && $0["phase"] as? String == "running" })
            #expect(world.instances("web").count == 1 && isAlive(old.pid))
            let runs = Set(after.compactMap { $0["run_id"] as? Int })
            #expect(runs.count == 1)
            #expect(runs.isDisjoint(with: before.compactMap { $0["run_id"] as? Int }))
        }
    }

    @Test("`stop.remove_jobs` deletes the ended jobs of that service only; what is stopped with it keeps its own")
    func stoppedJobsAreRemoved() async throws {
        try await TestHost.with { world in
            let removes = "stop: {remove_jobs: true}"
            try world.declare("db", removes)
            try world.declare("web", removes, "requires: [db]")
            try world.declare("other", removes)
            try await world.apply()
            let other = try await jobIDs(world, "other")
            try world.declare("db", removes, "status: stop")
            let answer = try await world.run("apply", "-o", "json")
            #expect(parseServices(answer)["db"]?.cancelled == 1)
            #expect(parseServices(answer)["db"]?.dependents == ["core/web"])
            #expect(parseServices(answer)["web"]?.cancelled == 1)
            #expect(try await jobIDs(world, "db").isEmpty)
            #expect(try await world.jobs(of: "web").map { $0["phase"] as? String } == ["cancelled"])
            #expect(try await jobIDs(world, "other") == other)
        }
    }

    @Test("stopping what is stopped is no error and counts 0 cancellations")
    func stoppedTwice() async throws {
        try await TestHost.with { world in
            try world.declare("web", "status: stop")
            let answer = try await world.apply()
            #expect(parseServices(answer)["web"]?.cancelled == 0)
            #expect(parseServices(answer)["web"]?.dependents == [])
            #expect(try await world.run("down").exitCode == 0)
            #expect(try await world.run("down").exitCode == 0)
        }
    }

    @Test("`restart_count` counts programs really executed again, also over restarts of the reconciler (RS-2)")
    func restartCountsSurviveReconcilers() async throws {
        try await TestHost.with { world in
            try world.declare("web", actions: .process("sleep -1", "retry: {delay: 10ms, jitter: 0}"))
            try await world.apply()
            let id = try await world.runningInstance("web").job
            for round in 1...4 {
                let life = try await world.runningInstance("web", number: round)
                #expect(life.restartCount == round - 1 && life.job == id)
                if round == 2 { try await world.killReconciler() }
                kill(life.pid, SIGKILL)
                if round == 2 { _ = try await world.apply() }
                try await eventually("it comes back", within: 60) { world.instances("web").count == round + 1 }
            }
            let life = try await world.runningInstance("web", number: 5)
            #expect(life.restartCount == 4)
            try await eventually("it is recorded") { try await world.actionStatus("web")["restart_count"] as? Int == 4 }
            #expect(try await world.actionStatus("web")["job_id"] as? Int == id)
        }
    }
}
