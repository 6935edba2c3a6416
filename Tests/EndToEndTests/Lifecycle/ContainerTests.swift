import Foundation
import Glibc
import Testing

/// heroproc as the first process of a PID namespace, as in a container (guarantees P1-1, P1-2).
@Suite(
    "The first process of a container",
    .serialized,
    .enabled(if: canMakePIDNamespace, "needs root, and `unshare` to make a pid namespace")
)
struct ContainerTests {
    /// Extra options: without a monitor heroproc is the first process, with `--keep` its monitor is.
    private static let variants: [[String]] = [[], ["--keep"]]

    /// A PID namespace with heroproc as its first process.
    private struct Container {
        let host: TestHost
        let reconciler: RunningCommand
        /// The PID of the first process in the namespace of the test.
        let initPID: pid_t

        /// The command that runs a program in the namespace.
        var entryCommand: [String] { ["nsenter", "-t", "\(initPID)", "-p", "-m"] }

        /// Runs heroproc in the namespace.
        func run(_ arguments: String...) async throws -> CommandResult {
            try await host.run(arguments, through: entryCommand)
        }

        /// Waits until a number of services run.
        func waitUntilReady(_ count: Int) async throws {
            try await host.waitUntilReady(count, through: entryCommand)
        }
    }

    /// Creates a container and removes it after the body, also after an error.
    private func with(
        _ host: TestHost,
        _ options: [String],
        _ body: (Container) async throws -> Void
    ) async throws {
        let running = try host.start(
            ["reconcile", "--watch", "--down-on-exit"] + options,
            through: ["unshare", "-pf", "--mount-proc"]
        )
        var first: pid_t?
        try await eventually("the container has a first process") {
            first = children(of: running.pid).first
            return first != nil
        }
        do {
            try await body(Container(host: host, reconciler: running, initPID: try #require(first)))
        } catch {
            if let first { kill(first, SIGKILL) }
            throw error
        }
        if let first, isAlive(first) { kill(first, SIGKILL) }
    }

    /// The number of children of the first process that ended and are not reaped.
    private func zombieCount(_ container: Container) -> Int {
        children(of: container.initPID).filter { !isAlive($0) }.count
    }

    @Test(
        "PID 1 reaps a thousand foreign orphans and loses no exit status (P1-1)",
        arguments: variants
    )
    func reapsOrphans(options: [String]) async throws {
        try await TestHost.with { host in
            let go = host.root + "/go"
            let actions = (0..<20).map { code in
                TestHost.OracleAction.process("wait-for \(go) exit \(code)", "restart: never", name: "a\(code)")
            }
            try host.writeManifest("many.yaml", host.manifest("many", ["start_order: parallel"], actions))
            try await with(host, options) { container in
                try await eventually("all actions run") {
                    (0..<20).allSatisfy { !host.instances("many", "a\($0)").isEmpty }
                }
                // Processes from outside, as from `docker exec`, whose parents exit immediately.
                let flood = try host.start(
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
                #expect(most < 500, "orphans are reaped continuously: \(most) zombies")
                try await eventually("no zombie is left") { zombieCount(container) == 0 }
                try await eventually("all exits are recorded") {
                    try await host.jobs(of: "many").allSatisfy { $0["phase"] as? String != "running" }
                }
                for job in try await host.jobs(of: "many") {
                    let action = try #require(job["action_id"] as? String)
                    #expect(job["exit_code"] as? Int == Int(action.dropFirst()), "\(action)")
                }
                #expect(kill(container.initPID, SIGTERM) == 0)
                #expect(try await host.exitCode(of: container.reconciler) == 0)
            }
        }
    }

    @Test(
        "SIGTERM or SIGINT to PID 1 stops all services in waves (P1-2)",
        arguments: variants,
        [SIGTERM, SIGINT]
    )
    func stopsInWaves(options: [String], signal: Int32) async throws {
        try await TestHost.with { host in
            try host.declare("db", "class: system", actions: .process("linger 50"))
            try host.declare("web", "requires: [db]", actions: .process("linger 50"))
            try host.declare("job", "requires: [web]", actions: .process("linger 50"))
            try await with(host, options) { container in
                try await container.waitUntilReady(3)
                #expect(kill(container.initPID, signal) == 0)
                #expect(try await host.exitCode(of: container.reconciler) == 0)
            }
            let instances = try ["db", "web", "job"].map { try #require(host.instances($0).first) }
            for (instance, dependent) in zip(instances, instances.dropFirst()) {
                #expect(try #require(dependent.endedAt) < instance.stopRequestedAt ?? 0)
            }
            #expect(["db", "web", "job"].allSatisfy { host.instances($0).count == 1 })
        }
    }

    @Test("A second signal to PID 1 kills all services immediately (P1-2)", arguments: variants)
    func secondSignalKills(options: [String]) async throws {
        try await TestHost.with { host in
            try host.declare("web", actions: .process("ignore-term sleep -1", "stop: {timeout: 10m}"))
            try await with(host, options) { container in
                try await container.waitUntilReady(1)
                #expect(kill(container.initPID, SIGTERM) == 0)
                try await eventually("web received its stop signal") {
                    host.instances("web").first?.stopRequestedAt != nil
                }
                #expect(isAlive(container.initPID))
                #expect(kill(container.initPID, SIGTERM) == 0)
                // The second signal does not wait for the stop timeout of ten minutes.
                #expect(try await host.exitCode(of: container.reconciler) == 0)
            }
        }
    }

    @Test("A reconciler crash below its monitor does not end the container (P1-2)")
    func reconcilerCrash() async throws {
        try await TestHost.with { host in
            try host.declare("web")
            try await with(host, ["--keep"]) { container in
                try await container.waitUntilReady(1)
                let reconciler = try #require(children(of: container.initPID).first)
                #expect(kill(reconciler, SIGKILL) == 0)
                try await eventually("the reconciler is gone") { !isAlive(reconciler) }
                try await eventually("a new reconciler runs") {
                    let result = try await container.run("status", "-o", "json")
                    let status = result.json["reconciler"] as? [String: Any]
                    return result.exitCode == 0 && status?["alive"] as? Bool == true
                }
                #expect(isAlive(container.initPID))
                #expect(host.instances("web").count == 1)
                #expect(try await container.run("diff").exitCode == 0)
                #expect(kill(container.initPID, SIGTERM) == 0)
                #expect(try await host.exitCode(of: container.reconciler) == 0)
            }
            #expect(host.instances("web").count == 1 && host.instances("web").first?.endedAt != nil)
        }
    }
}
