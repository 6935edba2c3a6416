import Foundation
import Testing

/// Daemons that fork away inside their own tree (contract section 3, `pid_file`).
@Suite("Daemons that fork away", .serialized)
struct DaemonTests {
    private func declare(_ world: TestHost, _ words: String = "", then: String = "", codes: [Int] = [0]) throws {
        let file = world.root + "/daemon.pid"
        let retry = codes == [0] ? "retry: {delay: 20ms}" : "retry: {max_attempts: 2, delay: 20ms}"
        try world.declare(
            "daemon",
            actions: .process(
                "\(words) fork-away \(file) \(then)",
                "pid_file: \(file)",
                retry,
                "success_exit_codes: \(codes)"
            )
        )
    }

    /// The daemon itself, once heroproc knows it as the job's process.
    private func daemon(_ world: TestHost, number: Int) async throws -> OracleInstance {
        let life = try await world.runningInstance("daemon", number: number)
        try await eventually("\(life.pid) is the job's process") {
            try await world.actionStatus("daemon")["pid"] as? Int == Int(life.pid)
        }
        return life
    }

    @Test("the daemon is the job's process: shown, asked to end, and its end is the job's")
    func daemonIsTheMainProcess() async throws {
        try await TestHost.with { world in
            try declare(world)
            try await world.apply()
            let life = try await daemon(world, number: 2)
            #expect(world.instances("daemon").first?.end == .exit(code: 0))
            #expect(try await world.actionStatus("daemon")["restart_count"] as? Int == 0)
            try await world.expectEmptyDiff()
            #expect(try await world.run("down").exitCode == 0)
            #expect(world.instances("daemon").last?.stopRequestedAt != nil, "the signal went to the daemon")
            #expect(world.instances("daemon").last?.end == .exit(code: 0))
            #expect(!isAlive(life.pid))
            #expect(world.instances("daemon").count == 2)
        }
    }

    @Test("a daemon that dies comes back in the same job, and how it died is known")
    func deadDaemonIsRestarted() async throws {
        try await TestHost.with { world in
            try declare(world)
            try await world.apply()
            let first = try await daemon(world, number: 2)
            let job = try await world.actionStatus("daemon")["job_id"] as? Int
            #expect(kill(first.pid, SIGKILL) == 0)
            let second = try await daemon(world, number: 4)
            #expect(second.pid != first.pid)
            #expect(try await world.actionStatus("daemon")["job_id"] as? Int == job)
            #expect(try await world.actionStatus("daemon")["restart_count"] as? Int == 1)
            _ = try await world.waitForEvent("warning", "signal KILL")
        }
    }

    @Test("a program that forks away with another code than its success codes has failed, whatever its file says")
    func forkWithFailureCode() async throws {
        try await TestHost.with { world in
            try declare(world, codes: [3])
            _ = try await world.run("apply")
            _ = try await world.waitForEvent("error", "failed after 2 attempts: exit code 0")
            #expect(try await world.actionStatus("daemon")["phase"] as? String == "failed")
            #expect(try await world.actionStatus("daemon")["exit_code"] as? Int == 0)
            #expect(world.instances("daemon").count == 4, "two tries, and what each of them had left")
            try await eventually("nothing of it lives") { world.instances("daemon").allSatisfy { !isAlive($0.pid) } }
        }
    }

    @Test("a reconciler that was killed adopts the daemon, also one that forked away meanwhile")
    func daemonIsAdopted() async throws {
        try await TestHost.with { world in
            try declare(world, "wait-for \(world.root)/go")
            try await world.apply()
            let first = try await world.runningInstance("daemon", number: 1)
            try await world.killReconciler()
            _ = FileManager.default.createFile(atPath: world.root + "/go", contents: nil)
            try await eventually("it has forked away") { !isAlive(first.pid) && world.instances("daemon").count == 2 }
            try await world.apply()
            let life = try await daemon(world, number: 2)
            try await world.killReconciler()
            try await world.apply()
            #expect(try await daemon(world, number: 2).pid == life.pid)
            #expect(try await world.actionStatus("daemon")["restart_count"] as? Int == 0)
            #expect(try await world.run("down").exitCode == 0)
            #expect(world.instances("daemon").last?.end == .exit(code: 0))
        }
    }
}
