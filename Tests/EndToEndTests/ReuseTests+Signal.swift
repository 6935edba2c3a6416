import Foundation
import GRDB
import Glibc
import Testing

extension ReuseTests {
    /// Kills a service and its shim at the very moment when a signal is about to be sent to it, and gives both pids away.
    ///
    /// - Returns: who has them now.
    private func replace(_ name: String, _ inside: PrivateNamespace, _ running: World.Running) async throws -> [pid_t] {
        let world = inside.world
        let life = try #require(world.lives(name).last)
        let shim = try #require(inside.parent(of: life.pid))
        let reconciler = try #require(inside.reconciler)
        try world.declare(name, "status: stop", does: .process(Self.steady, Self.quick))
        try await eventually("\(name) is identified, and no signal is sent yet") { inside.isStopped(reconciler) }
        #expect(world.lives(name).last?.asked == nil)
        try await inside.signal("KILL", [life.pid, shim])
        let made = try inside.startOracle(["recycle", "\(life.pid)", "\(shim)"])
        #expect(try await world.code(of: made) == 0)
        // Whatever else it wants to signal, it stands still before that, too.
        try await eventually("\(name) is down", within: 60) {
            if inside.isStopped(reconciler) {
                try await inside.signal("CONT", [reconciler])
                // nsenter stops itself with what it waits for.
                kill(running.pid, SIGCONT)
            }
            let state = try world.read {
                try String.fetchOne($0, sql: "SELECT state FROM services WHERE name = ?", arguments: [name])
            }
            return state == "stopped" && !inside.isStopped(reconciler)
        }
        return [life.pid, shim]
    }

    private static let steady = "sleep -1"
    private static let quick = "retry: {delay: 0ms, jitter: 0}"

    @Test("ID-2/T2, FP-SIG-1: a pid that becomes a stranger's between the check and the signal: nobody is signalled")
    func betweenCheckAndSignal() async throws {
        try await World.with { world in
            try await PrivateNamespace.with(world) { inside in
                // Each has two pids: two hundred in the long form.
                let names = (1...TestSettings.cycles(3, share: 10)).map { "s\($0)" }
                for name in names { try world.declare(name, does: .process(Self.steady, Self.quick)) }
                // Those of an earlier reconciler are nobody's children here, so their pids become free at once.
                var running = try inside.start("reconcile", "--watch")
                try await inside.isUp(names.count)
                try await inside.signal("KILL", [try #require(inside.reconciler)])
                _ = try await world.code(of: running)
                running = try inside.start("reconcile", "--watch", extra: ["HEROPROC_FP": "FP-SIG-1=stop"])
                try await inside.isUp(names.count)

                var strangers: [pid_t] = []
                for name in names {
                    strangers += try await replace(name, inside, running)
                    expectUntouched(strangers, inside)
                }
                for name in names { #expect(world.lives(name).count == 1) }
                #expect(try await inside.run("down", "--all").code == 0)
                expectUntouched(strangers, inside)
                try await inside.signal("TERM", [try #require(inside.reconciler)])
                _ = try await world.code(of: running)
                TestSettings.reportRow(["row": "ID-2 at the signal", "cycles": "\(strangers.count)", "verdict": "0 signalled"])
            }
        }
    }
}
