import Foundation
import Glibc
import HeroModel
import Testing

/// Deadlines are times of the machine and survive the reconciler that set them (guarantees RS-3, TM-1, TM-2).
@Suite("Deadlines", .serialized)
struct DeadlineTests {
    private static let delay = 5

    /// Declares a program that fails once, and waits until its retry is scheduled.
    private func waitForRetryDelay(_ host: TestHost) async throws -> (ended: Int64, next: WallTime) {
        try host.declare(
            "flaky",
            actions: .process(
                "fails 1 1 sleep -1",
                "retry: {delay: \(Self.delay)s, max_delay: \(Self.delay)s, jitter: 0}"
            )
        )
        _ = try await host.run("apply", "--no-wait")
        var next: WallTime?
        // One command reads the deadline. Before a second command the delay could be over.
        try await eventually("the retry is scheduled") {
            next = try await nextRetry(host)
            return next != nil
        }
        return (try #require(host.instances("flaky").first?.endedAt), try #require(next))
    }

    /// The time of the next retry in `status`; nil if the service does not wait.
    private func nextRetry(_ host: TestHost) async throws -> WallTime? {
        (try await host.actionStatus("flaky")["next_retry_at"] as? String).flatMap { WallTime($0) }
    }

    /// Expects the same time of the next retry.
    ///
    /// The difference of two clock readings is allowed.
    private func expectNextRetry(_ host: TestHost, at next: WallTime) async throws {
        let now = try #require(try await nextRetry(host))
        #expect(abs(now.microseconds - next.microseconds) < 1_000_000, "\(next) became \(now)")
    }

    /// Expects that the retry started at its deadline.
    ///
    /// `shift` is the offset in seconds of the clock in the time namespace of the program.
    private func expectRetryOnTime(_ host: TestHost, since ended: Int64, shift: Int64 = 0) async throws {
        let instance = try await host.runningInstance("flaky", number: 2)
        let gap = (instance.startedAt - shift * 1_000_000_000 - ended) / 1_000_000
        let delay = Int64(Self.delay) * 1000
        // A delay that began again with the second reconciler would end half a delay later.
        #expect(gap >= delay && gap < delay * 3 / 2, "the retry came after \(gap) ms")
        #expect(instance.restartCount == 1)
    }

    /// Waits for half of the delay.
    ///
    /// The time of the kill is part of the test.
    private func waitHalfTheDelay(since ended: Int64) async throws {
        try await Task.sleep(for: .nanoseconds(max(0, ended + Int64(Self.delay) * 500_000_000 - bootTime())))
    }

    @Test(
        "A new reconciler keeps the retry deadline of a killed one (RS-3)"
    )
    func killedDuringDelay() async throws {
        try await TestHost.with { host in
            let (ended, next) = try await waitForRetryDelay(host)
            try await waitHalfTheDelay(since: ended)
            try await host.killReconciler()
            #expect(host.instances("flaky").count == 1)
            let watch = try host.start(["reconcile", "--watch", "--no-sync"])
            try await eventually("the next reconciler runs") { host.reconcilerPID == watch.pid }
            try await expectNextRetry(host, at: next)
            try await expectRetryOnTime(host, since: ended)
        }
    }

    @Test("A new reconciler retries immediately after a missed deadline (RS-3)")
    func killedUntilAfterTheDelay() async throws {
        try await TestHost.with { host in
            let (ended, _) = try await waitForRetryDelay(host)
            try await host.killReconciler()
            try await waitHalfTheDelay(since: ended + Int64(Self.delay) * 500_000_000)
            #expect(host.instances("flaky").count == 1)
            let began = bootTime()
            _ = try host.start(["reconcile", "--watch", "--no-sync"])
            let instance = try await host.runningInstance("flaky", number: 2)
            #expect(instance.startedAt - began < Int64(Self.delay) * 1_000_000_000)
        }
    }

    /// Whether the test may create a time namespace.
    private static let canShiftTime: Bool = {
        guard geteuid() == 0, access("/usr/bin/unshare", X_OK) == 0 else { return false }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/unshare")
        process.arguments = ["-T", "--boottime", "1000", "true"]
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }()

    @Test(
        "A reconciler in another time namespace keeps deadlines and adopts jobs (TM-2)",
        .enabled(if: canShiftTime, "needs root, and `unshare` to make a time namespace")
    )
    func shiftedTimeNamespace() async throws {
        try await TestHost.with { host in
            try host.declare("steady", actions: .process("lines 20"))
            try host.declare("dies", actions: .process("sleep -1", "retry: {delay: 50ms, jitter: 0}"))
            let (ended, next) = try await waitForRetryDelay(host)
            let (steady, dies) = (try await host.runningInstance("steady"), try await host.runningInstance("dies"))
            try await waitHalfTheDelay(since: ended)
            try await host.killReconciler()

            let ahead = ["unshare", "-T", "--boottime", "100000000", "--monotonic", "100000000"]
            _ = try host.start(["reconcile", "--watch", "--no-sync"], through: ahead)
            try await eventually("the reconciler runs") { host.reconcilerPID != nil }
            try await expectNextRetry(host, at: next)
            try await expectRetryOnTime(host, since: ended, shift: 100_000_000)
            #expect(try await host.runningInstance("steady", number: 1) == steady, "the running service is adopted")
            // A program started in the time namespace is also identified correctly from outside of it.
            #expect(kill(dies.pid, SIGKILL) == 0)
            let healed = try await host.runningInstance("dies", number: 2)
            try await eventually("status shows the process") {
                try await host.actionStatus("dies")["pid"] as? Int == Int(healed.pid)
            }
            try await host.expectEmptyDiff()
            try await host.killReconciler()

            try await host.apply()
            #expect(try await host.runningInstance("steady", number: 1) == steady)
            #expect(try await host.runningInstance("dies", number: 2) == healed)
            #expect(try await host.runningInstance("flaky", number: 2).restartCount == 1)
        }
    }

    @Test("A resumed reconciler probes once more before it fails a start (TM-2)")
    func suspendedDuringStart() async throws {
        try await TestHost.with { host in
            let ports = [try freePort(), try freePort()]
            let go = host.root + "/go"
            for (name, port) in zip(["slow", "late"], ports) {
                try host.declare(
                    name,
                    actions: .process("wait-for \(go) listen \(port)", "tcp_ports: [\(port)]", "start_timeout: 4s")
                )
            }
            try host.declare(
                "web",
                actions: .process("sleep -1", "ready: {exec: [test, -e, \(go)]}", "start_timeout: 4s")
            )
            let watch = try host.startReconciler()
            var instances: [OracleInstance] = []
            for name in ["slow", "late", "web"] { instances.append(try await host.runningInstance(name)) }
            #expect(kill(watch.pid, SIGSTOP) == 0)
            try Data().write(to: URL(fileURLWithPath: go))
            // The pause is longer than every start timeout, and only slightly longer than the retry interval of a
            // probe.
            try await Task.sleep(for: .seconds(5))
            #expect(kill(watch.pid, SIGCONT) == 0)
            for (name, instance) in zip(["slow", "late", "web"], instances) {
                try await eventually("\(name) is running") { try await host.state(of: name) == "running" }
                #expect(
                    try await host.runningInstance(name, number: 1).pid == instance.pid,
                    "\(name) was not restarted"
                )
            }
        }
    }
}
