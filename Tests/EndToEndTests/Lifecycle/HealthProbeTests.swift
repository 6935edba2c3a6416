import Foundation
import Glibc
import Testing

/// A running process is not always a working one.
@Suite("Health and readiness probes", .serialized)
struct HealthProbeTests {
    /// Declares a service that is healthy while a file does not exist.
    private func declare(_ host: TestHost, _ name: String, _ fields: String...) throws {
        let probe = "health: {exec: [sh, -c, 'test ! -e \(host.root)/sick || { echo it is sick >&2; exit 1; }'], "
        try host.writeManifest(
            "\(name).yaml",
            host.manifest(
                name,
                [],
                [
                    TestHost.OracleAction(
                        name: "run",
                        commands: "sleep -1",
                        fields: [
                            probe + "interval: 50ms, timeout: 10s, failures: 2}", "retry: {delay: 10ms, jitter: 0}",
                        ]
                            + fields,
                        isProcess: true
                    )
                ]
            )
        )
    }

    private func setUnhealthy(_ host: TestHost, _ isSick: Bool) throws {
        let path = host.root + "/sick"
        if isSick { try Data().write(to: URL(fileURLWithPath: path)) } else { unlink(path) }
    }

    @Test("A health probe that only reports makes the service degraded and restarts nothing")
    func unhealthyServiceIsReported() async throws {
        try await TestHost.with { host in
            let probe = "exec: [test, '!', -e, \(host.root)/sick], interval: 50ms, timeout: 10s, failures: 2"
            let web = "kind: Service\nname: web\nexec: [sleep, '1000']\nhealth: {\(probe), then: report}\n"
            try host.writeManifest("web.yaml", web)
            try await host.apply()
            let pid = try await host.actionStatus("web", "main")["pid"] as? Int
            try setUnhealthy(host, true)
            try await eventually("the service is degraded") { try await host.state(of: "web") == "degraded" }
            #expect(try await host.actionStatus("web", "main")["healthy"] as? Bool == false)
            #expect(try await host.run("status").exitCode == 1)
            #expect(try await host.run("why", "web").output.contains("it is not healthy"))
            try await host.expectEmptyDiff()
            try setUnhealthy(host, false)
            try await eventually("the service is running again") { try await host.state(of: "web") == "running" }
            #expect(try await host.actionStatus("web", "main")["pid"] as? Int == pid)
            let texts = try await host.events().compactMap { $0["text"] as? String }
            #expect(texts.filter { $0.contains("is not healthy") }.count == 1, "\(texts)")
            #expect(texts.filter { $0.contains("is healthy again") }.count == 1, "\(texts)")
        }
    }

    @Test("A service that uses too much memory is reported, and restarted with the default reaction")
    func memoryLimitOfHealth() async throws {
        try await TestHost.with { host in
            // It uses 64 MiB in a child process as soon as a file exists.
            let watching = """
                while test ! -e \(host.root)/big; do sleep 0.05; done
                python3 -c 'import time; x = b"x" * (64 << 20); time.sleep(1000)' &
                sleep 1000
                """
            func manifest(_ name: String, _ script: String, _ then: String) -> String {
                let lines = script.split(separator: "\n").map { "  \($0)" }.joined(separator: "\n")
                return "kind: Service\nname: \(name)\nscript: |\n\(lines)\nretry: {delay: 10ms}\n"
                    + "health: {memory_below: 40MiB, interval: 50ms, timeout: 10s, failures: 2, then: \(then)}\n"
            }
            try host.writeManifest("shown.yaml", manifest("shown", watching, "report"))
            try host.writeManifest("again.yaml", manifest("again", watching, "restart"))
            try host.writeManifest("small.yaml", manifest("small", "exec sleep 1000", "restart"))
            try await host.apply()
            try await eventually("the memory of a small program is healthy") {
                try await host.actionStatus("small", "main")["healthy"] as? Bool == true
            }
            try setBig(host)
            try await eventually("the service is degraded") { try await host.state(of: "shown") == "degraded" }
            let why = try await host.run("why", "shown").output
            #expect(why.contains("MiB of memory, which is not below 40MiB"), "\(why)")
            _ = try await host.waitForEvent("warning", "of memory, which is not below 40MiB; stopping it")
            unlink(host.root + "/big")
            try await eventually("the service runs again with little memory") {
                try await host.actionStatus("again", "main")["healthy"] as? Bool == true
            }
        }
    }

    private func setBig(_ host: TestHost) throws {
        try Data().write(to: URL(fileURLWithPath: host.root + "/big"))
    }

