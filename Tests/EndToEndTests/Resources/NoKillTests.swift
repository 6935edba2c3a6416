import Foundation
import Glibc
import HeroLinux
import Testing

/// `--no-kill` where it counts: at the moment in which the reconciler would act (contract section 5).
@Suite("Nobody is to be stopped", .serialized)
struct NoKillTests {
    /// What the live reconciler answers to an apply of the services directory, asked without the plan of a command line before it.
    private func requestApply(_ world: TestHost, kills: Bool) async throws -> String {
        let text = world.readText(world.servicesDirectory + "/web.yaml")
        let request: [String: Any] = [
            "verb": "apply", "directory": world.servicesDirectory, "actor": "test", "all": false, "prunes": true,
            "requiresCore": false, "only": [], "kills": kills, "allowsProtected": false, "allowsDisruption": false,
            "variables": [:], "files": [["path": "web.yaml", "folder": world.servicesDirectory, "text": text]],
        ]
        let client = try #require(try ControlClient.connect(world.paths))
        try client.send(Array(JSONSerialization.data(withJSONObject: request)))
        var answers = ""
        while case .line(let line) = client.nextLine(timeout: .seconds(20)) {
            answers += String(decoding: line, as: UTF8.self) + "\n"
        }
        return answers
    }

    @Test("a holder that came after the plan of the command line is refused by the reconciler itself, and lives")
    func lateHolderIsRefused() async throws {
        try await TestHost.with { world in
            try world.declare("other")
            try await world.apply()
            let port = try freePort()
            world.removeManifest("other")
            try world.declare(
                "web",
                actions: .process("listen \(port)", "tcp_ports: [\(port)]", "kill_others: true", "retry: {delay: 50ms}")
            )
            // The plan of a command line at this moment finds nothing in the way.
            #expect(try await world.run("diff", "--no-kill").exitCode == 1)
            let stranger = try StartBlockerTests.ForeignProcess("listen", "\(port)")
            try await eventually("the stranger listens") { isListening(port) }
            let revisions = try await world.run("history", "-o", "json").output

            let refused = try await requestApply(world, kills: false)
            #expect(refused.contains("\"refused\""), "\(refused)")
            #expect(refused.contains("pid \(stranger.pid) "), "\(refused)")
            #expect(refused.contains("--no-kill") && refused.contains("reclaim-needed"), "\(refused)")
            #expect(stranger.isRunning)
            #expect(world.instances("web").isEmpty && world.instances("other").count == 1)
            #expect(try await world.run("history", "-o", "json").output == revisions)

            // Without the word it may be stopped, as the manifest says.
            let done = try await requestApply(world, kills: true)
            #expect(done.contains("\"done\""), "\(done)")
            #expect(!stranger.isRunning)
            _ = try await world.runningInstance("web", number: 1)
        }
    }
}
