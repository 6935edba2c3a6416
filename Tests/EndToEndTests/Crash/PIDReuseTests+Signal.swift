import Foundation
import GRDB
import Glibc
import Testing

extension PIDReuseTests {
    /// Kills a service and its shim just before a signal is sent to them, and reuses both PIDs.
    ///
    /// - Returns: The reused PIDs.
    private func replaceWithOtherProcesses(_ name: String, _ inside: PIDNamespace, _ running: RunningCommand)
        async throws -> [pid_t]
    {
        let host = inside.host
        let instance = try #require(host.instances(name).last)
        let shim = try #require(inside.parent(of: instance.pid))
        let reconciler = try #require(inside.reconcilerPID)
        try host.declare(name, "status: stop", actions: .process(Self.steadyCommands, Self.quickRetry))
        try await eventually("the reconciler has identified \(name) and sent no signal yet") {
            inside.isStopped(reconciler)
        }
        #expect(host.instances(name).last?.stopRequestedAt == nil)
        try await inside.signal("KILL", [instance.pid, shim])
        let made = try inside.startOracle(["recycle", "\(instance.pid)", "\(shim)"])
        #expect(try await host.exitCode(of: made) == 0)
        // The failpoint also stops the reconciler before every other signal.
        try await eventually("\(name) is stopped", within: 60) {
            if inside.isStopped(reconciler) {
                try await inside.signal("CONT", [reconciler])
                // nsenter stops itself together with its child.
                kill(running.pid, SIGCONT)
            }
            let state = try host.readDatabase {
                try String.fetchOne($0, sql: "SELECT state FROM services WHERE name = ?", arguments: [name])
            }
            return state == "stopped" && !inside.isStopped(reconciler)
        }
        return [instance.pid, shim]
    }

    private static let steadyCommands = "sleep -1"
    private static let quickRetry = "retry: {delay: 0ms, jitter: 0}"

    @Test("A PID reused between check and signal gets no signal (ID-2/T2, FP-SIG-1)")
    func betweenCheckAndSignal() async throws {
        try await TestHost.with { host in
            try await PIDNamespace.with(host) { inside in
                // Each service has two PIDs: two hundred in the long form.
                let names = (1...TestSettings.cycles(3, share: 10)).map { "s\($0)" }
                for name in names { try host.declare(name, actions: .process(Self.steadyCommands, Self.quickRetry)) }
                // The killed reconciler's programs have no parent here that would keep their PIDs as zombies.
                var running = try inside.start("reconcile", "--watch")
                try await inside.waitUntilReady(names.count)
                try await inside.signal("KILL", [try #require(inside.reconcilerPID)])
                _ = try await host.exitCode(of: running)
                running = try inside.start("reconcile", "--watch", environment: ["HEROPROC_FP": "FP-SIG-1=stop"])
                try await inside.waitUntilReady(names.count)

                var foreignProcesses: [pid_t] = []
                for name in names {
                    foreignProcesses += try await replaceWithOtherProcesses(name, inside, running)
                    expectUntouched(foreignProcesses, inside)
                }
                for name in names { #expect(host.instances(name).count == 1) }
                #expect(try await inside.run("down", "--all").exitCode == 0)
                expectUntouched(foreignProcesses, inside)
                try await inside.signal("TERM", [try #require(inside.reconcilerPID)])
                _ = try await host.exitCode(of: running)
                TestSettings.reportRow([
                    "row": "ID-2 at the signal", "cycles": "\(foreignProcesses.count)", "verdict": "0 signalled",
                ])
            }
        }
    }
}
