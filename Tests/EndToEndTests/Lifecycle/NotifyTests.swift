import Foundation
import Glibc
import Testing

/// Programs that say themselves how they are (sd_notify(3); contract section 3, `ready` and `health`).
@Suite("Notify", .serialized)
struct NotifyTests {
    private static let fields = ["ready: {notify: true}", "retry: {delay: 20ms, factor: 1}"]

    private func declare(
        _ world: TestHost,
        _ name: String,
        _ words: String,
        _ service: [String] = [],
        _ keys: String...
    )
        throws
    {
        let deed = TestHost.OracleAction(name: "run", commands: words, fields: Self.fields + keys, isProcess: true)
        try world.writeManifest("\(name).yaml", world.manifest(name, service, [deed]))
    }

    private func createFile(_ world: TestHost, _ name: String) {
        _ = FileManager.default.createFile(atPath: "\(world.root)/\(name)", contents: nil)
    }

    @Test("RS-6: READY=1 gates the wave of those who require it")
    func readyGatesTheWave() async throws {
        try await TestHost.with { world in
            try declare(world, "db", "wait-for \(world.root)/go notify READY=1")
            try world.declare("web", "requires: [db]")
            _ = try await world.run("apply", "--no-wait")
            _ = try await world.runningInstance("db")
            try await eventually("it is starting") { try await world.state(of: "db") == "starting" }
            #expect(try await world.run("why", "db").output.contains("it says READY=1 on its NOTIFY_SOCKET"))
            #expect(world.instances("web").isEmpty)
            let moment = bootTime()
            createFile(world, "go")
            let web = try await world.runningInstance("web")
            #expect(web.startedAt > moment)
            try await eventually("both run") {
                let states = [try await world.state(of: "db"), try await world.state(of: "web")]
                return states == ["running", "running"]
            }
            try await world.expectEmptyDiff()
        }
    }

    @Test("SH-2: what said READY=1 is ready to the next reconciler, also when nobody was there to hear it")
    func readinessIsAdopted() async throws {
        try await TestHost.with { world in
            try declare(
                world,
                "web",
                "wait-for \(world.root)/go notify READY=1,STATUS=serving wait-for \(world.root)/on notify STATUS=idle"
            )
            _ = try await world.run("apply", "--no-wait")
            let life = try await world.runningInstance("web")
            try await eventually("it is starting") { try await world.state(of: "web") == "starting" }
            try await world.killReconciler()
            createFile(world, "go")
            try await eventually("its words are there to be read") {
                try await world.actionStatus("web")["status_text"] as? String == "serving"
            }
            try await world.apply()
            #expect(try await world.state(of: "web") == "running")
            try await world.killReconciler()
            #expect(try await world.actionStatus("web")["ready"] as? Bool == true)
            createFile(world, "on")
            try await eventually("nobody need live for its words") {
                try await world.actionStatus("web")["status_text"] as? String == "idle"
            }
            try await world.apply()
            #expect(try await world.actionStatus("web")["ready"] as? Bool == true)
            #expect(try await world.actionStatus("web")["pid"] as? Int == Int(life.pid))
            #expect(try await world.actionStatus("web")["restart_count"] as? Int == 0)
            #expect(world.instances("web").count == 1)
        }
    }

    @Test("its STATUS is shown by status and why, and no terminal obeys it")
    func statusTextIsShown() async throws {
        try await TestHost.with { world in
            try declare(world, "web", "notify READY=1,STATUS=three\\x1b[2J+clients")
            try await world.apply()
            try await eventually("it is there") {
                try await world.actionStatus("web")["status_text"] as? String == "three\u{1B}[2J clients"
            }
            #expect(try await world.run("status").output.contains("says: three\\x1b[2J clients"))
            #expect(try await world.run("why", "web").output.contains("run: three\\x1b[2J clients"))
        }
    }

    @Test("one that does not say so in time is stopped and tried again, and why says what is missing")
    func readyTimeout() async throws {
        try await TestHost.with { world in
            try declare(world, "web", "sleep -1", [], "start_timeout: 300ms")
            _ = try await world.run("apply", "--no-wait")
            _ = try await world.waitForEvent("warning", "was not ready within 300ms", "it has not said READY=1 yet")
            try await eventually("it is tried again") { world.instances("web").count > 1 }
            #expect(Set(world.instances("web").map(\.job)).count == 1)
        }
    }

