import Foundation
import Glibc
import HeroLinux
import Testing

/// A reconciler that is still taking up what runs (reliability.md SH-10; how long that takes is measured by `make bench`).
@Suite("Adoption", .serialized)
struct AdoptionTests {
    @Test("SH-10: while it takes up what runs, all that reads answers, and what is asked of it waits and is then done")
    func readsAreServedDuringAdoption() async throws {
        try await TestHost.with { world in
            let names = (0..<6).map { "s\($0)" }
            for name in names { try world.declare(name) }
            try await world.apply()
            var before: [OracleInstance] = []
            for name in names { before.append(try await world.runningInstance(name)) }
            try await world.killReconciler()

            // Half of the jobs are taken up when it stands still, for as long as we like.
            let watch = try world.start(["reconcile", "--watch"], extra: ["HEROPROC_FP": "FP-AD-1=stop@4"])
            try await eventually("it stands still in the middle") { isStopped(watch.pid) }
            #expect(world.reconcilerPID == watch.pid)
            for command in [
                ["status"], ["why", "s0"], ["why", "s5"], ["jobs"], ["events"], ["history"], ["logs", "s5"], ["tree"],
                ["diff"],
            ] {
                let answer = try await world.run(command)
                #expect(answer.exitCode == 0, "\(command): \(answer.output)\(answer.errorOutput)")
            }
            for (name, life) in zip(names, before) {
                #expect(try await world.state(of: name) == "running")
                #expect(try await world.actionStatus(name)["pid"] as? Int == Int(life.pid))
            }

            try world.declare("new")
            let ends = socketCount(of: world.paths.controlSocket)
            let asked = try world.start(["apply"])
            try await eventually("its question waits at the socket") {
                self.socketCount(of: world.paths.controlSocket) > ends
            }
            #expect(isStopped(watch.pid) && isAlive(asked.pid) && world.instances("new").isEmpty)
            #expect(kill(watch.pid, SIGCONT) == 0)
            #expect(try await world.exitCode(of: asked) == 0)
            _ = try await world.runningInstance("new", number: 1)
            for (name, life) in zip(names, before) { #expect(try await world.runningInstance(name, number: 1) == life) }
            _ = try await world.waitForEvent("info", "adopted 6 running jobs")
        }
    }

    /// How many sockets have this name: the one that listens, and the near end of each connection, taken or not.
    private func socketCount(of path: String) -> Int {
        let text = String(decoding: fileContents("/proc/net/unix"), as: UTF8.self)
        return text.split(separator: "\n").count { $0.hasSuffix(" " + path) }
    }
}
