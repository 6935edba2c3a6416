import Foundation
import Glibc
import Testing

/// Services whose end ends everything, with real processes.
@Suite("Essential services", .serialized)
struct EssentialServiceTests {
    private func declareOthers(_ host: TestHost) throws {
        try host.declare("db", "class: system")
        try host.declare("web", "requires: [db]")
    }

    private func expectAllStopped(_ host: TestHost) async throws {
        for name in ["db", "web"] { #expect(try await host.state(of: name) == "stopped", "\(name)") }
        let stopped = try #require(host.instances("web").last?.endedAt)
        let signalled = try #require(host.instances("db").last?.stopRequestedAt)
        #expect(stopped < signalled, "dependents stop first")
    }

    @Test(
        "With --down-on-exit the end of an essential service ends the reconciler with its code",
        arguments: [(true, 76), (true, 0), (false, 75), (false, 3)]
    )
    func leavesWithItsCode(_ isKept: Bool, _ code: Int32) async throws {
        try await TestHost.with { host in
            try declareOthers(host)
            let commands = "wait 300 exit \(code)"
            try host.declare("job", "essential: true", "requires: [web]", actions: .oneShot(commands))
            let keep = isKept ? ["--keep"] : []
            let reconciler = try host.start(["reconcile", "--watch", "--down-on-exit"] + keep)
            let result = try await host.result(of: reconciler)
            #expect(result.exitCode == code, "\(result.errorOutput)")
            #expect(!result.errorOutput.contains("restarting in"), "\(result.errorOutput)")
            try await expectAllStopped(host)
        }
    }

    @Test("A signal that ends an essential process gives 128 plus its number")
    func signal() async throws {
        try await TestHost.with { host in
            try declareOthers(host)
            try host.declare(
                "main",
                "essential: true",
                "requires: [web]",
                actions: .process("sleep -1", "restart: never")
            )
            let reconciler = try host.start(["reconcile", "--watch", "--down-on-exit"])
            kill(try await host.runningInstance("main", number: 1).pid, SIGKILL)
            #expect(try await host.result(of: reconciler).exitCode == 128 + SIGKILL)
            try await expectAllStopped(host)
        }
    }

    @Test("Without --down-on-exit everything is stopped, and the history has the reason")
    func withoutDownOnExit() async throws {
        try await TestHost.with { host in
            try declareOthers(host)
            try host.declare("main", "essential: true", actions: .process("sleep -1", "restart: on_failure"))
            try await host.apply()
            kill(try await host.runningInstance("main", number: 1).pid, SIGTERM)
            try await eventually("everything is stopped") {
                let states = [try await host.state(of: "db"), try await host.state(of: "web")]
                return states == ["stopped", "stopped"]
            }
            try await expectAllStopped(host)
            let history = try await host.run("history").output
            #expect(history.contains("down --all: essential core/main has ended"), "\(history)")
            try await host.apply()
            #expect(try await host.state(of: "web") == "running")
        }
    }
}
