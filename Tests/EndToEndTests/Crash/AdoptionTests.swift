import Foundation
import Glibc
import HeroLinux
import Testing

/// Requests during the adoption of running jobs (guarantee SH-10; `make bench` measures the duration).
@Suite("Adoption of running jobs", .serialized)
struct AdoptionTests {
    @Test("During adoption read commands are served and applies wait until it ends (SH-10)")
    func readsAreServedDuringAdoption() async throws {
        try await TestHost.with { host in
            let names = (0..<6).map { "s\($0)" }
            for name in names { try host.declare(name) }
            try await host.apply()
            var before: [OracleInstance] = []
            for name in names { before.append(try await host.runningInstance(name)) }
            try await host.killReconciler()

            // The failpoint stops the reconciler after it has adopted half of the jobs.
            let watch = try host.start(["reconcile", "--watch"], environment: ["HEROPROC_FP": "FP-AD-1=stop@4"])
            try await eventually("the reconciler stops in the middle of the adoption") { isStopped(watch.pid) }
            #expect(host.reconcilerPID == watch.pid)
            for command in [
                ["status"], ["why", "s0"], ["why", "s5"], ["jobs"], ["events"], ["history"], ["logs", "s5"], ["tree"],
                ["diff"],
            ] {
                let result = try await host.run(command)
                #expect(result.exitCode == 0, "\(command): \(result.output)\(result.errorOutput)")
            }
            for (name, instance) in zip(names, before) {
                #expect(try await host.state(of: name) == "running")
                #expect(try await host.actionStatus(name)["pid"] as? Int == Int(instance.pid))
            }

            try host.declare("new")
            let ends = socketCount(of: host.paths.controlSocket)
            let asked = try host.start(["apply"])
            try await eventually("the request waits at the socket") {
                self.socketCount(of: host.paths.controlSocket) > ends
            }
            #expect(isStopped(watch.pid) && isAlive(asked.pid) && host.instances("new").isEmpty)
            #expect(kill(watch.pid, SIGCONT) == 0)
            #expect(try await host.exitCode(of: asked) == 0)
            _ = try await host.runningInstance("new", number: 1)
            for (name, instance) in zip(names, before) {
                #expect(try await host.runningInstance(name, number: 1) == instance)
            }
            _ = try await host.waitForEvent("info", "adopted 6 running jobs")
        }
    }

    /// The number of sockets with this path: the listening socket and the server side of every connection, accepted or
    /// not.
    private func socketCount(of path: String) -> Int {
        let text = String(decoding: fileContents("/proc/net/unix"), as: UTF8.self)
        return text.split(separator: "\n").count { $0.hasSuffix(" " + path) }
    }
}
