import Foundation
import Glibc
import Testing

/// A process that lives is not always one that works.
@Suite("Health and readiness", .serialized)
struct HealthProbeTests {
    /// A service whose health is whether a file is not there.
    private func declare(_ world: TestHost, _ name: String, _ keys: String...) throws {
        let probe = "health: {exec: [sh, -c, 'test ! -e \(world.root)/sick || { echo it is sick >&2; exit 1; }'], "
        try world.writeManifest(
            "\(name).yaml",
            world.manifest(
                name,
                [],
                [
                    TestHost.OracleAction(
                        name: "run",
                        commands: "sleep -1",
                        fields: [
                            probe + "interval: 50ms, timeout: 10s, failures: 2}", "retry: {delay: 10ms, jitter: 0}",
                        ]
                            + keys,
                        isProcess: true
                    )
                ]
            )
        )
    }

    private func setUnhealthy(_ world: TestHost, _ isSick: Bool) throws {
        let path = world.root + "/sick"
        if isSick { try Data().write(to: URL(fileURLWithPath: path)) } else { unlink(path) }
    }

    @Test("RS-5: what does not answer its health probe is stopped and started again, in the same job")
    func unhealthyServiceIsRestarted() async throws {
        try await TestHost.with { world in
            try declare(world, "web")
            try await world.apply()
            let first = try await world.runningInstance("web")
            try await eventually("it is healthy") { try await world.actionStatus("web")["healthy"] as? Bool == true }
            try setUnhealthy(world, true)
            // While it is sick it may be started more than once.
            try await eventually("it is started again") { world.instances("web").count > 1 }
            try setUnhealthy(world, false)
            let second = try await world.runningInstance("web")
            #expect(second.job == first.job && second.restartCount >= 1 && !isAlive(first.pid))
            try await eventually("it is healthy again") {
                try await world.actionStatus("web")["healthy"] as? Bool == true
            }
            let texts = try await world.events().compactMap { $0["text"] as? String }
            #expect(
                texts.contains { $0.contains("is not healthy: `sh` ended with exit code 1: it is sick") },
                "\(texts)"
            )
            try await world.expectEmptyDiff()
        }
    }

    @Test(
        "SH-2: the next reconciler goes on asking what it adopts, and a probe that is changed counts without a restart"
    )
    func probesContinueAfterAdoption() async throws {
        try await TestHost.with { world in
            try declare(world, "web")
            try await world.apply()
            let first = try await world.runningInstance("web")
            try await world.killReconciler()
            let watch = try world.startReconciler()
            try await eventually("it is there") { world.reconcilerPID == watch.pid }
            try setUnhealthy(world, true)
            // While it is sick it may be started more than once.
            try await eventually("it is started again") { world.instances("web").count > 1 }
            try setUnhealthy(world, false)
            let second = try await world.runningInstance("web")
            #expect(second.job == first.job)
            try await eventually("it is up") { try await world.state(of: "web") == "running" }
            try world.declare("web")
            try await world.apply()
            let pid = try await world.actionStatus("web")["pid"] as? Int
            try await eventually("nobody asks") { try await world.actionStatus("web")["healthy"] is NSNull }
            #expect(try await world.actionStatus("web")["pid"] as? Int == pid)
        }
    }

    @Test("a process that must say something is ready when a line of this start matches")
    func readyByLogLine() async throws {
        try await TestHost.with { world in
            try world.writeManifest(
                "web.yaml",
                """
                kind: Service
                name: web
                actions:
                  - name: run
                    is_process: true
                    script: |
                      n=$(cat \(world.root)/starts 2>/dev/null || echo 0)
                      echo $((n + 1)) > \(world.root)/starts
                      [ $n = 0 ] && echo "listening on port 80"
                      while [ $n = 1 ] && [ ! -e \(world.root)/speak ]; do sleep 0.02; done
                      echo "listening on port 81" >&2
                      exec sleep 600
                    ready: {log: "^listening on port [0-9]+$", interval: 20ms}
                    retry: {delay: 10ms}
                """
            )
            try await world.apply()
            let pid = try #require(try await world.actionStatus("web")["pid"] as? Int)
            #expect(kill(pid_t(pid), SIGKILL) == 0)
            try await eventually("it runs again, and is not ready") {
                let action = try await world.actionStatus("web")
                return action["pid"] as? Int != nil && action["pid"] as? Int != pid && action["ready"] as? Bool == false
            }
            #expect(try await world.state(of: "web") == "starting")
            try Data().write(to: URL(fileURLWithPath: world.root + "/speak"))
            try await eventually("it is ready") { try await world.state(of: "web") == "running" }
        }
    }

    @Test("a service is degraded when its port is gone although it lives, and running again when it is back")
    func lostPortDegrades() async throws {
        try await TestHost.with { world in
            let port = try freePort()
            let program = """
                import os, socket, sys, time
                there = None
                while True:
                    wanted = not os.path.exists(sys.argv[2])
                    if wanted and there is None:
                        there = socket.create_server(("127.0.0.1", int(sys.argv[1])))
                    if not wanted and there is not None:
                        there.close()
                        there = None
                    time.sleep(0.02)
                """
            try Data(program.utf8).write(to: URL(fileURLWithPath: world.root + "/server.py"))
            try world.writeManifest(
                "web.yaml",
                """
                kind: Service
                name: web
                actions:
                  - name: run
                    is_process: true
                    exec: [/usr/bin/python3, \(world.root)/server.py, "\(port)", \(world.root)/sick]
                    tcp_ports: [\(port)]
                """
            )
            try await world.apply()
            let pid = try await world.actionStatus("web")["pid"] as? Int
            try setUnhealthy(world, true)
            try await eventually("it is degraded") { try await world.state(of: "web") == "degraded" }
            #expect(try await world.run("why", "web").output.contains("does not listen on tcp \(port)"))
            try setUnhealthy(world, false)
            try await eventually("it is running again") { try await world.state(of: "web") == "running" }
            #expect(try await world.actionStatus("web")["pid"] as? Int == pid)
        }
    }

    @Test("RS-5: what a probe leaves behind is ended with it, also what became a daemon")
    func probeProcessesAreEnded() async throws {
        try await TestHost.with { world in
            let pids = world.root + "/pids"
            let script =
                "setsid sh -c 'echo $$$$ >> \(pids); exec sleep 600' & while ! grep -q $! \(pids); do sleep 0.01; done"
            try world.writeManifest(
                "web.yaml",
                world.manifest(
                    "web",
                    [],
                    [
                        .process(
                            "sleep -1",
                            "health: {exec: [sh, -c, \"\(script)\"], interval: 20ms, timeout: 20s}"
                        )
                    ]
                )
            )
            try await world.apply()
            func daemons() -> [pid_t] { world.readText(pids).split(separator: "\n").compactMap { pid_t($0) } }
            try await eventually("it was asked three times") { daemons().count >= 3 }
            #expect(daemons().dropLast().allSatisfy { !isAlive($0) })
            #expect(try await world.run("down").exitCode == 0)
            try await eventually("nobody is left") { daemons().allSatisfy { !isAlive($0) } }
        }
    }

    @Test("RS-1: an apply tries at once what waits for its next try")
    func applyRetriesNow() async throws {
        try await TestHost.with { world in
            try world.declare("flaky", actions: .process("fails 1 1 sleep -1", "retry: {delay: 1h, max_delay: 1h}"))
            _ = try await world.run("apply", "--no-wait")
            try await eventually("it waits") { try await world.state(of: "flaky") == "backing_off" }
            try await world.apply()
            let lives = world.instances("flaky")
            #expect(lives.count == 2 && Set(lives.map(\.job)).count == 1)
        }
    }

    @Test("PF-4: a singleton that names no PID file has one of ours while it runs")
    func generatedPIDFile() async throws {
        try await TestHost.with { world in
            try world.declare("web", actions: .process("sleep -1", "singleton: true", "retry: {delay: 10ms}"))
            try await world.apply()
            let path = world.stateDirectory + "/pids/core.web.run.pid"
            let first = try await world.runningInstance("web")
            try await eventually("it names the program") { world.readText(path) == "\(first.pid)\n" }
            var file = stat()
            #expect(stat(path, &file) == 0 && file.st_mode & 0o777 == 0o644)
            #expect(kill(first.pid, SIGKILL) == 0)
            let second = try await world.runningInstance("web", number: 2)
            try await eventually("it names the next one") { world.readText(path) == "\(second.pid)\n" }
            #expect(try await world.run("down").exitCode == 0)
            try await eventually("it is gone") { access(path, F_OK) != 0 }
        }
    }
}
