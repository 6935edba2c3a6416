import Foundation
import Glibc
import Testing

/// Ports that several programs listen on at one time (SO_REUSEPORT), each with a socket of its own (reliability.md TP-4).
@Suite("Shared ports", .serialized)
struct SharedPortTests {
    private typealias Stranger = ReclaimTests.Stranger

    /// Three programs that nobody ordered, all listening on one port.
    private func group(on port: Int) async throws -> [Stranger] {
        let strangers = try (0..<3).map { _ in try Stranger("share-ports", "listen", "\(port)") }
        try await eventually("all three listen") { Self.listeners(on: port) == 3 }
        return strangers
    }

    /// How many sockets listen on a port of 127.0.0.1, as proc(5) has them.
    private static func listeners(on port: Int) -> Int {
        let place = "0100007F:" + String(port, radix: 16, uppercase: true).leftPadded(to: 4)
        let lines = String(decoding: fileContents("/proc/net/tcp"), as: UTF8.self).split(separator: "\n")
        return lines.count { line in
            let words = line.split(separator: " ")
            return words.count > 3 && words[1] == place && words[3] == "0A"
        }
    }

    private static func shared(_ port: Int) -> String { "tcp_ports: [{port: \"127.0.0.1:\(port)\", reuseport: true}]" }

    @Test("TP-4: without the key a group of three holds a start up, and all three are named; they live")
    func unshared() async throws {
        try await World.with { world in
            let port = try freePort()
            let strangers = try await group(on: port)
            let keys = "tcp_ports: [\(port)]"
            try world.declare("web", does: .process("share-ports listen \(port)", keys, "retry: {delay: 50ms}"))
            let diff = try await world.run("diff").out
            let answer = try await world.run("apply", "--timeout", "1s")
            #expect(answer.code == 1)
            let why = try await world.run("why", "web").out
            for stranger in strangers {
                #expect(diff.contains("tcp \(port) is held by pid \(stranger.pid) "), "\(diff)")
                #expect(answer.out.contains("pid \(stranger.pid) \(World.oracle)"), "\(answer.out)")
                #expect(why.contains("pid \(stranger.pid) "), "\(why)")
                #expect(stranger.lives)
            }
            #expect(world.lives("web").isEmpty)
            // The same programs are in nobody's way once the port is declared as shared.
            try world.declare(
                "web",
                does: .process("share-ports listen \(port)", Self.shared(port), "retry: {delay: 50ms}")
            )
            try await world.apply()
            #expect(Self.listeners(on: port) == 4 && strangers.allSatisfy { $0.lives })
        }
    }

    @Test("TP-4: with `reuseport: true` it starts beside them, and is ready by a listener of its own")
    func beside() async throws {
        try await World.with { world in
            let port = try freePort()
            let strangers = try await group(on: port)
            let gate = world.root + "/gate"
            try world.declare(
                "web",
                does: .process("wait-for \(gate) share-ports listen \(port)", Self.shared(port))
            )
            let diff = try await world.run("diff").out
            #expect(!diff.contains("is held by"), "\(diff)")
            _ = try await world.run("apply", "--no-wait")
            _ = try await world.life("web", number: 1)
            // Three listen there already, and that is not its own.
            try await eventually("it was asked, and is not ready") {
                try await world.run("why", "web").out.contains("another program does")
            }
            #expect(try await world.action("web")["ready"] as? Bool == false)
            try Data().write(to: URL(fileURLWithPath: gate))
            try await eventually("it is ready") { try await world.state(of: "web") == "running" }
            #expect(Self.listeners(on: port) == 4)
            #expect(strangers.allSatisfy { $0.lives })
            let job = try #require(try await world.jobs(of: "web").first)
            #expect(job["restart_count"] as? Int == 0 && job["attempt"] as? Int == 1, "\(job)")
            let signals = try await world.events().filter { ($0["text"] as? String)?.contains("sending") ?? false }
            #expect(signals.isEmpty)
            try await world.expectNoDifference()
            // It comes back beside them as well.
            kill(try await world.life("web", number: 1).pid, SIGKILL)
            _ = try await world.life("web", number: 2)
            try await eventually("it is ready again") { Self.listeners(on: port) == 4 }
            #expect(strangers.allSatisfy { $0.lives })
        }
    }

