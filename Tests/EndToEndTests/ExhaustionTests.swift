import Foundation
import Testing

/// What a reconciler does when the machine has nothing left to give (reliability.md 4.13).
@Suite("Exhaustion", .serialized)
struct ExhaustionTests {
    private func run(_ program: String, _ arguments: String...) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
    }

    private static let prlimit = "/usr/bin/prlimit"
    private static let hasPrlimit = FileManager.default.isExecutableFile(atPath: prlimit)

    @Test(
        "RX-1: without a free descriptor nothing new starts and what runs goes on; with some it converges",
        .enabled(if: hasPrlimit, "prlimit is not installed")
    )
    func descriptors() async throws {
        try await World.with { world in
            try world.declare("first")
            try await world.apply()
            let first = try await world.life("first")
            let reconciler = try #require(world.reconciler)
            let open = EndToEndTests.descriptorCount(of: reconciler)
            // Room for a request, and for next to nothing else.
            try run(Self.prlimit, "--pid", "\(reconciler)", "--nofile=\(open + 3):")
            for number in 0..<8 {
                try world.declare("more\(number)", does: .process("sleep -1", "retry: {delay: 50ms}"))
            }
            _ = try await world.run("apply", "--timeout", "1s")
            #expect(world.reconciler == reconciler, "it lives")
            #expect(isAlive(first.pid))
            try run(Self.prlimit, "--pid", "\(reconciler)", "--nofile=4096:")
            try await world.apply()
            for number in 0..<8 { #expect(try await world.state(of: "more\(number)") == "running") }
            #expect(world.lives("first").count == 1)
        }
    }

    private static let hasPids = ControlGroup.has("pids")

    @Test(
        "RX-2: without a free pid a start is tried again, and a stop works",
        .enabled(if: hasPids, "there is no pids controller that may be written here")
    )
    func processes() async throws {
        try await World.with { world in
            try world.declare("old", does: .process("fork 3"))
            try await world.apply()
            let old = try await world.life("old")
            let reconciler = try #require(world.reconciler)
            let group = try ControlGroup("pids", world)
            try group.put("\(reconciler)", "cgroup.procs")
            try group.put("1", "pids.max")

            try world.declare("old", "status: stop", does: .process("fork 3"))
            try world.declare("new", does: .process("sleep -1", "retry: {delay: 50ms}"))
            _ = try await world.run("apply", "--timeout", "1s")
            #expect(world.reconciler == reconciler, "it lives")
            for pid in [old.pid] + old.children { #expect(!isAlive(pid)) }
            _ = try await world.event("warning", "Resource temporarily unavailable")
            try group.put("max", "pids.max")
            let new = try await world.life("new")
            #expect(new.restarts == 0, "what was never executed is no restart")
        }
    }
}
