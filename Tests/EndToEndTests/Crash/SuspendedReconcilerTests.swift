import Foundation
import Glibc
import Testing

/// A reconciler that gets no CPU time for a while.
@Suite("A suspended reconciler", .serialized)
struct SuspendedReconcilerTests {
    @Test(
        "A request that is abandoned before its acceptance is dropped and not called refused",
        arguments: ["apply", "down"]
    )
    func abandonedRequest(_ command: String) async throws {
        try await TestHost.with { host in
            try host.declare("web")
            try await host.apply()
            let web = try await host.runningInstance("web", number: 1)
            let reconciler = try #require(host.reconcilerPID)
            try host.declare("web", "generation: 1")
            #expect(kill(reconciler, SIGSTOP) == 0)
            let result = try await host.run(command, "--timeout", "1s")
            #expect(kill(reconciler, SIGCONT) == 0)
            #expect(result.exitCode == 1, "\(result.output)\(result.errorOutput)")
            #expect(!(result.output + result.errorOutput).contains("Refused"))
            #expect(result.output.contains("It is not known whether anything was changed."), "\(result.output)")
            _ = try await host.waitForEvent("warning", "dropped a request: its client left before it was accepted")
            #expect(isAlive(web.pid))
            #expect(host.instances("web").count == 1)
        }
    }

    @Test("A resumed reconciler records every exit exactly (SH-3, TM-2)")
    func suspended() async throws {
        try await TestHost.with { host in
            let go = host.root + "/go"
            let actions = (0..<12).map { code in
                TestHost.OracleAction.process("wait-for \(go) exit \(code)", "restart: never", name: "a\(code)")
            }
            try host.writeManifest("many.yaml", host.manifest("many", ["start_order: parallel"], actions))
            try host.declare("steady", actions: .process("lines 20", "ready: {exec: [\"true\"], interval: 200ms}"))
            try host.declare("seed", actions: .oneShot("wait-for \(go) exit 0"))
            try host.declare("dies", actions: .process("sleep -1", "retry: {delay: 100ms, jitter: 0}"))
            let watch = try host.startReconciler()
            for code in 0..<12 { _ = try await host.runningInstance("many", "a\(code)") }
            let (steady, dies) = (try await host.runningInstance("steady"), try await host.runningInstance("dies"))
            try await eventually("the services are ready") {
                let isReady = try await host.actionStatus("steady")["ready"] as? Bool
                let pid = try await host.actionStatus("dies")["pid"] as? Int
                return isReady == true && pid == Int(dies.pid)
            }
            #expect(kill(watch.pid, SIGSTOP) == 0)
            try Data().write(to: URL(fileURLWithPath: go))
            #expect(kill(dies.pid, SIGKILL) == 0)
            try await eventually("all programs have ended") {
                (0..<12).allSatisfy { host.instances("many", "a\($0)").first.map { !isAlive($0.pid) } ?? false }
            }
            // The delay is longer than every deadline that could be missed.
            try await Task.sleep(for: .seconds(3))
            #expect(host.instances("dies").count == 1)
            #expect(kill(watch.pid, SIGCONT) == 0)

            let healed = try await host.runningInstance("dies", number: 2)
            #expect(healed.job == dies.job && healed.restartCount == 1)
            try await eventually("all exits are recorded") {
                let phases = try await host.jobs(of: "many").map { $0["phase"] as? String }
                return phases.allSatisfy { $0 == "succeeded" || $0 == "failed" }
            }
            let jobs = try await host.jobs(of: "many")
            #expect(jobs.count == 12)
            for job in jobs {
                let code = Int((try #require(job["action_id"] as? String)).dropFirst())
                #expect(job["exit_code"] as? Int == code, "\(job)")
                #expect(job["restart_count"] as? Int == 0)
            }
            #expect(host.instances("seed").count == 1)
            #expect(try await host.runningInstance("steady", number: 1) == steady)
            #expect(host.instances("dies").count == 2)
            for name in ["steady", "dies", "seed"] {
                let state = name == "seed" ? "exited" : "running"
                try await eventually("\(name) is \(state)") { try await host.state(of: name) == state }
            }
        }
    }
}