    @Test(
        "TP-4: what may stop strangers stops all three of a group, an event for each, whether it shares the port or not",
        arguments: ["kill_others", "singleton"],
        [false, true]
    )
    func reclaimed(_ key: String, _ isShared: Bool) async throws {
        try await World.with { world in
            let port = try freePort()
            let strangers = try await group(on: port)
            let ports = isShared ? Self.shared(port) : "tcp_ports: [\"127.0.0.1:\(port)\"]"
            try world.declare("web", does: .process("share-ports listen \(port)", ports, "\(key): true"))
            let diff = try await world.run("diff").out
            for stranger in strangers {
                #expect(diff.contains("will stop pid \(stranger.pid) "), "\(diff)")
            }
            try await world.apply()
            for stranger in strangers {
                #expect(!stranger.lives)
                _ = try await world.event("warning", "sending TERM to pid \(stranger.pid) ", "(\(key))")
            }
            #expect(Self.listeners(on: port) == 1)
            #expect(world.lives("web").count == 1)
            try await world.expectNoDifference()
        }
    }

    @Test("TP-4: a holder that does not share the port is named and waited for, whatever the manifest declares")
    func refused() async throws {
        try await World.with { world in
            let port = try freePort()
            let stranger = try Stranger("listen", "\(port)")
            try await eventually("the stranger listens") { Self.listeners(on: port) == 1 }
            try world.declare(
                "web",
                does: .process(
                    "share-ports listen \(port)",
                    Self.shared(port),
                    "retry: {delay: 50ms, max_delay: 200ms}"
                )
            )
            let answer = try await world.run("apply", "--timeout", "1s")
            #expect(answer.code == 1)
            #expect(answer.out.contains("is held by pid \(stranger.pid) "), "\(answer.out)")
            #expect(answer.out.contains("SO_REUSEPORT"), "\(answer.out)")
            #expect(stranger.lives && world.lives("web").isEmpty)
            kill(stranger.pid, SIGKILL)
            try await eventually("it has left") { !stranger.lives }
            try await eventually("it runs") { try await world.state(of: "web") == "running" }
            #expect(try await world.action("web")["restart_count"] as? Int == 0)
        }
    }

    @Test("TP-4, TP-6: services that all share a port run side by side, none is held up or stopped by another")
    func workers() async throws {
        try await World.with { world in
            let port = try freePort()
            let names = ["red", "green", "blue"]
            for name in names {
                // Allowed to stop strangers, which a job of our own is not.
                try world.declare(
                    name,
                    does: .process("share-ports listen \(port)", Self.shared(port), "kill_others: true")
                )
            }
            try await world.apply()
            #expect(Self.listeners(on: port) == 3)
            try await world.expectNoDifference()
            let first = try await world.life("green", number: 1)
            kill(first.pid, SIGKILL)
            _ = try await world.life("green", number: 2)
            try await eventually("all three listen again") { Self.listeners(on: port) == 3 }
            for name in ["red", "blue"] { #expect(world.lives(name).count == 1) }
            // One that does not share it has no room beside them.
            try world.declare("lone", does: .process("listen \(port)", "tcp_ports: [\(port)]"))
            let answer = try await world.run("validate")
            #expect(answer.code == 2 && (answer.out + answer.err).contains("only one of them shares it"), "\(answer)")
        }
    }
}

extension String {
    fileprivate func leftPadded(to width: Int) -> String {
        String(repeating: "0", count: max(0, width - count)) + self
    }
}
