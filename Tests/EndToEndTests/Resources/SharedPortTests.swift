import Foundation
import Glibc
import Testing

/// Ports shared by several programs with SO_REUSEPORT, each with its own socket (guarantee TP-4).
@Suite("Shared ports", .serialized)
struct SharedPortTests {
    /// Starts three foreign processes that listen on the same port.
    private func startGroup(on port: Int) async throws -> [ForeignProcess] {
        let foreignProcesses = try (0..<3).map { _ in try ForeignProcess("share-ports", "listen", "\(port)") }
        try await eventually("all three processes listen") { Self.listenerCount(on: port) == 3 }
        return foreignProcesses
    }

    /// The number of sockets that listen on a port of 127.0.0.1 (proc(5)).
    private static func listenerCount(on port: Int) -> Int {
        let address = "0100007F:" + String(port, radix: 16, uppercase: true).leftPadded(to: 4)
        let lines = String(decoding: fileContents("/proc/net/tcp"), as: UTF8.self).split(separator: "\n")
        return lines.count { line in
            let columns = line.split(separator: " ")
            return columns.count > 3 && columns[1] == address && columns[3] == "0A"
        }
    }

    private static func sharedPortField(_ port: Int) -> String {
        "tcp_ports: [{port: \"127.0.0.1:\(port)\", reuseport: true}]"
    }

    @Test("Three holders of an unshared port block a start and are named (TP-4)")
    func groupBlocksAnUnsharedPort() async throws {
        try await TestHost.with { host in
            let port = try freePort()
            let foreignProcesses = try await startGroup(on: port)
            let fields = "tcp_ports: [\(port)]"
            try host.declare("web", actions: .process("share-ports listen \(port)", fields, "retry: {delay: 50ms}"))
            let diff = try await host.run("diff").output
            let result = try await host.run("apply", "--timeout", "1s")
            #expect(result.exitCode == 1)
            let why = try await host.run("why", "web").output
            for foreignProcess in foreignProcesses {
                #expect(diff.contains("tcp \(port) is held by pid \(foreignProcess.pid) "), "\(diff)")
                #expect(result.output.contains("pid \(foreignProcess.pid) \(TestHost.oraclePath)"), "\(result.output)")
                #expect(why.contains("pid \(foreignProcess.pid) "), "\(why)")
                #expect(foreignProcess.isRunning)
            }
            #expect(host.instances("web").isEmpty)
            // The same processes block no start of a service that shares the port.
            try host.declare(
                "web",
                actions: .process("share-ports listen \(port)", Self.sharedPortField(port), "retry: {delay: 50ms}")
            )
            try await host.apply()
            #expect(Self.listenerCount(on: port) == 4 && foreignProcesses.allSatisfy { $0.isRunning })
        }
    }

    @Test("With reuseport a service starts next to other listeners (TP-4)")
    func sharedPortStartsNextToOthers() async throws {
        try await TestHost.with { host in
            let port = try freePort()
            let foreignProcesses = try await startGroup(on: port)
            let gate = host.root + "/gate"
            try host.declare(
                "web",
                actions: .process("wait-for \(gate) share-ports listen \(port)", Self.sharedPortField(port))
            )
            let diff = try await host.run("diff").output
            #expect(!diff.contains("is held by"), "\(diff)")
            _ = try await host.run("apply", "--no-wait")
            _ = try await host.runningInstance("web", number: 1)
            // Three sockets already listen, and none belongs to the service.
            try await eventually("a probe ran and the service is not ready") {
                try await host.run("why", "web").output.contains("another program does")
            }
            #expect(try await host.actionStatus("web")["ready"] as? Bool == false)
            try Data().write(to: URL(fileURLWithPath: gate))
            try await eventually("the service is ready") { try await host.state(of: "web") == "running" }
            #expect(Self.listenerCount(on: port) == 4)
            #expect(foreignProcesses.allSatisfy { $0.isRunning })
            let job = try #require(try await host.jobs(of: "web").first)
            #expect(job["restart_count"] as? Int == 0 && job["attempt"] as? Int == 1, "\(job)")
            let signals = try await host.events().filter { ($0["text"] as? String)?.contains("sending") ?? false }
            #expect(signals.isEmpty)
            try await host.expectEmptyDiff()
            // A restart also works next to the other listeners.
            kill(try await host.runningInstance("web", number: 1).pid, SIGKILL)
            _ = try await host.runningInstance("web", number: 2)
            try await eventually("the service is ready again") { Self.listenerCount(on: port) == 4 }
            #expect(foreignProcesses.allSatisfy { $0.isRunning })
        }
    }

