import Foundation
import Glibc
import Testing

/// The effect of starts and stops on earlier jobs and runs of a service.
@Suite("Replacement of earlier jobs", .serialized)
struct JobReplacementTests {
    private func parseServices(_ result: CommandResult) -> [String: (cancelled: Int, dependents: [String])] {
        var services: [String: (cancelled: Int, dependents: [String])] = [:]
        for service in result.json["services"] as? [[String: Any]] ?? [] {
            let dependents = (service["stopped_dependents"] as? [Any] ?? []).map { "\($0)" }
            services["\(service["name"] ?? "")"] = (service["cancelled"] as? Int ?? -1, dependents)
        }
        return services
    }

    private func jobIDs(_ host: TestHost, _ service: String) async throws -> Set<Int> {
        Set(try await host.jobs(of: service).compactMap { $0["id"] as? Int })
    }

    @Test(
        "A start cancels active jobs and deletes earlier ones of its service"
    )
    func earlierJobsAreReplaced() async throws {
        try await TestHost.with { host in
            // The second action fails, so that the service is only partly running.
            let broken = TestHost.OracleAction.oneShot("exit 1", name: "seed")
            try host.declare("web", "start_order: parallel", actions: .process(name: "run"), broken)
            try host.declare("other")
            _ = try await host.run("apply")
            let before = try await jobIDs(host, "web")
            let other = try await jobIDs(host, "other")
            let old = try await host.runningInstance("web")
            let result = try await host.run("apply", "-o", "json")
            #expect(parseServices(result)["web"]?.cancelled == 1)
            #expect(parseServices(result)["other"]?.cancelled == 0)
            let new = try await host.runningInstance("web", number: 2)
            #expect(old.pid != new.pid && !isAlive(old.pid))
            #expect(try await jobIDs(host, "web").isDisjoint(with: before))
            #expect(try await jobIDs(host, "web").count == 2)
            #expect(try await jobIDs(host, "other") == other)
        }
    }

    @Test("With replace_existing_jobs false active jobs join the new run")
    func activeJobsJoinTheRun() async throws {
        try await TestHost.with { host in
            let broken = TestHost.OracleAction.oneShot("exit 1", name: "seed")
            let fields = ["start_order: parallel", "start: {replace_existing_jobs: false}"]
            try host.declare("web", fields[0], fields[1], actions: .process(name: "run"), broken)
            _ = try await host.run("apply")
            let old = try await host.runningInstance("web")
            let before = try await host.jobs(of: "web")
            let result = try await host.run("apply", "-o", "json")
            #expect(parseServices(result)["web"]?.cancelled == 0)
            let after = try await host.jobs(of: "web")
            #expect(after.count == 2)
            #expect(after.contains { $0["id"] as? Int == old.job && $0["phase"] as? String == "running" })
            #expect(host.instances("web").count == 1 && isAlive(old.pid))
            let runs = Set(after.compactMap { $0["run_id"] as? Int })
            #expect(runs.count == 1)
            #expect(runs.isDisjoint(with: before.compactMap { $0["run_id"] as? Int }))
        }
    }

    @Test("The key stop.remove_jobs deletes the ended jobs of the stopped service only")
    func stoppedJobsAreRemoved() async throws {
        try await TestHost.with { host in
            let removes = "stop: {remove_jobs: true}"
            try host.declare("db", removes)
            try host.declare("web", removes, "requires: [db]")
            try host.declare("other", removes)
            try await host.apply()
            let other = try await jobIDs(host, "other")
            try host.declare("db", removes, "status: stop")
            let result = try await host.run("apply", "-o", "json")
            #expect(parseServices(result)["db"]?.cancelled == 1)
            #expect(parseServices(result)["db"]?.dependents == ["core/web"])
            #expect(parseServices(result)["web"]?.cancelled == 1)
            #expect(try await jobIDs(host, "db").isEmpty)
            #expect(try await host.jobs(of: "web").map { $0["phase"] as? String } == ["cancelled"])
            #expect(try await jobIDs(host, "other") == other)
        }
    }

    @Test("Stopping a stopped service succeeds with zero cancellations")
    func stoppedTwice() async throws {
        try await TestHost.with { host in
            try host.declare("web", "status: stop")
            let result = try await host.apply()
            #expect(parseServices(result)["web"]?.cancelled == 0)
            #expect(parseServices(result)["web"]?.dependents == [])
            #expect(try await host.run("down").exitCode == 0)
            #expect(try await host.run("down").exitCode == 0)
        }
    }

    @Test("The restart_count counts each execution, also across reconciler restarts (RS-2)")
    func restartCountsSurviveReconcilers() async throws {
        try await TestHost.with { host in
            try host.declare("web", actions: .process("sleep -1", "retry: {delay: 10ms, jitter: 0}"))
            try await host.apply()
            let id = try await host.runningInstance("web").job
            for round in 1...4 {
                let instance = try await host.runningInstance("web", number: round)
                #expect(instance.restartCount == round - 1 && instance.job == id)
                if round == 2 { try await host.killReconciler() }
                kill(instance.pid, SIGKILL)
                if round == 2 { _ = try await host.apply() }
                try await eventually("the service has restarted", within: 60) {
                    host.instances("web").count == round + 1
                }
            }
            let instance = try await host.runningInstance("web", number: 5)
            #expect(instance.restartCount == 4)
            try await eventually("the restart is recorded") {
                try await host.actionStatus("web")["restart_count"] as? Int == 4
            }
            #expect(try await host.actionStatus("web")["job_id"] as? Int == id)
        }
    }
}
