import Foundation
import Glibc
import Testing

/// Programs that report their state with sd_notify(3) (`ready` and `health`).
@Suite("Notify protocol", .serialized)
struct NotifyTests {
    static let fields = ["ready: {notify: true}", "retry: {delay: 20ms, factor: 1}"]

    private func declare(
        _ host: TestHost,
        _ name: String,
        _ commands: String,
        _ service: [String] = [],
        _ fields: String...
    )
        throws
    {
        let action = TestHost.OracleAction(
            name: "run",
            commands: commands,
            fields: Self.fields + fields,
            isProcess: true
        )
        try host.writeManifest("\(name).yaml", host.manifest(name, service, [action]))
    }

    private func createFile(_ host: TestHost, _ name: String) {
        _ = FileManager.default.createFile(atPath: "\(host.root)/\(name)", contents: nil)
    }

    @Test("READY=1 gates the wave of the dependents (RS-6)")
    func readyGatesTheWave() async throws {
        try await TestHost.with { host in
            try declare(host, "db", "wait-for \(host.root)/go notify READY=1")
            try host.declare("web", "requires: [db]")
            _ = try await host.run("apply", "--no-wait")
            _ = try await host.runningInstance("db")
            try await eventually("the service is starting") { try await host.state(of: "db") == "starting" }
            #expect(try await host.run("why", "db").output.contains("it sends READY=1 to its NOTIFY_SOCKET"))
            #expect(host.instances("web").isEmpty)
            let moment = bootTime()
            createFile(host, "go")
            let web = try await host.runningInstance("web")
            #expect(web.startedAt > moment)
            try await eventually("both services run") {
                let states = [try await host.state(of: "db"), try await host.state(of: "web")]
                return states == ["running", "running"]
            }
            try await host.expectEmptyDiff()
        }
    }

    @Test("READY=1 sent without a running reconciler counts for the next one (SH-2)")
    func readinessIsAdopted() async throws {
        try await TestHost.with { host in
            try declare(
                host,
                "web",
                "wait-for \(host.root)/go notify READY=1,STATUS=serving wait-for \(host.root)/on notify STATUS=idle"
            )
            _ = try await host.run("apply", "--no-wait")
            let instance = try await host.runningInstance("web")
            try await eventually("the service is starting") { try await host.state(of: "web") == "starting" }
            try await host.killReconciler()
            createFile(host, "go")
            try await eventually("status shows the notification") {
                try await host.actionStatus("web")["status_text"] as? String == "serving"
            }
            try await host.apply()
            #expect(try await host.state(of: "web") == "running")
            try await host.killReconciler()
            #expect(try await host.actionStatus("web")["ready"] as? Bool == true)
            createFile(host, "on")
            try await eventually("status shows the notification without a reconciler") {
                try await host.actionStatus("web")["status_text"] as? String == "idle"
            }
            try await host.apply()
            #expect(try await host.actionStatus("web")["ready"] as? Bool == true)
            #expect(try await host.actionStatus("web")["pid"] as? Int == Int(instance.pid))
            #expect(try await host.actionStatus("web")["restart_count"] as? Int == 0)
            #expect(host.instances("web").count == 1)
        }
    }

    @Test("Status and why show STATUS with escaped control characters")
    func statusTextIsShown() async throws {
        try await TestHost.with { host in
            try declare(host, "web", "notify READY=1,STATUS=three\\x1b[2J+clients")
            try await host.apply()
            try await eventually("the reconciler runs") {
                try await host.actionStatus("web")["status_text"] as? String == "three\u{1B}[2J clients"
            }
            #expect(try await host.run("status").output.contains("says: three\\x1b[2J clients"))
            #expect(try await host.run("why", "web").output.contains("run: three\\x1b[2J clients"))
        }
    }

    @Test("A service without READY=1 in time is stopped and retried")
    func readyTimeout() async throws {
        try await TestHost.with { host in
            try declare(host, "web", "sleep -1", [], "start_timeout: 300ms")
            _ = try await host.run("apply", "--no-wait")
            _ = try await host.waitForEvent("warning", "was not ready within 300ms", "it has not sent READY=1 yet")
            try await eventually("the service has restarted") { host.instances("web").count > 1 }
            #expect(Set(host.instances("web").map(\.job)).count == 1)
        }
    }

