import Foundation
import Glibc
import HeroModel
import Testing

/// Deadlines belong to the machine, not to the reconciler that has set them (reliability.md RS-3, TM-1, TM-2).
@Suite("Deadlines", .serialized)
struct DeadlineTests {
    private static let delay = 5

    /// Declares a program that fails once and then waits for its second try, and waits until it does.
    private func waitForRetryDelay(_ world: TestHost) async throws -> (ended: Int64, next: WallTime) {
        try world.declare(
            "flaky",
            actions: .process(
                "fails 1 1 sleep -1",
                "retry: {delay: \(Self.delay)s, max_delay: \(Self.delay)s, jitter: 0}"
            )
        )
        _ = try await world.run("apply", "--no-wait")
        var next: WallTime?
        // One look: by the time of a second one the wait may be over.
        try await eventually("it waits") {
            next = try await nextRetry(world)
            return next != nil
        }
        return (try #require(world.instances("flaky").first?.endedAt), try #require(next))
    }

    /// When `status` says that it is tried again; nil when it does not wait.
    private func nextRetry(_ world: TestHost) async throws -> WallTime? {
        (try await world.actionStatus("flaky")["next_retry_at"] as? String).flatMap { WallTime($0) }
    }

    /// Expects that people are told the same moment as before; the two clocks of it are not read at one instant.
    private func expectNextRetry(_ world: TestHost, at next: WallTime) async throws {
        let now = try #require(try await nextRetry(world))
        #expect(abs(now.microseconds - next.microseconds) < 1_000_000, "\(next) became \(now)")
    }

    /// Expects that the second try came at its moment.
    ///
    /// `shift`: by how many seconds the clock of the one that was started is ahead.
    private func expectRetryOnTime(_ world: TestHost, since ended: Int64, shift: Int64 = 0) async throws {
        let life = try await world.runningInstance("flaky", number: 2)
        let gap = (life.startedAt - shift * 1_000_000_000 - ended) / 1_000_000
        let delay = Int64(Self.delay) * 1000
        // One that began anew with the second reconciler would come after half as long again.
        #expect(gap >= delay && gap < delay * 3 / 2, "it came after \(gap) ms")
        #expect(life.restartCount == 1)
    }

    /// Half of the delay: this wait is the fault itself.
    private func waitHalfTheDelay(since ended: Int64) async throws {
        try await Task.sleep(for: .nanoseconds(max(0, ended + Int64(Self.delay) * 500_000_000 - bootTime())))
    }

    @Test(
        "RS-3: kill -9 in the middle of a delay: the next reconciler starts it at the moment that was set, neither earlier nor later"
    )
    func killedDuringDelay() async throws {
        try await TestHost.with { world in
            let (ended, next) = try await waitForRetryDelay(world)
            try await waitHalfTheDelay(since: ended)
            try await world.killReconciler()
            #expect(world.instances("flaky").count == 1)
            let watch = try world.start(["reconcile", "--watch", "--no-sync"])
            try await eventually("the next one is there") { world.reconcilerPID == watch.pid }
            try await expectNextRetry(world, at: next)
            try await expectRetryOnTime(world, since: ended)
        }
    }

    @Test("RS-3: killed, and away until the moment is over: then it is started at once")
    func killedUntilAfterTheDelay() async throws {
        try await TestHost.with { world in
            let (ended, _) = try await waitForRetryDelay(world)
            try await world.killReconciler()
            try await waitHalfTheDelay(since: ended + Int64(Self.delay) * 500_000_000)
            #expect(world.instances("flaky").count == 1)
            let began = bootTime()
            _ = try world.start(["reconcile", "--watch", "--no-sync"])
            let life = try await world.runningInstance("flaky", number: 2)
            #expect(life.startedAt - began < Int64(Self.delay) * 1_000_000_000)
        }
    }

    /// Whether this machine lets us make a time namespace.
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
        "TM-2: a reconciler in a time namespace far ahead takes up what runs, and starts at the moments of the machine",
        .enabled(if: canShiftTime, "needs root, and `unshare` to make a time namespace")
    )
    func shiftedTimeNamespace() async throws {
        try await TestHost.with { world in
            try world.declare("steady", actions: .process("lines 20"))
            try world.declare("dies", actions: .process("sleep -1", "retry: {delay: 50ms, jitter: 0}"))
            let (ended, next) = try await waitForRetryDelay(world)
            let (steady, dies) = (try await world.runningInstance("steady"), try await world.runningInstance("dies"))
            try await waitHalfTheDelay(since: ended)
            try await world.killReconciler()

            let ahead = ["unshare", "-T", "--boottime", "100000000", "--monotonic", "100000000"]
            _ = try world.start(["reconcile", "--watch", "--no-sync"], through: ahead)
            try await eventually("it is there") { world.reconcilerPID != nil }
            try await expectNextRetry(world, at: next)
            try await expectRetryOnTime(world, since: ended, shift: 100_000_000)
            #expect(try await world.runningInstance("steady", number: 1) == steady, "what runs well is adopted")
            // What it starts is known to those who live in the machine's own time, too.
            #expect(kill(dies.pid, SIGKILL) == 0)
            let healed = try await world.runningInstance("dies", number: 2)
            try await eventually("status sees it") {
                try await world.actionStatus("dies")["pid"] as? Int == Int(healed.pid)
            }
            try await world.expectEmptyDiff()
            try await world.killReconciler()

            try await world.apply()
            #expect(try await world.runningInstance("steady", number: 1) == steady)
            #expect(try await world.runningInstance("dies", number: 2) == healed)
            #expect(try await world.runningInstance("flaky", number: 2).restartCount == 1)
        }
    }

    @Test("TM-2: a reconciler that stood still for longer than a start may take asks once more before it judges")
    func suspendedDuringStart() async throws {
        try await TestHost.with { world in
            let ports = [try freePort(), try freePort()]
            let go = world.root + "/go"
            for (name, port) in zip(["slow", "late"], ports) {
                try world.declare(
                    name,
                    actions: .process("wait-for \(go) listen \(port)", "tcp_ports: [\(port)]", "start_timeout: 4s")
                )
            }
            try world.declare(
                "web",
                actions: .process("sleep -1", "ready: {exec: [test, -e, \(go)]}", "start_timeout: 4s")
            )
            let watch = try world.startReconciler()
            var lives: [OracleInstance] = []
            for name in ["slow", "late", "web"] { lives.append(try await world.runningInstance(name)) }
            #expect(kill(watch.pid, SIGSTOP) == 0)
            try Data().write(to: URL(fileURLWithPath: go))
            // Longer than any of them may take, and only a little later than their time: the wait is the fault itself.
            try await Task.sleep(for: .seconds(5))
            #expect(kill(watch.pid, SIGCONT) == 0)
            for (name, life) in zip(["slow", "late", "web"], lives) {
                try await eventually("\(name) is up") { try await world.state(of: name) == "running" }
                #expect(
                    try await world.runningInstance(name, number: 1).pid == life.pid,
                    "\(name) was not started again"
                )
            }
        }
    }
}
