import Foundation
import Glibc
import HeroLinux
import Testing

/// `--no-kill` where it counts: at the moment in which the reconciler would act (contract section 5).
@Suite("Nobody is to be stopped", .serialized)
struct NoKillTests {
    /// What the live reconciler answers to an apply of the services directory, asked without the plan of a command line before it.
    private func order(_ world: World, kills: Bool) async throws -> String {
        let text = world.text(world.services + "/web.yaml")
        let request: [String: Any] = [
            "verb": "apply", "directory": world.services, "actor": "test", "all": false, "prunes": true,
            "requiresCore": false, "only": [], "kills": kills, "allowsProtected": false, "allowsDisruption": false,
            "variables": [:], "files": [["path": "web.yaml", "folder": world.services, "text": text]],
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
    func late() async throws {
        try await World.with { world in
            try world.declare("other")
            try await world.apply()
            let port = try freePort()
            world.remove("other")
            try world.declare(
                "web",
                does: .process("listen \(port)", "tcp_ports: [\(port)]", "kill_others: true", "retry: {delay: 50ms}")
            )
            // The plan of a command line at this moment finds nothing in the way.
            #expect(try await world.run("diff", "--no-kill").code == 1)
            let stranger = try ReclaimTests.Stranger("listen", "\(port)")
            try await eventually("the stranger listens") { isListening(port) }
            let revisions = try await world.run("history", "-o", "json").out

            let refused = try await order(world, kills: false)
            #expect(refused.contains("\"refused\""), "\(refused)")
            #expect(refused.contains("pid \(stranger.pid) "), "\(refused)")
            #expect(refused.contains("--no-kill") && refused.contains("reclaim-needed"), "\(refused)")
            #expect(stranger.lives)
            #expect(world.lives("web").isEmpty && world.lives("other").count == 1)
            #expect(try await world.run("history", "-o", "json").out == revisions)

            // Without the word it may be stopped, as the manifest says.
            let done = try await order(world, kills: true)
            #expect(done.contains("\"done\""), "\(done)")
            #expect(!stranger.lives)
            _ = try await world.life("web", number: 1)
        }
    }
}
