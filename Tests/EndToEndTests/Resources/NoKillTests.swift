import Foundation
import Glibc
import HeroLinux
import Testing

/// `--no-kill` when the reconciler acts, after the client has made its plan.
@Suite("Applies with --no-kill", .serialized)
struct NoKillTests {
    /// Sends an apply of the services directory to the running reconciler, without the plan of a client, and returns
    /// the reply.
    private func requestApply(_ host: TestHost, kills: Bool) async throws -> String {
        let text = host.readText(host.servicesDirectory + "/web.yaml")
        let request: [String: Any] = [
            "verb": "apply", "directory": host.servicesDirectory, "actor": "test", "all": false, "prunes": true,
            "requiresCore": false, "only": [], "kills": kills, "allowsProtected": false, "allowsDisruption": false,
            "variables": [:], "files": [["path": "web.yaml", "folder": host.servicesDirectory, "text": text]],
        ]
        let client = try #require(try ControlClient.connect(host.paths))
        try client.send(Array(JSONSerialization.data(withJSONObject: request)))
        var results = ""
        while case .line(let line) = client.nextLine(timeout: .seconds(20)) {
            results += String(decoding: line, as: UTF8.self) + "\n"
        }
        return results
    }

    @Test("With --no-kill the reconciler refuses a port holder that appeared late")
    func lateHolderIsRefused() async throws {
        try await TestHost.with { host in
            try host.declare("other")
            try await host.apply()
            let port = try freePort()
            host.removeManifest("other")
            try host.declare(
                "web",
                actions: .process("listen \(port)", "tcp_ports: [\(port)]", "kill_others: true", "retry: {delay: 50ms}")
            )
            // The plan of a client finds no blocker at this time.
            #expect(try await host.run("diff", "--no-kill").exitCode == 1)
            let foreignProcess = try ForeignProcess("listen", "\(port)")
            try await eventually("the foreign process listens") { isListening(port) }
            let revisions = try await host.run("history", "-o", "json").output

            let refused = try await requestApply(host, kills: false)
            #expect(refused.contains("\"refused\""), "\(refused)")
            #expect(refused.contains("pid \(foreignProcess.pid) "), "\(refused)")
            #expect(refused.contains("--no-kill") && refused.contains("reclaim-needed"), "\(refused)")
            #expect(foreignProcess.isRunning)
            #expect(host.instances("web").isEmpty && host.instances("other").count == 1)
            #expect(try await host.run("history", "-o", "json").output == revisions)

            // Without --no-kill the holder may be stopped, as the manifest allows.
            let done = try await requestApply(host, kills: true)
            #expect(done.contains("\"done\""), "\(done)")
            #expect(!foreignProcess.isRunning)
            _ = try await host.runningInstance("web", number: 1)
        }
    }
}
