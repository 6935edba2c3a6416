import Foundation
import Glibc
import Testing

/// kill -9 of the reconciler affects no service and loses no event.
@Suite("Crashes of the reconciler", .serialized)
struct CrashTests {
    @Test("A new reconciler adopts all running jobs without losing a log line (LG-1)")
    func adoptionAfterKill() async throws {
        try await TestHost.with { host in
            try host.declare("db", actions: .process("lines 200", "log: {max_size: 1MiB, keep: 9}"))
            try host.declare("seed", "requires: [db]", actions: .oneShot("exit 0"))
            try host.declare("web", "requires: [seed]", actions: .process("lines 200"), .process(name: "side"))
            try await host.apply()
            let before = [
                try await host.runningInstance("db"), try await host.runningInstance("web"),
                try await host.runningInstance("web", "side"),
            ]
            try await host.killReconciler()
            #expect(before.allSatisfy { isAlive($0.pid) })
            // Commands report the correct state without a reconciler.
            #expect(try await host.actionStatus("db")["pid"] as? Int == Int(before[0].pid))
            try await host.expectEmptyDiff()

            // Starts a new reconciler, first with apply and then with reconcile.
            try await host.apply()
            try await host.killReconciler()
            let watch = try host.startReconciler()
            try await eventually("the reconciler runs") { host.reconcilerPID == watch.pid }
            try await host.expectEmptyDiff()
            try await eventually("the reconciler has adopted the jobs") {
                try await host.events().contains {
                    ($0["text"] as? String)?.contains("adopted 3 running jobs") ?? false
                }
            }
            let after = [
                try await host.runningInstance("db", number: 1), try await host.runningInstance("web", number: 1),
                try await host.runningInstance("web", "side", number: 1),
            ]
            #expect(after == before)
            #expect(host.instances("seed").count == 1)
            for (service, action) in [("db", "run"), ("web", "run"), ("web", "side")] {
                let instance = try #require(host.instances(service, action).first)
                let now = try await host.actionStatus(service, action)
                #expect(now["job_id"] as? Int == instance.job && now["pid"] as? Int == Int(instance.pid))
                #expect(now["restart_count"] as? Int == 0)
            }

            // The reconciler watches adopted jobs and restarts a killed one in the same job.
            #expect(kill(after[0].pid, SIGKILL) == 0)
            let healed = try await host.runningInstance("db", number: 2)
            #expect(healed.job == before[0].job && healed.restartCount == 1)

            #expect(try await host.run("down").exitCode == 0)
            let history = RecordedHistory(of: host)
            history.preserveLogs()
            let (lines, unknown) = history.oracleLines()
            #expect(unknown == [])
            let web = try #require(host.instances("web").first)
            let count = try #require(web.lineCount)
            #expect(count > 0)
            #expect(lines[InstanceID(job: web.job, restartCount: 0)] == Array(1...count))
        }
    }

    @Test("Thirty exits without a running reconciler are recorded exactly (SH-3)")
    func exitsWithoutReconciler() async throws {
        try await TestHost.with { host in
            let go = host.root + "/go"
            let actions = (0..<30).map { code in
                TestHost.OracleAction.process("wait-for \(go) exit \(code)", "restart: never", name: "a\(code)")
            }
            try host.writeManifest("many.yaml", host.manifest("many", ["start_order: parallel"], actions))
            try await host.apply()
            for code in 0..<30 { _ = try await host.runningInstance("many", "a\(code)") }
            try await host.killReconciler()
            try Data().write(to: URL(fileURLWithPath: go))
            try await eventually("all programs have ended") {
                (0..<30).allSatisfy { host.instances("many", "a\($0)").first.map { !isAlive($0.pid) } ?? false }
            }
            #expect((0..<30).allSatisfy { host.instances("many", "a\($0)").map(\.end) == [.exit(code: Int32($0))] })

            let watch = try host.startReconciler()
            try await eventually("the reconciler has recorded the exits") {
                let jobs = try await host.jobs(of: "many")
                return host.reconcilerPID == watch.pid && jobs.allSatisfy { $0["phase"] as? String != "running" }
            }
            let jobs = try await host.jobs(of: "many")
            #expect(jobs.count == 30)
            for job in jobs {
                let action = try #require(job["action_id"] as? String)
                let code = Int(action.dropFirst())
                #expect(job["exit_code"] as? Int == code)
                #expect(job["phase"] as? String == (code == 0 ? "succeeded" : "failed"))
                #expect(job["restart_count"] as? Int == 0)
            }
        }
    }

