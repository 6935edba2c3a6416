import Foundation
import Glibc
import Testing

/// Scripts and real servers.
extension NotifyTests {
    /// Declares a service with one script.
    private func declareScript(_ host: TestHost, _ lines: String..., fields: String...) throws {
        let head = ["kind: Service", "name: web", "actions:", "  - name: run", "    is_process: true", "    script: |"]
        let all = head + lines.map { "      " + $0 } + (Self.fields + fields).map { "    " + $0 }
        try host.writeManifest("web.yaml", all.joined(separator: "\n") + "\n")
    }

    private static let hasSystemdNotify = access("/usr/bin/systemd-notify", X_OK) == 0

    @Test(
        "The program systemd-notify works in a script",
        .enabled(if: hasSystemdNotify, "systemd-notify is not installed")
    )
    func systemdNotify() async throws {
        try await TestHost.with { host in
            try declareScript(host, "systemd-notify --ready --status='from a script'", "exec sleep 600")
            try await host.apply()
            #expect(try await host.actionStatus("web")["status_text"] as? String == "from a script")
            #expect(try await host.state(of: "web") == "running")
        }
    }

    private static let hasRedis = access("/usr/bin/redis-server", X_OK) == 0

    @Test(
        "The program redis-server reports its readiness through the notify protocol",
        .enabled(if: hasRedis, "redis-server is not installed")
    )
    func redis() async throws {
        try await TestHost.with { host in
            let port = try freePort()
            try declareScript(
                host,
                "exec redis-server --supervised systemd --bind 127.0.0.1 --port \(port) --save '' --dir \(host.root)"
            )
            try await host.apply()
            #expect(try await host.actionStatus("web")["status_text"] as? String == "Ready to accept connections")
            try await host.expectEmptyDiff()
        }
    }

    @Test("A flood of notifications creates a limited number of events")
    func notificationFlood() async throws {
        try await TestHost.with { host in
            let program =
                "import os, socket; s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); "
                + #"s.connect(os.environ["NOTIFY_SOCKET"]); "#
                + #"[s.send(b"RELOADING=1\nREADY=1\nMAINPID=1") for _ in iter(int, 1)]"#
            let began = bootTime()
            try declareScript(host, "/usr/bin/python3 -c '\(program)'")
            try await host.apply()
            var count = 0
            try await eventually("more notifications than the burst are refused") {
                count = try await host.events().count { ($0["text"] as? String ?? "").contains("MAINPID=1") }
                return count > 6
            }
            let seconds = Int((bootTime() - began) / 1_000_000_000) + 1
            #expect(count <= 5 + seconds, "\(count) in \(seconds) s")
            #expect(try await host.state(of: "web") == "running")
        }
    }

    @Test(
        "A service of another user can send notifications",
        .enabled(if: geteuid() == 0, "only root can become another user")
    )
    func otherUser() async throws {
        try await TestHost.with { host in
            let program = """
                import os, socket, time
                s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                s.connect(os.environ["NOTIFY_SOCKET"])
                s.send(b"READY=1\\nSTATUS=user %d" % os.getuid())
                time.sleep(1e6)
                """.split(separator: "\n").map { "      " + $0 }.joined(separator: "\n")
            try host.writeManifest(
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
            try await host.apply()
            #expect(try await host.actionStatus("web")["status_text"] as? String == "user 65534")
        }
    }
}
