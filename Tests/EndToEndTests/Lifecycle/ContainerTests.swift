import Foundation
import Glibc
import Testing

/// heroproc as the first process of a pid namespace, as in a container (reliability.md P1-1, P1-2).
@Suite("PID 1", .serialized, .enabled(if: canMakePIDNamespace, "needs root, and `unshare` to make a pid namespace"))
struct ContainerTests {
    /// How the first process is started: as it is, or below a keeper, which is the first process then.
    private static let variants: [[String]] = [[], ["--keep"]]

    /// A pid namespace with heroproc as its first process.
    private struct Container {
        let host: TestHost
        let reconciler: TestHost.RunningCommand
        /// The first process, as it is called outside.
        let initPID: pid_t

        /// What leads a program in.
        var entryCommand: [String] { ["nsenter", "-t", "\(initPID)", "-p", "-m"] }

        /// Runs heroproc inside.
        func run(_ arguments: String...) async throws -> TestHost.CommandResult {
            try await host.run(arguments, through: entryCommand)
        }

        /// Waits until so many services are up.
        func waitUntilReady(_ count: Int) async throws {
            try await host.waitUntilReady(count, through: entryCommand)
        }
    }

    /// Makes a container; whatever happens in the body, nothing of it is left.
    private func with(
        _ world: TestHost,
        _ options: [String],
        _ body: (Container) async throws -> Void
    ) async throws {
        let running = try world.start(
            ["reconcile", "--watch", "--down-on-exit"] + options,
            through: ["unshare", "-pf", "--mount-proc"]
        )
        var first: pid_t?
        try await eventually("it has a first process") {
            first = children(of: running.pid).first
            return first != nil
        }
        do {
            try await body(Container(host: world, reconciler: running, initPID: try #require(first)))
        } catch {
            if let first { kill(first, SIGKILL) }
            throw error
        }
        if let first, isAlive(first) { kill(first, SIGKILL) }
    }

    /// The children of the first process that have ended and are not reaped.
    private func zombieCount(_ container: Container) -> Int {
        children(of: container.initPID).filter { !isAlive($0) }.count
    }

    @Test(
        "P1-1: it reaps a thousand orphans that are not its own, and no exit status is lost to that",
        arguments: variants
    )
    func reapsOrphans(options: [String]) async throws {
        try await TestHost.with { world in
            let go = world.root + "/go"
            let deeds = (0..<20).map { code in
                TestHost.OracleAction.process("wait-for \(go) exit \(code)", "restart: never", name: "a\(code)")
            }
            try world.writeManifest("many.yaml", world.manifest("many", ["start_order: parallel"], deeds))
            try await with(world, options) { container in
                try await eventually("all live") { (0..<20).allSatisfy { !world.instances("many", "a\($0)").isEmpty } }
                // Processes that come in from outside, as `docker exec` lets them, and whose parents end at once.
                let flood = try world.start(
                    ["-c", "i=0; while [ $i -lt 1000 ]; do (sleep 0 &); i=$((i+1)); done"],
                    program: "/bin/sh",
                    through: container.entryCommand
                )
                try Data().write(to: URL(fileURLWithPath: go))
                var most = 0
                var status: Int32 = 0
                try await eventually("the flood is over", within: 80) {
                    most = max(most, zombieCount(container))
                    return waitpid(flood.pid, &status, WNOHANG) == flood.pid
                }
                #expect(status == 0)
                #expect(most < 500, "they are reaped as they come: \(most)")
                try await eventually("none is left") { zombieCount(container) == 0 }
                try await eventually("all ends are recorded") {
                    try await world.jobs(of: "many").allSatisfy { $0["phase"] as? String != "running" }
                }
                for job in try await world.jobs(of: "many") {
                    let action = try #require(job["action_id"] as? String)
                    #expect(job["exit_code"] as? Int == Int(action.dropFirst()), "\(action)")
                }
                #expect(kill(container.initPID, SIGTERM) == 0)
                #expect(try await world.exitCode(of: container.reconciler) == 0)
            }
        }
    }

    @Test(
        "P1-2: SIGTERM and SIGINT stop all services in stop waves, and then it leaves with 0",
        arguments: variants,
        [SIGTERM, SIGINT]
    )
    func stopsInWaves(options: [String], signal: Int32) async throws {
        try await TestHost.with { world in
            try world.declare("db", "class: system", actions: .process("linger 50"))
            try world.declare("web", "requires: [db]", actions: .process("linger 50"))
            try world.declare("job", "requires: [web]", actions: .process("linger 50"))
            try await with(world, options) { container in
                try await container.waitUntilReady(3)
                #expect(kill(container.initPID, signal) == 0)
                #expect(try await world.exitCode(of: container.reconciler) == 0)
            }
            let lives = try ["db", "web", "job"].map { try #require(world.instances($0).first) }
            for (life, dependent) in zip(lives, lives.dropFirst()) {
                #expect(try #require(dependent.endedAt) < life.stopRequestedAt ?? 0)
            }
            #expect(["db", "web", "job"].allSatisfy { world.instances($0).count == 1 })
        }
    }

    @Test("P1-2: the second signal is immediate, whatever will not end", arguments: variants)
    func secondSignalKills(options: [String]) async throws {
        try await TestHost.with { world in
            try world.declare("web", actions: .process("ignore-term sleep -1", "stop: {timeout: 10m}"))
            try await with(world, options) { container in
                try await container.waitUntilReady(1)
                #expect(kill(container.initPID, SIGTERM) == 0)
                try await eventually("web was asked to end") { world.instances("web").first?.stopRequestedAt != nil }
                #expect(isAlive(container.initPID))
                #expect(kill(container.initPID, SIGTERM) == 0)
                // Not ten minutes later.
                #expect(try await world.exitCode(of: container.reconciler) == 0)
            }
        }
    }

    @Test("P1-2: below a keeper, a crash of the reconciler does not end the container, and services are untouched")
    func reconcilerCrash() async throws {
        try await TestHost.with { world in
            try world.declare("web")
            try await with(world, ["--keep"]) { container in
                try await container.waitUntilReady(1)
                let reconciler = try #require(children(of: container.initPID).first)
                #expect(kill(reconciler, SIGKILL) == 0)
                try await eventually("it is gone") { !isAlive(reconciler) }
                try await eventually("another one is there") {
                    let answer = try await container.run("status", "-o", "json")
                    let status = answer.json["reconciler"] as? [String: Any]
                    return answer.exitCode == 0 && status?["alive"] as? Bool == true
                }
                #expect(isAlive(container.initPID))
                #expect(world.instances("web").count == 1)
                #expect(try await container.run("diff").exitCode == 0)
                #expect(kill(container.initPID, SIGTERM) == 0)
                #expect(try await world.exitCode(of: container.reconciler) == 0)
            }
            #expect(world.instances("web").count == 1 && world.instances("web").first?.endedAt != nil)
        }
    }
}
