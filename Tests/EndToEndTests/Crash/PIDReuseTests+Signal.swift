import Foundation
import GRDB
import Glibc
import Testing

extension PIDReuseTests {
    /// Kills a service and its shim at the very moment when a signal is about to be sent to it, and gives both pids away.
    ///
    /// - Returns: who has them now.
    private func replaceWithOtherProcesses(_ name: String, _ inside: PIDNamespace, _ running: TestHost.RunningCommand)
        async throws -> [pid_t]
    {
        let world = inside.host
        let life = try #require(world.instances(name).last)
        let shim = try #require(inside.parent(of: life.pid))
        let reconciler = try #require(inside.reconcilerPID)
        try world.declare(name, "status: stop", actions: .process(Self.steadyCommands, Self.quickRetry))
        try await eventually("\(name) is identified, and no signal is sent yet") { inside.isStopped(reconciler) }
        #expect(world.instances(name).last?.stopRequestedAt == nil)
        try await inside.signal("KILL", [life.pid, shim])
        let made = try inside.startOracle(["recycle", "\(life.pid)", "\(shim)"])
        #expect(try await world.exitCode(of: made) == 0)
        // Whatever else it wants to signal, it stands still before that, too.
        try await eventually("\(name) is down", within: 60) {
            if inside.isStopped(reconciler) {
                try await inside.signal("CONT", [reconciler])
                // nsenter stops itself with what it waits for.
                kill(running.pid, SIGCONT)
            }
            let state = try world.readDatabase {
                try String.fetchOne($0, sql: "SELECT state FROM services WHERE name = ?", arguments: [name])
            }
            return state == "stopped" && !inside.isStopped(reconciler)
        }
        return [life.pid, shim]
    }

    private static let steadyCommands = "sleep -1"
    private static let quickRetry = "retry: {delay: 0ms, jitter: 0}"

    @Test("ID-2/T2, FP-SIG-1: a pid that becomes a stranger's between the check and the signal: nobody is signalled")
    func betweenCheckAndSignal() async throws {
        try await TestHost.with { world in
            try await PIDNamespace.with(world) { inside in
                // Each has two pids: two hundred in the long form.
                let names = (1...TestSettings.cycles(3, share: 10)).map { "s\($0)" }
                for name in names { try world.declare(name, actions: .process(Self.steadyCommands, Self.quickRetry)) }
                // Those of an earlier reconciler are nobody's children here, so their pids become free at once.
                var running = try inside.start("reconcile", "--watch")
                try await inside.waitUntilReady(names.count)
                try await inside.signal("KILL", [try #require(inside.reconcilerPID)])
                _ = try await world.exitCode(of: running)
                running = try inside.start("reconcile", "--watch", extra: ["HEROPROC_FP": "FP-SIG-1=stop"])
                try await inside.waitUntilReady(names.count)

                var strangers: [pid_t] = []
                for name in names {
                    strangers += try await replaceWithOtherProcesses(name, inside, running)
                    expectUntouched(strangers, inside)
                }
                for name in names { #expect(world.instances(name).count == 1) }
                #expect(try await inside.run("down", "--all").exitCode == 0)
                expectUntouched(strangers, inside)
                try await inside.signal("TERM", [try #require(inside.reconcilerPID)])
                _ = try await world.exitCode(of: running)
                TestSettings.reportRow([
                    "row": "ID-2 at the signal", "cycles": "\(strangers.count)", "verdict": "0 signalled",
                ])
            }
        }
    }
}
