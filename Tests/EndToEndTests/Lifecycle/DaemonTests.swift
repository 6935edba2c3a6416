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

    @Test("A dependent of a daemon starts after its PID file exists")
    func dependentFindsPIDFile() async throws {
        try await TestHost.with { host in
            let file = host.root + "/daemon.pid"
            try declare(host)
            try host.writeManifest(
                "dependent.yaml",
                """
                kind: Service
                name: dependent
                requires: [daemon]
                actions:
                  - name: run
                    exec: [test, -s, \(file)]
                """
            )
            try await host.apply()
            #expect(try await host.state(of: "dependent") == "exited")
        }
    }

    @Test("Why a PID file is not accepted is shown by status, why and events")
    func refusedPIDFileIsNamed() async throws {
        try await TestHost.with { host in
            let file = host.root + "/daemon.pid"
            let script = "(setsid sh -c 'umask 0; echo $$$$ > \(file); exec sleep 1000' &); sleep 0.1"
            try host.writeManifest(
                "daemon.yaml",
                """
                kind: Service
                name: daemon
                actions:
                  - name: run
                    is_process: true
                    exec: [sh, -c, "\(script)"]
                    pid_file: \(file)
                    start_timeout: 3s
                    stop: {timeout: 1s}
                    retry: {delay: 60s}
                """
            )
            _ = try await host.run("apply", "--timeout", "2s")
            let problem = "\(file) can be written by its group or by all users"
            _ = try await host.waitForEvent("warning", problem)
            try await eventually("status names the problem") {
                try await host.run("status").output.contains(problem)
            }
            try await eventually("the reason of the retry names the problem") {
                let phase = try await host.actionStatus("daemon")["phase"] as? String
                let status = try await host.run("status").output
                return phase == "retrying" && status.contains(problem)
            }
            #expect(try await host.run("why", "daemon").output.contains(problem))
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
            _ = try await host.waitForEvent("error", "failed after 2 attempts: ended before it was ready: exit code 0")
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

    @Test("A PID file of an earlier start is removed before a start")
    func leftPIDFileIsRemoved() async throws {
        try await TestHost.with { host in
            let file = host.root + "/own.pid"
            try host.writeManifest(
                "own.yaml",
                """
                kind: Service
                name: own
                actions:
                  - name: run
                    is_process: true
                    exec: [sh, -c, "test ! -e \(file) || exit 9; echo $$$$ > \(file); exec sleep 1000"]
                    pid_file: \(file)
                    retry: {delay: 20ms}
                """
            )
            try await host.apply()
            let first = try await host.actionStatus("own")
            let pid = try #require(first["pid"] as? Int)
            #expect(kill(pid_t(pid), SIGKILL) == 0)
            try await eventually("the program runs again in the same job", within: 30) {
                let status = try await host.actionStatus("own")
                return status["restart_count"] as? Int == 1 && status["ready"] as? Bool == true
            }
            #expect(try await host.actionStatus("own")["job_id"] as? Int == first["job_id"] as? Int)
            #expect(try await host.run("down").exitCode == 0)
            #expect(FileManager.default.fileExists(atPath: file), "a stop does not remove the file")
            try await host.apply()
            #expect(try await host.actionStatus("own")["restart_count"] as? Int == 0)
            let events = try await host.run("events").output
            #expect(!events.contains("exit code 9"), "\(events)")
            #expect(events.contains("removing PID file \(file) of an earlier start"), "\(events)")
        }
    }

    @Test("A file that no earlier start has written stays, and a warning names it")
    func unknownPIDFileStays() async throws {
        try await TestHost.with { host in
            let file = host.root + "/other.pid"
            try Data("99999999\n".utf8).write(to: URL(fileURLWithPath: file))
            try host.declare("other", actions: .process("sleep -1", "pid_file: \(file)"))
            try await host.apply()
            _ = try await host.waitForEvent(
                "warning",
                "PID file \(file) is not removed before the start: no earlier start of this action is recorded"
            )
            #expect(try String(contentsOfFile: file, encoding: .utf8) == "99999999\n")
        }
    }
}
