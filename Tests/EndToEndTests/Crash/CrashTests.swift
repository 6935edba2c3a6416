import Foundation
import Glibc
import Testing

/// kill -9 of the reconciler: services never notice, and nothing of what happens meanwhile is lost.
@Suite("Crashes of the reconciler", .serialized)
struct CrashTests {
    @Test("nothing else dies with the reconciler, and the next one adopts all as it is; no line is lost (LG-1)")
    func adoptionAfterKill() async throws {
        try await TestHost.with { world in
            try world.declare("db", actions: .process("lines 200", "log: {max_size: 1MiB, keep: 9}"))
            try world.declare("seed", "requires: [db]", actions: .oneShot("exit 0"))
            try world.declare("web", "requires: [seed]", actions: .process("lines 200"), .process(name: "side"))
            try await world.apply()
            let before = [
                try await world.runningInstance("db"), try await world.runningInstance("web"),
                try await world.runningInstance("web", "side"),
            ]
            try await world.killReconciler()
            #expect(before.allSatisfy { isAlive($0.pid) })
            // What can be seen without a reconciler is right.
            #expect(try await world.actionStatus("db")["pid"] as? Int == Int(before[0].pid))
            try await world.expectEmptyDiff()

            // A new one, once by apply and once by reconcile.
            try await world.apply()
            try await world.killReconciler()
            let watch = try world.startReconciler()
            try await eventually("it is there") { world.reconcilerPID == watch.pid }
            try await world.expectEmptyDiff()
            try await eventually("it has adopted") {
                try await world.events().contains {
                    ($0["text"] as? String)?.contains("adopted 3 running jobs") ?? false
                }
            }
            let after = [
                try await world.runningInstance("db", number: 1), try await world.runningInstance("web", number: 1),
                try await world.runningInstance("web", "side", number: 1),
            ]
            #expect(after == before)
            #expect(world.instances("seed").count == 1)
            for (service, action) in [("db", "run"), ("web", "run"), ("web", "side")] {
                let life = try #require(world.instances(service, action).first)
                let now = try await world.actionStatus(service, action)
                #expect(now["job_id"] as? Int == life.job && now["pid"] as? Int == Int(life.pid))
                #expect(now["restart_count"] as? Int == 0)
            }

            // It watches what it adopted: a death is healed in the same job.
            #expect(kill(after[0].pid, SIGKILL) == 0)
            let healed = try await world.runningInstance("db", number: 2)
            #expect(healed.job == before[0].job && healed.restartCount == 1)

            #expect(try await world.run("down").exitCode == 0)
            let books = RecordedHistory(of: world)
            books.preserveLogs()
            let (lines, strange) = books.oracleLines()
            #expect(strange == [])
            let web = try #require(world.instances("web").first)
            let count = try #require(web.lineCount)
            #expect(count > 0)
            #expect(lines[InstanceID(job: web.job, restartCount: 0)] == Array(1...count))
        }
    }

