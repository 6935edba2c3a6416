import Foundation
import Testing

/// `retry.within` with real processes.
@Suite("Attempts within a time", .serialized)
struct RetryWithinTests {
    private func retry(_ within: String) -> String {
        "retry: {max_attempts: 3, within: \(within), delay: 10ms, jitter: 0, stable_after: 50ms}"
    }

    @Test("A program that becomes stable before each end still gives up within the time")
    func givesUp() async throws {
        try await TestHost.with { host in
            try host.declare("flaky", actions: .process("sleep 300 exit 4", retry("1h")))
            _ = try await host.run("apply", "--no-wait")
            try await eventually("the service has failed") { try await host.state(of: "flaky") == "failed" }
            #expect(host.instances("flaky").count == 3)
            _ = try await host.waitForEvent("error", "failed after 3 attempts within 1h")
        }
    }

    @Test("A program that fails more slowly than the time is restarted without end")
    func oldAttempts() async throws {
        try await TestHost.with { host in
            try host.declare("flaky", actions: .process("sleep 200 exit 4", retry("100ms")))
            _ = try await host.run("apply", "--no-wait")
            try await eventually("the service was started six times") { host.instances("flaky").count >= 6 }
        }
    }

    @Test("A new reconciler continues to count the attempts within a time")
    func newReconciler() async throws {
        try await TestHost.with { host in
            try host.declare("flaky", actions: .process("sleep 700 exit 4", retry("1h")))
            _ = try await host.run("apply", "--no-wait")
            try await eventually("the second attempt runs") { host.instances("flaky").count == 2 }
            try await host.killReconciler()
            _ = try host.startReconciler()
            try await eventually("the service has failed") { try await host.state(of: "flaky") == "failed" }
            #expect(host.instances("flaky").count == 3)
        }
    }
}