    @Test("An unhealthy service is restarted in the same job (RS-5)")
    func unhealthyServiceIsRestarted() async throws {
        try await TestHost.with { host in
            try declare(host, "web")
            try await host.apply()
            let first = try await host.runningInstance("web")
            try await eventually("the service is healthy") {
                try await host.actionStatus("web")["healthy"] as? Bool == true
            }
            try setUnhealthy(host, true)
            // It may restart more than once while it is unhealthy.
            try await eventually("the service has restarted") { host.instances("web").count > 1 }
            try setUnhealthy(host, false)
            let second = try await host.runningInstance("web")
            #expect(second.job == first.job && second.restartCount >= 1 && !isAlive(first.pid))
            try await eventually("the service is healthy again") {
                try await host.actionStatus("web")["healthy"] as? Bool == true
            }
            let texts = try await host.events().compactMap { $0["text"] as? String }
            #expect(
                texts.contains { $0.contains("is not healthy: `sh` ended with exit code 1: it is sick") },
                "\(texts)"
            )
            try await host.expectEmptyDiff()
        }
    }

    @Test(
        "A new reconciler continues health probes and applies changed ones (SH-2)"
    )
    func probesContinueAfterAdoption() async throws {
        try await TestHost.with { host in
            try declare(host, "web")
            try await host.apply()
            let first = try await host.runningInstance("web")
            try await host.killReconciler()
            let watch = try host.startReconciler()
            try await eventually("the reconciler runs") { host.reconcilerPID == watch.pid }
            try setUnhealthy(host, true)
            // It may restart more than once while it is unhealthy.
            try await eventually("the service has restarted") { host.instances("web").count > 1 }
            try setUnhealthy(host, false)
            let second = try await host.runningInstance("web")
            #expect(second.job == first.job)
            try await eventually("the service is ready") { try await host.state(of: "web") == "running" }
            try host.declare("web")
            try await host.apply()
            let pid = try await host.actionStatus("web")["pid"] as? Int
            try await eventually("no probe runs") { try await host.actionStatus("web")["healthy"] is NSNull }
            #expect(try await host.actionStatus("web")["pid"] as? Int == pid)
        }
    }

    @Test("A service becomes ready by a matching log line of this start")
    func readyByLogLine() async throws {
        try await TestHost.with { host in
            try host.writeManifest(
                "web.yaml",
                """
                kind: Service
                name: web
                actions:
                  - name: run
                    is_process: true
                    script: |
                      n=$(cat \(host.root)/starts 2>/dev/null || echo 0)
                      echo $((n + 1)) > \(host.root)/starts
                      [ $n = 0 ] && echo "listening on port 80"
                      while [ $n = 1 ] && [ ! -e \(host.root)/speak ]; do sleep 0.02; done
                      echo "listening on port 81" >&2
                      exec sleep 600
                    ready: {log: "^listening on port [0-9]+$", interval: 20ms}
                    retry: {delay: 10ms}
                """
            )
            try await host.apply()
            let pid = try #require(try await host.actionStatus("web")["pid"] as? Int)
            #expect(kill(pid_t(pid), SIGKILL) == 0)
            try await eventually("the service runs again and is not ready") {
                let action = try await host.actionStatus("web")
                return action["pid"] as? Int != nil && action["pid"] as? Int != pid && action["ready"] as? Bool == false
            }
            #expect(try await host.state(of: "web") == "starting")
            try Data().write(to: URL(fileURLWithPath: host.root + "/speak"))
            try await eventually("the service is ready") { try await host.state(of: "web") == "running" }
        }
    }

    @Test("A service without its declared port is degraded until the port returns")
    func lostPortDegrades() async throws {
        try await TestHost.with { host in
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
            try Data(program.utf8).write(to: URL(fileURLWithPath: host.root + "/server.py"))
            try host.writeManifest(
                "web.yaml",
                """
                kind: Service
                name: web
                actions:
                  - name: run
                    is_process: true
                    exec: [/usr/bin/python3, \(host.root)/server.py, "\(port)", \(host.root)/sick]
                    tcp_ports: [\(port)]
                """
            )
            try await host.apply()
            let pid = try await host.actionStatus("web")["pid"] as? Int
            try setUnhealthy(host, true)
            try await eventually("the service is degraded") { try await host.state(of: "web") == "degraded" }
            #expect(try await host.run("why", "web").output.contains("does not listen on tcp \(port)"))
            try setUnhealthy(host, false)
            try await eventually("the service is running again") { try await host.state(of: "web") == "running" }
            #expect(try await host.actionStatus("web")["pid"] as? Int == pid)
        }
    }

    @Test("Processes left by a probe are ended with the probe (RS-5)")
    func probeProcessesAreEnded() async throws {
        try await TestHost.with { host in
            let pids = host.root + "/pids"
            let script =
                "setsid sh -c 'echo $$$$ >> \(pids); exec sleep 600' & while ! grep -q $! \(pids); do sleep 0.01; done"
            try host.writeManifest(
                "web.yaml",
                host.manifest(
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
            try await host.apply()
            func daemons() -> [pid_t] { host.readText(pids).split(separator: "\n").compactMap { pid_t($0) } }
            try await eventually("the probe ran three times") { daemons().count >= 3 }
            #expect(daemons().dropLast().allSatisfy { !isAlive($0) })
            #expect(try await host.run("down").exitCode == 0)
            try await eventually("no process is left") { daemons().allSatisfy { !isAlive($0) } }
        }
    }

    @Test("An apply immediately retries a service that waits for its delay (RS-1)")
    func applyRetriesNow() async throws {
        try await TestHost.with { host in
            try host.declare("flaky", actions: .process("fails 1 1 sleep -1", "retry: {delay: 1h, max_delay: 1h}"))
            _ = try await host.run("apply", "--no-wait")
            try await eventually("the retry is scheduled") { try await host.state(of: "flaky") == "backing_off" }
            try await host.apply()
            let instances = host.instances("flaky")
            #expect(instances.count == 2 && Set(instances.map(\.job)).count == 1)
        }
    }

    @Test("A singleton without a PID file gets a generated one (PF-4)")
    func generatedPIDFile() async throws {
        try await TestHost.with { host in
            try host.declare("web", actions: .process("sleep -1", "singleton: true", "retry: {delay: 10ms}"))
            try await host.apply()
            let path = host.stateDirectory + "/pids/core.web.run.pid"
            let first = try await host.runningInstance("web")
            try await eventually("the file names the program") { host.readText(path) == "\(first.pid)\n" }
            var file = stat()
            #expect(stat(path, &file) == 0 && file.st_mode & 0o777 == 0o644)
            #expect(kill(first.pid, SIGKILL) == 0)
            let second = try await host.runningInstance("web", number: 2)
            try await eventually("the file names the next program") { host.readText(path) == "\(second.pid)\n" }
            #expect(try await host.run("down").exitCode == 0)
            try await eventually("the PID file is gone") { access(path, F_OK) != 0 }
        }
    }
}
