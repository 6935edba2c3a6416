import Foundation
import Testing

/// Daemons that fork into the background within their own process tree (`pid_file`).
@Suite("Daemons that fork into the background", .serialized)
struct DaemonTests {
    private func declare(_ host: TestHost, _ commands: String = "", then: String = "", codes: [Int] = [0]) throws {
        let file = host.root + "/daemon.pid"
        let retry = codes == [0] ? "retry: {delay: 20ms}" : "retry: {max_attempts: 2, delay: 20ms}"
        try host.declare(
            "daemon",
            actions: .process(
                "\(commands) fork-away \(file) \(then)",
                "pid_file: \(file)",
                retry,
                "success_exit_codes: \(codes)"
            )
        )
    }

    /// Waits until the daemon is the main process of the job.
    private func daemon(_ host: TestHost, number: Int) async throws -> OracleInstance {
        let instance = try await host.runningInstance("daemon", number: number)
        try await eventually("\(instance.pid) is the main process of the job") {
            try await host.actionStatus("daemon")["pid"] as? Int == Int(instance.pid)
        }
        return instance
    }

    @Test("A forked daemon becomes the main process of its job")
    func daemonIsTheMainProcess() async throws {
        try await TestHost.with { host in
            try declare(host)
            try await host.apply()
            let instance = try await daemon(host, number: 2)
            #expect(host.instances("daemon").first?.end == .exit(code: 0))
            #expect(try await host.actionStatus("daemon")["restart_count"] as? Int == 0)
            try await host.expectEmptyDiff()
            #expect(try await host.run("down").exitCode == 0)
            #expect(host.instances("daemon").last?.stopRequestedAt != nil, "the daemon received the signal")
            #expect(host.instances("daemon").last?.end == .exit(code: 0))
            #expect(!isAlive(instance.pid))
            #expect(host.instances("daemon").count == 2)
        }
    }

    @Test("A killed daemon is restarted in the same job with its end recorded")
    func deadDaemonIsRestarted() async throws {
        try await TestHost.with { host in
            try declare(host)
            try await host.apply()
            let first = try await daemon(host, number: 2)
            let job = try await host.actionStatus("daemon")["job_id"] as? Int
            #expect(kill(first.pid, SIGKILL) == 0)
            let second = try await daemon(host, number: 4)
            #expect(second.pid != first.pid)
            #expect(try await host.actionStatus("daemon")["job_id"] as? Int == job)
            #expect(try await host.actionStatus("daemon")["restart_count"] as? Int == 1)
            _ = try await host.waitForEvent("warning", "signal KILL")
        }
    }

    @Test("A program that forks and exits with a failure code has failed")
    func forkWithFailureCode() async throws {
        try await TestHost.with { host in
            try declare(host, codes: [3])
            _ = try await host.run("apply")
            _ = try await host.waitForEvent("error", "failed after 2 attempts: exit code 0")
            #expect(try await host.actionStatus("daemon")["phase"] as? String == "failed")
            #expect(try await host.actionStatus("daemon")["exit_code"] as? Int == 0)
            #expect(host.instances("daemon").count == 4, "two attempts with two processes each")
            try await eventually("no process of the daemon runs") {
                host.instances("daemon").allSatisfy { !isAlive($0.pid) }
            }
        }
    }

    @Test("A new reconciler adopts a daemon that forked without a reconciler")
    func daemonIsAdopted() async throws {
        try await TestHost.with { host in
            try declare(host, "wait-for \(host.root)/go")
            try await host.apply()
            let first = try await host.runningInstance("daemon", number: 1)
            try await host.killReconciler()
            _ = FileManager.default.createFile(atPath: host.root + "/go", contents: nil)
            try await eventually("the daemon has forked") { !isAlive(first.pid) && host.instances("daemon").count == 2 }
            try await host.apply()
            let instance = try await daemon(host, number: 2)
            try await host.killReconciler()
            try await host.apply()
            #expect(try await daemon(host, number: 2).pid == instance.pid)
            #expect(try await host.actionStatus("daemon")["restart_count"] as? Int == 0)
            #expect(try await host.run("down").exitCode == 0)
            #expect(host.instances("daemon").last?.end == .exit(code: 0))
        }
    }
}