    @Test("SH-3: 30 exits while no reconciler lives are recorded exactly")
    func exitsWithoutReconciler() async throws {
        try await TestHost.with { world in
            let go = world.root + "/go"
            let deeds = (0..<30).map { code in
                TestHost.OracleAction.process("wait-for \(go) exit \(code)", "restart: never", name: "a\(code)")
            }
            try world.writeManifest("many.yaml", world.manifest("many", ["start_order: parallel"], deeds))
            try await world.apply()
            for code in 0..<30 { _ = try await world.runningInstance("many", "a\(code)") }
            try await world.killReconciler()
            try Data().write(to: URL(fileURLWithPath: go))
            try await eventually("all have ended") {
                (0..<30).allSatisfy { world.instances("many", "a\($0)").first.map { !isAlive($0.pid) } ?? false }
            }
            #expect((0..<30).allSatisfy { world.instances("many", "a\($0)").map(\.end) == [.exit(code: Int32($0))] })

            let watch = try world.startReconciler()
            try await eventually("it has taken them in") {
                let jobs = try await world.jobs(of: "many")
                return world.reconcilerPID == watch.pid && jobs.allSatisfy { $0["phase"] as? String != "running" }
            }
            let jobs = try await world.jobs(of: "many")
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

    @Test("SH-3: an end in the very moment in which the next reconciler looks is recorded exactly, and is not lost")
    func exitDuringAdoption() async throws {
        try await TestHost.with { world in
            try world.declare("web", actions: .process("wait-for \(world.root)/go fails 1 30", "retry: {delay: 0ms}"))
            try await world.apply()
            let life = try await world.runningInstance("web")
            let shim = try #require(world.shimPID(of: "web"))
            try await world.killReconciler()
            // It has read that the program runs, and has not looked yet whether it does.
            let watch = try world.start(["reconcile", "--watch"], extra: ["HEROPROC_FP": "FP-AD-1=stop@1"])
            try await eventually("it is held up") { isStopped(watch.pid) }
            try Data().write(to: URL(fileURLWithPath: world.root + "/go"))
            try await eventually("program and shim are gone") { !isAlive(life.pid) && !isAlive(shim) }
            #expect(kill(watch.pid, SIGCONT) == 0)
            _ = try await world.runningInstance("web", number: 2)
            let texts = try await world.events().compactMap { $0["text"] as? String }
            let ends = texts.filter { $0.contains("starting it again") }
            #expect(ends.count == 1 && ends.first?.contains("exit code 30") == true, "\(ends)")
            #expect(world.instances("web").map(\.job) == [life.job, life.job])
        }
    }

    @Test("OB-2: while the reconciler is frozen, a program that was killed is not called running; then it comes back")
    func frozenReconciler() async throws {
        try await TestHost.with { world in
            try world.declare("web", actions: .process("sleep -1", "retry: {delay: 0ms, jitter: 0}"))
            try await world.apply()
            var life = try await world.runningInstance("web")
            let reconciler = try #require(world.reconcilerPID)
            for number in 1...3 {
                try await eventually("it is known to run") {
                    let (action, state) = (try await world.actionStatus("web"), try await world.state(of: "web"))
                    return action["pid"] as? Int == Int(life.pid) && state == "running"
                }
                #expect(kill(reconciler, SIGSTOP) == 0)
                #expect(kill(life.pid, SIGKILL) == 0)
                try await eventually("it is gone") { !isAlive(life.pid) }
                let (action, state) = (try await world.actionStatus("web"), try await world.state(of: "web"))
                #expect(action["job_id"] as? Int == life.job && action["pid"] as? Int == nil && state == "degraded")
                #expect(kill(reconciler, SIGCONT) == 0)
                life = try await world.runningInstance("web", number: number + 1)
            }
            // OB-3: what happened can be told from the events alone.
            let texts = try await world.events().compactMap { $0["text"] as? String }
            for life in world.instances("web") {
                #expect(texts.filter { $0.hasSuffix("running (pid \(life.pid))") }.count == 1)
            }
            #expect(texts.filter { $0.contains("signal KILL; starting it again") }.count == 3)
        }
    }

    @Test("an apply that is killed while it waits changes nothing of what it ordered")
    func killedApply() async throws {
        try await TestHost.with { world in
            try world.declare("seed", actions: .oneShot("wait 500 exit 0"))
            try world.declare("web", "requires: [seed]")
            let apply = try world.start(["apply"])
            try await eventually("it has begun") { !world.instances("seed").isEmpty }
            #expect(kill(apply.pid, SIGKILL) == 0)
            #expect(try await world.exitCode(of: apply) == 137)
            let web = try await world.runningInstance("web", number: 1)
            #expect(web.startedAt > world.instances("seed").first?.endedAt ?? .max)
            try await world.apply()
            #expect(try await world.runningInstance("web", number: 1) == web)
        }
    }
}

/// Random numbers that can be had again (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}
