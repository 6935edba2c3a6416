import Foundation
import Testing

/// What a reconciler does when the machine has nothing left to give (reliability.md 4.13).
@Suite("Exhaustion", .serialized)
struct ResourceExhaustionTests {
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
    func noFreeDescriptors() async throws {
        try await TestHost.with { world in
            try world.declare("first")
            try await world.apply()
            let first = try await world.runningInstance("first")
            let reconciler = try #require(world.reconcilerPID)
            let open = EndToEndTests.descriptorCount(of: reconciler)
            // Room for a request, and for next to nothing else.
            try run(Self.prlimit, "--pid", "\(reconciler)", "--nofile=\(open + 3):")
            for number in 0..<8 {
                try world.declare("more\(number)", actions: .process("sleep -1", "retry: {delay: 50ms}"))
            }
            _ = try await world.run("apply", "--timeout", "1s")
            #expect(world.reconcilerPID == reconciler, "it lives")
            #expect(isAlive(first.pid))
            try run(Self.prlimit, "--pid", "\(reconciler)", "--nofile=4096:")
            try await world.apply()
            for number in 0..<8 { #expect(try await world.state(of: "more\(number)") == "running") }
            #expect(world.instances("first").count == 1)
        }
    }

    private static let hasPIDController = ControlGroup.isControllerAvailable("pids")

    @Test(
        "RX-2: without a free pid a start is tried again, and a stop works",
        .enabled(if: hasPIDController, "there is no pids controller that may be written here")
    )
    func noFreePIDs() async throws {
        try await TestHost.with { world in
            try world.declare("old", actions: .process("fork 3"))
            try await world.apply()
            let old = try await world.runningInstance("old")
            let reconciler = try #require(world.reconcilerPID)
            let group = try ControlGroup("pids", world)
            try group.write("\(reconciler)", "cgroup.procs")
            try group.write("1", "pids.max")

            try world.declare("old", "status: stop", actions: .process("fork 3"))
            try world.declare("new", actions: .process("sleep -1", "retry: {delay: 50ms}"))
            _ = try await world.run("apply", "--timeout", "1s")
            #expect(world.reconcilerPID == reconciler, "it lives")
            for pid in [old.pid] + old.children { #expect(!isAlive(pid)) }
            _ = try await world.waitForEvent("warning", "Resource temporarily unavailable")
            try group.write("max", "pids.max")
            let new = try await world.runningInstance("new")
            #expect(new.restartCount == 0, "what was never executed is no restart")
        }
    }
}