    @Test("it reloads without going down, and what stops by itself comes back")
    func reloadingAndStopping() async throws {
        try await TestHost.with { world in
            let words =
                "notify READY=1 wait-for \(world.root)/reload notify RELOADING=1 wait-for \(world.root)/reloaded notify READY=1"
            try declare(
                world,
                "web",
                words + " wait-for \(world.root)/stop notify STOPPING=1 wait-for \(world.root)/gone exit 0"
            )
            try await world.apply()
            let first = try await world.runningInstance("web")
            createFile(world, "reload")
            try await eventually("it reloads") { try await world.actionStatus("web")["reloading"] as? Bool == true }
            #expect(try await world.state(of: "web") == "running")
            _ = try await world.waitForEvent("info", "says that it reloads")
            createFile(world, "reloaded")
            _ = try await world.waitForEvent("info", "has reloaded")
            createFile(world, "stop")
            try await eventually("it is no longer there for others") { try await world.state(of: "web") == "degraded" }
            #expect(try await world.actionStatus("web")["ready"] as? Bool == false)
            for name in ["reload", "reloaded", "stop"] { unlink("\(world.root)/\(name)") }
            createFile(world, "gone")
            let second = try await world.runningInstance("web", number: 2)
            #expect(
                second.job == first.job && second.restartCount == 1 && world.instances("web")[0].stopRequestedAt == nil
            )
            try await eventually("it is up again") { try await world.state(of: "web") == "running" }
        }
    }

    @Test(
        "RS-5: a program that stops pinging its watchdog is started again, in the same job, and its leftovers with it"
    )
    func missedWatchdogRestarts() async throws {
        try await TestHost.with { world in
            let words = "ping 50 ping-until \(world.root)/hang notify READY=1"
            try declare(world, "web", words, [], "health: {watchdog: 1s}")
            try await world.apply()
            let first = try await world.runningInstance("web")
            try await eventually("it is healthy") { try await world.actionStatus("web")["healthy"] as? Bool == true }
            let began = bootTime()
            try await eventually("it pings for longer than it may be silent") { bootTime() - began > 1_500_000_000 }
            #expect(world.instances("web").count == 1)
            createFile(world, "hang")
            try await eventually("it is started again") { world.instances("web").count > 1 }
            unlink("\(world.root)/hang")
            let second = try await world.runningInstance("web")
            #expect(second.job == first.job && second.restartCount >= 1)
            #expect(world.instances("web")[0].stopRequestedAt != nil, "it was asked to end")
            _ = try await world.waitForEvent("warning", "is not healthy: it has not said WATCHDOG=1 for 1s")
            try await eventually("it is healthy again") {
                let action = try await world.actionStatus("web")
                return action["healthy"] as? Bool == true && action["restart_count"] as? Int ?? 0 >= second.restartCount
            }
        }
    }

    @Test("SH-2: a watchdog goes on with the next reconciler, and a program may trigger it itself")
    func watchdogTrigger() async throws {
        try await TestHost.with { world in
            let words = "ping 50 notify READY=1 wait-for \(world.root)/panic notify WATCHDOG=trigger"
            try declare(world, "web", words, [], "health: {watchdog: 1h}")
            try await world.apply()
            let first = try await world.runningInstance("web")
            try await world.killReconciler()
            createFile(world, "panic")
            try await eventually("it has said so") { world.instances("web").count == 1 && isAlive(first.pid) }
            try await world.apply()
            _ = try await world.waitForEvent("warning", "it triggered its watchdog itself")
            unlink("\(world.root)/panic")
            try await eventually("it is started again") { world.instances("web").count > 1 }
            try await eventually("it is up") { try await world.state(of: "web") == "running" }
        }
    }

    @Test(
        "MAINPID of a daemon that forks away is the job's process, adopted by the next reconciler, and its end is the job's"
    )
    func mainPIDOfDaemon() async throws {
        try await TestHost.with { world in
            try declare(world, "daemon", "wait-for \(world.root)/go notify-away READY=1")
            _ = try await world.run("apply", "--no-wait")
            let first = try await world.runningInstance("daemon", number: 1)
            try await eventually("the first process is the job's") {
                try await world.actionStatus("daemon")["pid"] as? Int == Int(first.pid)
            }
            createFile(world, "go")
            let life = try await world.runningInstance("daemon", number: 2)
            try await eventually("the first one has ended well") {
                world.instances("daemon").first?.end == .exit(code: 0)
            }
            try await eventually("the daemon is") {
                try await world.actionStatus("daemon")["pid"] as? Int == Int(life.pid)
            }
            _ = try await world.waitForEvent("info", "went on as pid \(life.pid), it says itself")
            try await world.killReconciler()
            try await world.apply()
            #expect(try await world.actionStatus("daemon")["pid"] as? Int == Int(life.pid))
            #expect(try await world.actionStatus("daemon")["restart_count"] as? Int == 0)
            #expect(kill(life.pid, SIGKILL) == 0)
            let next = try await world.runningInstance("daemon", number: 4)
            #expect(next.job == life.job)
            try await eventually("it is up again") {
                let action = try await world.actionStatus("daemon")
                return action["pid"] as? Int == Int(next.pid) && action["restart_count"] as? Int == 1
            }
            _ = try await world.waitForEvent("warning", "signal KILL")
            #expect(try await world.run("down").exitCode == 0)
            #expect(world.instances("daemon").last?.stopRequestedAt != nil, "the signal went to the daemon")
        }
    }

    @Test("MAINPID of a stranger is refused, and nobody signals it")
    func foreignMainPIDIsRefused() async throws {
        try await TestHost.with { world in
            try world.declare("other")
            try await world.apply()
            let other = try await world.runningInstance("other")
            try Data("\(other.pid)\n".utf8).write(to: URL(fileURLWithPath: world.root + "/pid"))
            try declare(world, "web", "notify-main \(world.root)/pid notify READY=1")
            try await world.apply()
            let life = try await world.runningInstance("web")
            _ = try await world.waitForEvent("warning", "said MAINPID=\(other.pid), which is no process of its tree")
            #expect(try await world.actionStatus("web")["pid"] as? Int == Int(life.pid))
            world.removeManifest("web")
            try await world.apply()
            #expect(!isAlive(life.pid) && isAlive(other.pid) && world.instances("other").last?.stopRequestedAt == nil)
        }
    }

    @Test("a helper that waits for its word to be heard is as good as the program, as systemd-notify does")
    func helperWithBarrier() async throws {
        try await TestHost.with { world in
            try declare(world, "web", "notify-barrier READY=1,STATUS=by+a+helper")
            try await world.apply()
            #expect(try await world.actionStatus("web")["status_text"] as? String == "by a helper")
        }
    }

    /// A service of one script.
    private func declareScript(_ world: TestHost, _ lines: String..., keys: String...) throws {
        let head = ["kind: Service", "name: web", "actions:", "  - name: run", "    is_process: true", "    script: |"]
        let all = head + lines.map { "      " + $0 } + (Self.fields + keys).map { "    " + $0 }
        try world.writeManifest("web.yaml", all.joined(separator: "\n") + "\n")
    }

    private static let hasSystemdNotify = access("/usr/bin/systemd-notify", X_OK) == 0

    @Test("systemd-notify itself is understood", .enabled(if: hasSystemdNotify, "systemd-notify is not installed"))
    func systemdNotify() async throws {
        try await TestHost.with { world in
            try declareScript(world, "systemd-notify --ready --status='from a script'", "exec sleep 600")
            try await world.apply()
            #expect(try await world.actionStatus("web")["status_text"] as? String == "from a script")
            #expect(try await world.state(of: "web") == "running")
        }
    }

    private static let hasRedis = access("/usr/bin/redis-server", X_OK) == 0

    @Test(
        "a server that speaks to systemd speaks to us: redis",
        .enabled(if: hasRedis, "redis-server is not installed")
    )
    func redis() async throws {
        try await TestHost.with { world in
            let port = try freePort()
            try declareScript(
                world,
                "exec redis-server --supervised systemd --bind 127.0.0.1 --port \(port) --save '' --dir \(world.root)"
            )
            try await world.apply()
            #expect(try await world.actionStatus("web")["status_text"] as? String == "Ready to accept connections")
            try await world.expectEmptyDiff()
        }
    }

    @Test("one that shouts makes no more events than people can read, and hears of its end all the same")
    func notificationFlood() async throws {
        try await TestHost.with { world in
            let program =
                "import os, socket; s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); "
                + #"s.connect(os.environ["NOTIFY_SOCKET"]); "#
                + #"[s.send(b"RELOADING=1\nREADY=1\nMAINPID=1") for _ in iter(int, 1)]"#
            let began = bootTime()
            try declareScript(world, "/usr/bin/python3 -c '\(program)'")
            try await world.apply()
            var count = 0
            try await eventually("it is refused more often than at once") {
                count = try await world.events().count { ($0["text"] as? String ?? "").contains("MAINPID=1") }
                return count > 6
            }
            let seconds = Int((bootTime() - began) / 1_000_000_000) + 1
            #expect(count <= 5 + seconds, "\(count) in \(seconds) s")
            #expect(try await world.state(of: "web") == "running")
        }
    }

    @Test("a service of another user can speak", .enabled(if: geteuid() == 0, "only root can become another user"))
    func otherUser() async throws {
        try await TestHost.with { world in
            let program = """
                import os, socket, time
                s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                s.connect(os.environ["NOTIFY_SOCKET"])
                s.send(b"READY=1\\nSTATUS=user %d" % os.getuid())
                time.sleep(1e6)
                """.split(separator: "\n").map { "      " + $0 }.joined(separator: "\n")
            try world.writeManifest(
                "web.yaml",
                """
                kind: Service
                name: web
                actions:
                  - name: run
                    is_process: true
                    user: nobody
                    interpreter: /usr/bin/python3
                    script: |
                \(program)
                    ready: {notify: true}
                """
            )
            try await world.apply()
            #expect(try await world.actionStatus("web")["status_text"] as? String == "user 65534")
        }
    }
}
