import Foundation
import Glibc
import Testing

/// A reconciler that does not get to run for a while.
@Suite("A suspended reconciler", .serialized)
struct SuspendedReconcilerTests {
    @Test("SH-3, TM-2: what ended meanwhile is taken in exactly, what lives is left alone, what died is healed once")
    func suspended() async throws {
        try await TestHost.with { world in
            let go = world.root + "/go"
            let deeds = (0..<12).map { code in
                TestHost.OracleAction.process("wait-for \(go) exit \(code)", "restart: never", name: "a\(code)")
            }
            try world.writeManifest("many.yaml", world.manifest("many", ["start_order: parallel"], deeds))
            try world.declare("steady", actions: .process("lines 20", "ready: {exec: [\"true\"], interval: 200ms}"))
            try world.declare("seed", actions: .oneShot("wait-for \(go) exit 0"))
            try world.declare("dies", actions: .process("sleep -1", "retry: {delay: 100ms, jitter: 0}"))
            let watch = try world.startReconciler()
            for code in 0..<12 { _ = try await world.runningInstance("many", "a\(code)") }
            let (steady, dies) = (try await world.runningInstance("steady"), try await world.runningInstance("dies"))
            try await eventually("it has said so") {
                let isReady = try await world.actionStatus("steady")["ready"] as? Bool
                let pid = try await world.actionStatus("dies")["pid"] as? Int
                return isReady == true && pid == Int(dies.pid)
            }
            #expect(kill(watch.pid, SIGSTOP) == 0)
            try Data().write(to: URL(fileURLWithPath: go))
            #expect(kill(dies.pid, SIGKILL) == 0)
            try await eventually("all have ended") {
                (0..<12).allSatisfy { world.instances("many", "a\($0)").first.map { !isAlive($0.pid) } ?? false }
            }
            // Long enough for every deadline that could be missed; this wait is the fault itself.
            try await Task.sleep(for: .seconds(3))
            #expect(world.instances("dies").count == 1)
            #expect(kill(watch.pid, SIGCONT) == 0)

            let healed = try await world.runningInstance("dies", number: 2)
            #expect(healed.job == dies.job && healed.restartCount == 1)
            try await eventually("all ends are taken in") {
                let phases = try await world.jobs(of: "many").map { $0["phase"] as? String }
                return phases.allSatisfy { $0 == "succeeded" || $0 == "failed" }
            }
            let jobs = try await world.jobs(of: "many")
            #expect(jobs.count == 12)
            for job in jobs {
                let code = Int((try #require(job["action_id"] as? String)).dropFirst())
                #expect(job["exit_code"] as? Int == code, "\(job)")
                #expect(job["restart_count"] as? Int == 0)
            }
            #expect(world.instances("seed").count == 1)
            #expect(try await world.runningInstance("steady", number: 1) == steady)
            #expect(world.instances("dies").count == 2)
            for name in ["steady", "dies", "seed"] {
                let state = name == "seed" ? "exited" : "running"
                try await eventually("\(name) is \(state)") { try await world.state(of: name) == state }
            }
        }
    }
}
