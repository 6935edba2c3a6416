import Foundation
import HeroLinux
import HeroModel
import Testing

/// Process trees and their end on every containment level of the machine (guarantees TR).
@Suite("Process trees", .serialized)
struct ProcessTreeTests {
    /// The containment levels of this machine, by their names in HEROPROC_CONTAINMENT.
    private static let levels = ContainmentSupport.Method.allCases.map(\.rawValue).filter {
        CgroupSupport.detect(environment: ["HEROPROC_CONTAINMENT": $0]).level.rawValue == $0
    }

    private static func environment(_ level: String) -> [String: String] { ["HEROPROC_CONTAINMENT": level] }

    private func apply(_ host: TestHost, _ level: String) async throws {
        let result = try await host.run(["apply"], environment: Self.environment(level))
        #expect(result.exitCode == 0, "\(result.output)\(result.errorOutput)")
    }

    /// Leftover cgroup directories of a test host.
    private func leftoverCgroups(_ host: TestHost) -> [String] {
        let parents = Self.levels.map { CgroupSupport.detect(environment: Self.environment($0)).parent }
        return parents.filter { !$0.isEmpty }.flatMap { parent in
            ((try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? []).filter {
                host.paths.run.hasSuffix($0.replacing("heroproc-", with: "")) && $0.hasPrefix("heroproc-")
            }
        }
    }

    /// Commands of programs that are hard to stop.
    private static let stubbornCommands = [
        "ignore-term", "ignore-term fork 3 daemonize", "fork-on-term 3", "linger 300 fork 2", "lose-leader",
        "fork 2 lose-leader", "ignore-term daemonize crash 19", "traced", "fork 2 traced", "trace-child",
        "trace-child ignore-term",
        "vfork", "fork 1 daemonize vfork",
    ]

    @Test("No process and no cgroup survives a stop (TR-2, TR-3)", arguments: levels)
    func stubbornPrograms(_ level: String) async throws {
        try await TestHost.with { host in
            for (index, commands) in Self.stubbornCommands.enumerated() {
                try host.declare("mule\(index)", actions: .process(commands, "stop: {timeout: 600ms}"))
            }
            try await apply(host, level)
            for index in Self.stubbornCommands.indices {
                try await eventually("mule\(index) has started") { host.instances("mule\(index)").count == 1 }
            }
            let result = try await host.run("down")
            #expect(result.exitCode == 0, "\(result.output)\(result.errorOutput)")
            for (index, commands) in Self.stubbornCommands.enumerated() {
                let instance = try #require(host.instances("mule\(index)").first)
                #expect(!isAlive(instance.pid), "\(commands)")
                for child in instance.children { #expect(!isAlive(child), "a child of \(commands)") }
            }
            #expect(leftoverCgroups(host) == [])
        }
    }

    @Test("A program whose first thread ended is running and can be stopped (TR-3)")
    func endedFirstThread() async throws {
        try await TestHost.with { host in
            try host.declare("odd", actions: .process("lose-leader", "stop: {timeout: 60s}"))
            try await host.apply()
            try await eventually("the first thread has ended") {
                host.instances("odd").first.map { isZombie($0.pid) } ?? false
            }
            try await host.expectEmptyDiff()
            #expect(try await host.state(of: "odd") == "running")
            #expect(try await host.run("down").exitCode == 0)
            #expect(host.instances("odd").first?.end == .exit(code: 0), "the signal ended the program")
        }
    }

    @Test("A stopped program is continued so that it receives its stop signal (TR-3)")
    func stoppedProgram() async throws {
        try await TestHost.with { host in
            try host.declare("still", actions: .process("wait 0", "stop: {timeout: 60s}"))
            try await host.apply()
            let instance = try await host.runningInstance("still")
            #expect(kill(instance.pid, SIGSTOP) == 0)
            try await eventually("the program is stopped") { isStopped(instance.pid) }
            #expect(try await host.run("down").exitCode == 0)
            #expect(host.instances("still").first?.end == .exit(code: 0))
        }
    }

    @Test(
        "The next start waits until leftover processes release the port (TR-4)",
        arguments: levels
    )
    func leftoverHoldsPort(_ level: String) async throws {
        try await TestHost.with { host in
            let port = try freePort()
            try host.declare(
                "apache",
                actions: .process(
                    "listen \(port) ignore-term fork 3 wait 20 exit 1",
                    "stop: {timeout: 50ms}",
                    "retry: {delay: 10ms, factor: 1}"
                )
            )
            _ = try await host.run(["apply", "--no-wait"], environment: Self.environment(level))
            let count = TestSettings.isLong ? 100 : 10
            try await eventually("the service was started repeatedly", within: 6 * count) {
                host.instances("apache").count >= count
            }
            try host.declare("apache", "status: stop", actions: .process("listen \(port)"))
            _ = try await host.run("apply")
            for instance in host.instances("apache").dropLast() {
                #expect(instance.listeningAt != nil)
                #expect(instance.end == .exit(code: 1))
            }
        }
    }

    @Test("A tree without shim and reconciler ends before the next start (TR-5)", arguments: levels)
    func treeWithoutShim(_ level: String) async throws {
        try await TestHost.with { host in
            try host.declare("web", actions: .process("fork 3 daemonize daemonize", "retry: {delay: 10ms}"))
            try await apply(host, level)
            try await eventually("the children run") { host.instances("web").first?.children.count == 5 }
            let instance = try await host.runningInstance("web", number: 1)
            let shim = try #require(parentShim(instance.pid))
            try await host.killReconciler()
            #expect(kill(shim, SIGKILL) == 0)
            try await apply(host, level)
            let next = try await host.runningInstance("web", number: 2)
            #expect(next.restartCount == 1)
            for pid in [instance.pid] + instance.children { #expect(!isAlive(pid)) }
        }
    }
}