    @Test("RELOADING=1 keeps a service running, STOPPING=1 makes it degraded")
    func reloadingAndStopping() async throws {
        try await TestHost.with { host in
            let commands =
                "notify READY=1 wait-for \(host.root)/reload notify RELOADING=1 wait-for \(host.root)/reloaded notify READY=1"
            try declare(
                host,
                "web",
                commands + " wait-for \(host.root)/stop notify STOPPING=1 wait-for \(host.root)/gone exit 0"
            )
            try await host.apply()
            let first = try await host.runningInstance("web")
            createFile(host, "reload")
            try await eventually("the service reloads") {
                try await host.actionStatus("web")["reloading"] as? Bool == true
            }
            #expect(try await host.state(of: "web") == "running")
            _ = try await host.waitForEvent("info", "reported that it is reloading")
            createFile(host, "reloaded")
            _ = try await host.waitForEvent("info", "has reloaded")
            createFile(host, "stop")
            try await eventually("the service is degraded") { try await host.state(of: "web") == "degraded" }
            #expect(try await host.actionStatus("web")["ready"] as? Bool == false)
            for name in ["reload", "reloaded", "stop"] { unlink("\(host.root)/\(name)") }
            createFile(host, "gone")
            let second = try await host.runningInstance("web", number: 2)
            #expect(
                second.job == first.job && second.restartCount == 1 && host.instances("web")[0].stopRequestedAt == nil
            )
            try await eventually("the service is running again") { try await host.state(of: "web") == "running" }
        }
    }

    @Test(
        "A program that misses its watchdog is restarted in the same job (RS-5)"
    )
    func missedWatchdogRestarts() async throws {
        try await TestHost.with { host in
            let commands = "ping 50 ping-until \(host.root)/hang notify READY=1"
            try declare(host, "web", commands, [], "health: {watchdog: 1s}")
            try await host.apply()
            let first = try await host.runningInstance("web")
            try await eventually("the service is healthy") {
                try await host.actionStatus("web")["healthy"] as? Bool == true
            }
            let began = bootTime()
            try await eventually("the time exceeds the watchdog interval") { bootTime() - began > 1_500_000_000 }
            #expect(host.instances("web").count == 1)
            createFile(host, "hang")
            try await eventually("the service has restarted") { host.instances("web").count > 1 }
            unlink("\(host.root)/hang")
            let second = try await host.runningInstance("web")
            #expect(second.job == first.job && second.restartCount >= 1)
            #expect(host.instances("web")[0].stopRequestedAt != nil, "the program received its stop signal")
            _ = try await host.waitForEvent("warning", "is not healthy: it has not sent WATCHDOG=1 for 1s")
            try await eventually("the service is healthy again") {
                let action = try await host.actionStatus("web")
                return action["healthy"] as? Bool == true && action["restart_count"] as? Int ?? 0 >= second.restartCount
            }
        }
    }

    @Test("A new reconciler honors WATCHDOG=trigger (SH-2)")
    func watchdogTrigger() async throws {
        try await TestHost.with { host in
            let commands = "ping 50 notify READY=1 wait-for \(host.root)/panic notify WATCHDOG=trigger"
            try declare(host, "web", commands, [], "health: {watchdog: 1h}")
            try await host.apply()
            let first = try await host.runningInstance("web")
            try await host.killReconciler()
            createFile(host, "panic")
            try await eventually("the program has notified") { host.instances("web").count == 1 && isAlive(first.pid) }
            // Each further start fails in the same way, until the file is removed.
            _ = try await host.run("apply", "--no-wait")
            _ = try await host.waitForEvent("warning", "it sent WATCHDOG=trigger")
            unlink("\(host.root)/panic")
            try await eventually("the service has restarted") { host.instances("web").count > 1 }
            try await eventually("the service is ready") { try await host.state(of: "web") == "running" }
        }
    }

    @Test(
        "MAINPID makes a forked daemon the main process of its job"
    )
    func mainPIDOfDaemon() async throws {
        try await TestHost.with { host in
            try declare(host, "daemon", "wait-for \(host.root)/go notify-away READY=1")
            _ = try await host.run("apply", "--no-wait")
            let first = try await host.runningInstance("daemon", number: 1)
            try await eventually("the first process is the main process") {
                try await host.actionStatus("daemon")["pid"] as? Int == Int(first.pid)
            }
            createFile(host, "go")
            let instance = try await host.runningInstance("daemon", number: 2)
            try await eventually("the first process has exited with 0") {
                host.instances("daemon").first?.end == .exit(code: 0)
            }
            try await eventually("the daemon is the main process") {
                try await host.actionStatus("daemon")["pid"] as? Int == Int(instance.pid)
            }
            _ = try await host.waitForEvent("info", "its main process is now pid \(instance.pid), named by MAINPID")
            try await host.killReconciler()
            try await host.apply()
            #expect(try await host.actionStatus("daemon")["pid"] as? Int == Int(instance.pid))
            #expect(try await host.actionStatus("daemon")["restart_count"] as? Int == 0)
            #expect(kill(instance.pid, SIGKILL) == 0)
            let next = try await host.runningInstance("daemon", number: 4)
            #expect(next.job == instance.job)
            try await eventually("the service is running again") {
                let action = try await host.actionStatus("daemon")
                return action["pid"] as? Int == Int(next.pid) && action["restart_count"] as? Int == 1
            }
            _ = try await host.waitForEvent("warning", "signal KILL")
            #expect(try await host.run("down").exitCode == 0)
            #expect(host.instances("daemon").last?.stopRequestedAt != nil, "the daemon received the signal")
        }
    }

    @Test("MAINPID of a foreign process is refused, and no signal is sent")
    func foreignMainPIDIsRefused() async throws {
        try await TestHost.with { host in
            try host.declare("other")
            try await host.apply()
            let other = try await host.runningInstance("other")
            try Data("\(other.pid)\n".utf8).write(to: URL(fileURLWithPath: host.root + "/pid"))
            try declare(host, "web", "notify-main \(host.root)/pid notify READY=1")
            try await host.apply()
            let instance = try await host.runningInstance("web")
            _ = try await host.waitForEvent(
                "warning",
                "ignored MAINPID=\(other.pid): the process is not in its process tree"
            )
            #expect(try await host.actionStatus("web")["pid"] as? Int == Int(instance.pid))
            host.removeManifest("web")
            try await host.apply()
            #expect(
                !isAlive(instance.pid) && isAlive(other.pid) && host.instances("other").last?.stopRequestedAt == nil
            )
        }
    }

    @Test("A helper process that uses a barrier can notify for its service")
    func helperWithBarrier() async throws {
        try await TestHost.with { host in
            try declare(host, "web", "notify-barrier READY=1,STATUS=by+a+helper")
            try await host.apply()
            #expect(try await host.actionStatus("web")["status_text"] as? String == "by a helper")
        }
    }
}
