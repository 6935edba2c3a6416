import Foundation
import Testing

/// The reconciler without free resources (guarantees RX).
@Suite("Exhausted resources", .serialized)
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
        "Without free descriptors running services continue, and later starts succeed (RX-1)",
        .enabled(if: hasPrlimit, "prlimit is not installed")
    )
    func noFreeDescriptors() async throws {
        try await TestHost.with { host in
            try host.declare("first")
            try await host.apply()
            let first = try await host.runningInstance("first")
            let reconciler = try #require(host.reconcilerPID)
            let open = EndToEndTests.descriptorCount(of: reconciler)
            // The limit leaves descriptors for one request and little else.
            try run(Self.prlimit, "--pid", "\(reconciler)", "--nofile=\(open + 3):")
            for number in 0..<8 {
                try host.declare("more\(number)", actions: .process("sleep -1", "retry: {delay: 50ms}"))
            }
            _ = try await host.run("apply", "--timeout", "1s")
            #expect(host.reconcilerPID == reconciler, "the reconciler runs")
            #expect(isAlive(first.pid))
            try run(Self.prlimit, "--pid", "\(reconciler)", "--nofile=4096:")
            try await host.apply()
            for number in 0..<8 { #expect(try await host.state(of: "more\(number)") == "running") }
            #expect(host.instances("first").count == 1)
        }
    }

    private static let hasPIDController = ControlGroup.isControllerAvailable("pids")

    @Test(
        "Without free PIDs a start is retried and a stop succeeds (RX-2)",
        .enabled(if: hasPIDController, "no writable pids controller")
    )
    func noFreePIDs() async throws {
        try await TestHost.with { host in
            try host.declare("old", actions: .process("fork 3"))
            try await host.apply()
            let old = try await host.runningInstance("old")
            let reconciler = try #require(host.reconcilerPID)
            let group = try ControlGroup("pids", host)
            // Both processes that start shims.
            for pid in [reconciler] + children(of: reconciler).filter(isForkServer) {
                try group.write("\(pid)", "cgroup.procs")
            }
            try group.write("1", "pids.max")

            try host.declare("old", "status: stop", actions: .process("fork 3"))
            try host.declare("new", actions: .process("sleep -1", "retry: {delay: 50ms}"))
            _ = try await host.run("apply", "--timeout", "1s")
            #expect(host.reconcilerPID == reconciler, "the reconciler runs")
            for pid in [old.pid] + old.children { #expect(!isAlive(pid)) }
            _ = try await host.waitForEvent("warning", "Resource temporarily unavailable")
            try group.write("max", "pids.max")
            let new = try await host.runningInstance("new")
            #expect(new.restartCount == 0, "a program that was never executed is no restart")
        }
    }
}
