import Foundation
import Glibc
import Testing

/// Ports that several programs listen on at one time (SO_REUSEPORT), each with a socket of its own (reliability.md TP-4).
@Suite("Shared ports", .serialized)
struct SharedPortTests {
    private typealias ForeignProcess = StartBlockerTests.ForeignProcess

    /// Three programs that nobody ordered, all listening on one port.
    private func startGroup(on port: Int) async throws -> [ForeignProcess] {
        let strangers = try (0..<3).map { _ in try ForeignProcess("share-ports", "listen", "\(port)") }
        try await eventually("all three listen") { Self.listenerCount(on: port) == 3 }
        return strangers
    }

    /// How many sockets listen on a port of 127.0.0.1, as proc(5) has them.
    private static func listenerCount(on port: Int) -> Int {
        let place = "0100007F:" + String(port, radix: 16, uppercase: true).leftPadded(to: 4)
        let lines = String(decoding: fileContents("/proc/net/tcp"), as: UTF8.self).split(separator: "\n")
        return lines.count { line in
            let words = line.split(separator: " ")
            return words.count > 3 && words[1] == place && words[3] == "0A"
        }
    }

    private static func sharedPortField(_ port: Int) -> String {
        "tcp_ports: [{port: \"127.0.0.1:\(port)\", reuseport: true}]"
    }

    @Test("TP-4: without the key a group of three holds a start up, and all three are named; they live")
    func groupBlocksAnUnsharedPort() async throws {
        try await TestHost.with { world in
            let port = try freePort()
            let strangers = try await startGroup(on: port)
            let keys = "tcp_ports: [\(port)]"
            try world.declare("web", actions: .process("share-ports listen \(port)", keys, "retry: {delay: 50ms}"))
            let diff = try await world.run("diff").output
            let answer = try await world.run("apply", "--timeout", "1s")
            #expect(answer.exitCode == 1)
            let why = try await world.run("why", "web").output
            for stranger in strangers {
                #expect(diff.contains("tcp \(port) is held by pid \(stranger.pid) "), "\(diff)")
                #expect(answer.output.contains("pid \(stranger.pid) \(TestHost.oraclePath)"), "\(answer.output)")
                #expect(why.contains("pid \(stranger.pid) "), "\(why)")
                #expect(stranger.isRunning)
            }
            #expect(world.instances("web").isEmpty)
            // The same programs are in nobody's way once the port is declared as shared.
            try world.declare(
                "web",
                actions: .process("share-ports listen \(port)", Self.sharedPortField(port), "retry: {delay: 50ms}")
            )
            try await world.apply()
            #expect(Self.listenerCount(on: port) == 4 && strangers.allSatisfy { $0.isRunning })
        }
    }

    @Test("TP-4: with `reuseport: true` it starts beside them, and is ready by a listener of its own")
    func sharedPortStartsNextToOthers() async throws {
        try await TestHost.with { world in
            let port = try freePort()
            let strangers = try await startGroup(on: port)
            let gate = world.root + "/gate"
            try world.declare(
                "web",
                actions: .process("wait-for \(gate) share-ports listen \(port)", Self.sharedPortField(port))
            )
            let diff = try await world.run("diff").output
            #expect(!diff.contains("is held by"), "\(diff)")
            _ = try await world.run("apply", "--no-wait")
            _ = try await world.runningInstance("web", number: 1)
            // Three listen there already, and that is not its own.
            try await eventually("it was asked, and is not ready") {
                try await world.run("why", "web").output.contains("another program does")
            }
            #expect(try await world.actionStatus("web")["ready"] as? Bool == false)
            try Data().write(to: URL(fileURLWithPath: gate))
            try await eventually("it is ready") { try await world.state(of: "web") == "running" }
            #expect(Self.listenerCount(on: port) == 4)
            #expect(strangers.allSatisfy { $0.isRunning })
            let job = try #require(try await world.jobs(of: "web").first)
            #expect(job["restart_count"] as? Int == 0 && job["attempt"] as? Int == 1, "\(job)")
            let signals = try await world.events().filter { ($0["text"] as? String)?.contains("sending") ?? false }
            #expect(signals.isEmpty)
            try await world.expectEmptyDiff()
            // It comes back beside them as well.
            kill(try await world.runningInstance("web", number: 1).pid, SIGKILL)
            _ = try await world.runningInstance("web", number: 2)
            try await eventually("it is ready again") { Self.listenerCount(on: port) == 4 }
            #expect(strangers.allSatisfy { $0.isRunning })
        }
    }