    @Test("An exit during the adoption of its job is recorded exactly (SH-3)")
    func exitDuringAdoption() async throws {
        try await TestHost.with { host in
            try host.declare("web", actions: .process("wait-for \(host.root)/go fails 1 30", "retry: {delay: 0ms}"))
            try await host.apply()
            let instance = try await host.runningInstance("web")
            let shim = try #require(host.shimPID(of: "web"))
            try await host.killReconciler()
            // The reconciler has read that the program runs, and has not yet checked the process.
            let watch = try host.start(["reconcile", "--watch"], environment: ["HEROPROC_FP": "FP-AD-1=stop@1"])
            try await eventually("the reconciler is stopped") { isStopped(watch.pid) }
            try Data().write(to: URL(fileURLWithPath: host.root + "/go"))
            try await eventually("program and shim are gone") { !isAlive(instance.pid) && !isAlive(shim) }
            #expect(kill(watch.pid, SIGCONT) == 0)
            _ = try await host.runningInstance("web", number: 2)
            let texts = try await host.events().compactMap { $0["text"] as? String }
            let ends = texts.filter { $0.contains("starting it again") }
            #expect(ends.count == 1 && ends.first?.contains("exit code 30") == true, "\(ends)")
            #expect(host.instances("web").map(\.job) == [instance.job, instance.job])
        }
    }

    @Test("A killed program is not reported as running by a frozen reconciler (OB-2)")
    func frozenReconciler() async throws {
        try await TestHost.with { host in
            try host.declare("web", actions: .process("sleep -1", "retry: {delay: 0ms, jitter: 0}"))
            try await host.apply()
            var instance = try await host.runningInstance("web")
            let reconciler = try #require(host.reconcilerPID)
            for number in 1...3 {
                try await eventually("the process is recorded as running") {
                    let (action, state) = (try await host.actionStatus("web"), try await host.state(of: "web"))
                    return action["pid"] as? Int == Int(instance.pid) && state == "running"
                }
                #expect(kill(reconciler, SIGSTOP) == 0)
                #expect(kill(instance.pid, SIGKILL) == 0)
                try await eventually("the process is gone") { !isAlive(instance.pid) }
                let (action, state) = (try await host.actionStatus("web"), try await host.state(of: "web"))
                #expect(action["job_id"] as? Int == instance.job && action["pid"] as? Int == nil && state == "degraded")
                #expect(kill(reconciler, SIGCONT) == 0)
                instance = try await host.runningInstance("web", number: number + 1)
            }
            // The events alone show what happened (OB-3).
            let texts = try await host.events().compactMap { $0["text"] as? String }
            for instance in host.instances("web") {
                #expect(texts.filter { $0.hasSuffix("running (pid \(instance.pid))") }.count == 1)
            }
            #expect(texts.filter { $0.contains("signal KILL; starting it again") }.count == 3)
        }
    }

    @Test("A killed apply does not change the work that it requested")
    func killedApply() async throws {
        try await TestHost.with { host in
            try host.declare("seed", actions: .oneShot("wait 500 exit 0"))
            try host.declare("web", "requires: [seed]")
            let apply = try host.start(["apply"])
            try await eventually("the action has started") { !host.instances("seed").isEmpty }
            #expect(kill(apply.pid, SIGKILL) == 0)
            #expect(try await host.exitCode(of: apply) == 137)
            let web = try await host.runningInstance("web", number: 1)
            #expect(web.startedAt > host.instances("seed").first?.endedAt ?? .max)
            try await host.apply()
            #expect(try await host.runningInstance("web", number: 1) == web)
        }
    }
}