    @Test(
        "Permission to stop holders covers every process of a group (TP-4)",
        arguments: ["kill_others", "singleton"],
        [false, true]
    )
    func wholeGroupIsStopped(_ key: String, _ isShared: Bool) async throws {
        try await TestHost.with { host in
            let port = try freePort()
            let foreignProcesses = try await startGroup(on: port)
            let ports = isShared ? Self.sharedPortField(port) : "tcp_ports: [\"127.0.0.1:\(port)\"]"
            try host.declare("web", actions: .process("share-ports listen \(port)", ports, "\(key): true"))
            let diff = try await host.run("diff").output
            for foreignProcess in foreignProcesses {
                #expect(diff.contains("will stop pid \(foreignProcess.pid) "), "\(diff)")
            }
            try await host.apply()
            for foreignProcess in foreignProcesses {
                #expect(!foreignProcess.isRunning)
                _ = try await host.waitForEvent("warning", "sending TERM to pid \(foreignProcess.pid) ", "(\(key))")
            }
            #expect(Self.listenerCount(on: port) == 1)
            #expect(host.instances("web").count == 1)
            try await host.expectEmptyDiff()
        }
    }

    @Test("A holder that does not share the port blocks the start (TP-4)")
    func unsharedHolderBlocks() async throws {
        try await TestHost.with { host in
            let port = try freePort()
            let foreignProcess = try ForeignProcess("listen", "\(port)")
            try await eventually("the foreign process listens") { Self.listenerCount(on: port) == 1 }
            try host.declare(
                "web",
                actions: .process(
                    "share-ports listen \(port)",
                    Self.sharedPortField(port),
                    "retry: {delay: 50ms, max_delay: 200ms}"
                )
            )
            let result = try await host.run("apply", "--timeout", "1s")
            #expect(result.exitCode == 1)
            #expect(result.output.contains("is held by pid \(foreignProcess.pid) "), "\(result.output)")
            #expect(result.output.contains("SO_REUSEPORT"), "\(result.output)")
            #expect(foreignProcess.isRunning && host.instances("web").isEmpty)
            kill(foreignProcess.pid, SIGKILL)
            try await eventually("the foreign process has exited") { !foreignProcess.isRunning }
            try await eventually("the service is running") { try await host.state(of: "web") == "running" }
            #expect(try await host.actionStatus("web")["restart_count"] as? Int == 0)
        }
    }

    @Test("Services that share a port run side by side (TP-4, TP-6)")
    func ownServicesShareAPort() async throws {
        try await TestHost.with { host in
            let port = try freePort()
            let names = ["red", "green", "blue"]
            for name in names {
                // kill_others permits to stop foreign processes, but not other jobs.
                try host.declare(
                    name,
                    actions: .process("share-ports listen \(port)", Self.sharedPortField(port), "kill_others: true")
                )
            }
            try await host.apply()
            #expect(Self.listenerCount(on: port) == 3)
            try await host.expectEmptyDiff()
            let first = try await host.runningInstance("green", number: 1)
            kill(first.pid, SIGKILL)
            _ = try await host.runningInstance("green", number: 2)
            try await eventually("all three services listen again") { Self.listenerCount(on: port) == 3 }
            for name in ["red", "blue"] { #expect(host.instances(name).count == 1) }
            // A service that does not share the port cannot use it.
            try host.declare("lone", actions: .process("listen \(port)", "tcp_ports: [\(port)]"))
            let result = try await host.run("validate")
            #expect(
                result.exitCode == 2
                    && (result.output + result.errorOutput).contains("set `reuseport: true` in both actions"),
                "\(result)"
            )
        }
    }
}

extension String {
    fileprivate func leftPadded(to width: Int) -> String {
        String(repeating: "0", count: max(0, width - count)) + self
    }
}