    @Test(
        "TP-4: what may stop strangers stops all three of a group, an event for each, whether it shares the port or not",
        arguments: ["kill_others", "singleton"],
        [false, true]
    )
    func wholeGroupIsStopped(_ key: String, _ isShared: Bool) async throws {
        try await TestHost.with { world in
            let port = try freePort()
            let strangers = try await startGroup(on: port)
            let ports = isShared ? Self.sharedPortField(port) : "tcp_ports: [\"127.0.0.1:\(port)\"]"
            try world.declare("web", actions: .process("share-ports listen \(port)", ports, "\(key): true"))
            let diff = try await world.run("diff").output
            for stranger in strangers {
                #expect(diff.contains("will stop pid \(stranger.pid) "), "\(diff)")
            }
            try await world.apply()
            for stranger in strangers {
                #expect(!stranger.isRunning)
                _ = try await world.waitForEvent("warning", "sending TERM to pid \(stranger.pid) ", "(\(key))")
            }
            #expect(Self.listenerCount(on: port) == 1)
            #expect(world.instances("web").count == 1)
            try await world.expectEmptyDiff()
        }
    }

    @Test("TP-4: a holder that does not share the port is named and waited for, whatever the manifest declares")
    func unsharedHolderBlocks() async throws {
        try await TestHost.with { world in
            let port = try freePort()
            let stranger = try ForeignProcess("listen", "\(port)")
            try await eventually("the stranger listens") { Self.listenerCount(on: port) == 1 }
            try world.declare(
                "web",
                actions: .process(
                    "share-ports listen \(port)",
                    Self.sharedPortField(port),
                    "retry: {delay: 50ms, max_delay: 200ms}"
                )
            )
            let answer = try await world.run("apply", "--timeout", "1s")
            #expect(answer.exitCode == 1)
            #expect(answer.output.contains("is held by pid \(stranger.pid) "), "\(answer.output)")
            #expect(answer.output.contains("SO_REUSEPORT"), "\(answer.output)")
            #expect(stranger.isRunning && world.instances("web").isEmpty)
            kill(stranger.pid, SIGKILL)
            try await eventually("it has left") { !stranger.isRunning }
            try await eventually("it runs") { try await world.state(of: "web") == "running" }
            #expect(try await world.actionStatus("web")["restart_count"] as? Int == 0)
        }
    }

    @Test("TP-4, TP-6: services that all share a port run side by side, none is held up or stopped by another")
    func ownServicesShareAPort() async throws {
        try await TestHost.with { world in
            let port = try freePort()
            let names = ["red", "green", "blue"]
            for name in names {
                // Allowed to stop strangers, which a job of our own is not.
                try world.declare(
                    name,
                    actions: .process("share-ports listen \(port)", Self.sharedPortField(port), "kill_others: true")
                )
            }
            try await world.apply()
            #expect(Self.listenerCount(on: port) == 3)
            try await world.expectEmptyDiff()
            let first = try await world.runningInstance("green", number: 1)
            kill(first.pid, SIGKILL)
            _ = try await world.runningInstance("green", number: 2)
            try await eventually("all three listen again") { Self.listenerCount(on: port) == 3 }
            for name in ["red", "blue"] { #expect(world.instances(name).count == 1) }
            // One that does not share it has no room beside them.
            try world.declare("lone", actions: .process("listen \(port)", "tcp_ports: [\(port)]"))
            let answer = try await world.run("validate")
            #expect(
                answer.exitCode == 2 && (answer.output + answer.errorOutput).contains("only one of them shares it"),
                "\(answer)"
            )
        }
    }
}

extension String {
    fileprivate func leftPadded(to width: Int) -> String {
        String(repeating: "0", count: max(0, width - count)) + self
    }
}
