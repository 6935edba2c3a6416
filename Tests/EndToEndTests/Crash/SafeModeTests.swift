import Foundation
import Glibc
import HeroLinux
import Testing

/// A reconciler that crashes again and again by itself (reliability.md CR-6).
///
/// The crash is a failpoint that fires as long as one file is there: `HEROPROC_FP_WHILE`.
@Suite("Safe mode", .serialized)
struct SafeModeTests {
    /// What the reconciler says of itself in `status`.
    private func reconcilerStatus(_ world: TestHost) async throws -> [String: Any] {
        try await world.run("status", "-o", "json").json["reconciler"] as? [String: Any] ?? [:]
    }

    /// Waits until a live reconciler works like this.
    private func waitForMode(_ world: TestHost, _ mode: String, within seconds: Int = 40) async throws {
        try await eventually("one lives that is \(mode)", within: seconds) {
            let reconciler = try await reconcilerStatus(world)
            return reconciler["mode"] as? String == mode && (reconciler["safe_mode"] is String) == (mode == "safe")
        }
    }

    /// How often a keeper has seen its reconciler crash by itself.
    private func crashCount(_ text: String) -> Int {
        text.matches(of: /was ended by signal (4|5);/).count
    }

    /// Declares two quiet services and one whose program ends again and again, and has a kept reconciler watch them; the file `poison.yaml`
    /// crashes it where it has read it.
    private func startMonitoredServices(_ world: TestHost) async throws -> (
        keeper: TestHost.RunningCommand, lives: [OracleInstance]
    ) {
        try world.declare("db")
        try world.declare("web", "requires: [db]", actions: .process("sleep -1", "retry: {delay: 10ms}"))
        try world.declare("loop", actions: .process("wait 100 exit 1", "retry: {delay: 200ms, max_delay: 200ms}"))
        let keeper = try world.start(
            ["reconcile", "--watch", "--keep"],
            extra: ["HEROPROC_FP": "FP-MF-1=panic", "HEROPROC_FP_WHILE": world.servicesDirectory + "/poison.yaml"]
        )
        let lives = [
            try await world.runningInstance("db", number: 1), try await world.runningInstance("web", number: 1),
        ]
        try await waitForMode(world, "watch")
        return (keeper, lives)
    }

    @Test(
        "CR-6: after three crashes over a manifest, services go on and are restarted, applies are refused and say why; it ends with the poison"
    )
    func poisonedManifest() async throws {
        try await TestHost.with { world in
            let (keeper, before) = try await startMonitoredServices(world)
            let begin = ContinuousClock.now
            try world.declare("poison")
            try await waitForMode(world, "safe")
            TestSettings.reportRow([
                "row": "CR-6 poisoned manifest", "cycles": "1",
                "slowest": "\(Int((ContinuousClock.now - begin) / .milliseconds(1))) ms", "verdict": "safe mode",
            ])
            #expect(crashCount(world.readText(keeper.errorPath)) == 3, "\(world.readText(keeper.errorPath))")
            let safe = try #require(world.reconcilerPID)

            // What runs does not notice; what dies is started again in its job, and so is what keeps dying.
            #expect(try await world.runningInstance("db", number: 1) == before[0])
            #expect(kill(before[1].pid, SIGKILL) == 0)
            let web = try await world.runningInstance("web", number: 2)
            #expect(web.job == before[1].job)
            let loops = world.instances("loop").count
            try await eventually("the one that keeps ending is tried again") {
                world.instances("loop").count > loops + 1
            }
            #expect(Set(world.instances("loop").map(\.job)).count == 1)

            try await expectRefusedApply(world)
            try await expectReportedReason(world)
            #expect(world.instances("poison").isEmpty)
            #expect(world.reconcilerPID == safe && world.monitorPID == keeper.pid, "none of that ends it")

            world.removeManifest("poison")
            try await waitForMode(world, "watch")
            _ = try await world.waitForEvent(
                "info",
                "safe mode has ended: something has changed in \(world.servicesDirectory)"
            )
            #expect(try await world.runningInstance("db", number: 1) == before[0])
            #expect(try await world.runningInstance("web", number: 2) == web)
            try world.declare("loop")
            try world.declare("more")
            _ = try await world.runningInstance("more", number: 1)
            try await eventually("all of it is done") { try await world.run("diff").exitCode == 0 }
            #expect(crashCount(world.readText(keeper.errorPath)) == 3 && world.monitorPID == keeper.pid)
        }
    }

    private func expectRefusedApply(_ world: TestHost) async throws {
        let answer = try await world.run("apply")
        #expect(answer.exitCode == 2)
        let words = [
            "Refused: nothing was changed", "safe mode: the reconciler crashed 3 times within a minute", "SIG",
        ]
        for word in words { #expect(answer.errorOutput.contains(word), "\(answer.errorOutput)") }
        let json = try await world.run("apply", "-o", "json")
        #expect(json.exitCode == 2 && json.json["revision"] is NSNull)
        let history = try await world.run("history", "-o", "json").json["revisions"] as? [[String: Any]] ?? []
        #expect(history.count == 1)
    }

    private func expectReportedReason(_ world: TestHost) async throws {
        _ = try await world.waitForEvent(
            "error",
            "safe mode: the reconciler crashed 3 times",
            "anything changes in \(world.servicesDirectory)"
        )
        let status = try await world.run("status")
        #expect(
            status.output.contains("\nSafe mode: ") && status.output.contains("crashed 3 times"),
            "\(status.output)"
        )
        let doctor = try await world.run("doctor")
        #expect(doctor.output.contains("is in safe mode"), "\(doctor.output)")
    }

    @Test("CR-6: where the poison stays, another change leads there and back, and still no service notices")
    func poisonedManifestStays() async throws {
        try await TestHost.with { world in
            let (keeper, before) = try await startMonitoredServices(world)
            try world.declare("poison")
            try await waitForMode(world, "safe")
            try world.declare("more")
            try await eventually("it crashed three more times", within: 40) {
                crashCount(world.readText(keeper.errorPath)) == 6
            }
            try await waitForMode(world, "safe")
            #expect(try await world.runningInstance("db", number: 1) == before[0])
            #expect(try await world.runningInstance("web", number: 1) == before[1])
            #expect(world.instances("more").isEmpty)
            // A down needs nothing new.
            #expect(try await world.run("down").exitCode == 0)
            #expect(!isAlive(before[0].pid) && !isAlive(before[1].pid))
            world.removeManifest("poison")
            try await waitForMode(world, "watch")
            #expect(world.instances("web").count == 1, "nobody has brought it up again")
        }
    }

    @Test(
        "CR-6: a reconciler that crashes at its start, in safe mode too, is tried for ever; services go on and are then healed"
    )
    func crashAtStart() async throws {
        try await TestHost.with { world in
            try world.declare("db")
            try world.declare("web", actions: .process("sleep -1", "retry: {delay: 10ms}"))
            let poison = world.root + "/poison"
            let extra = ["HEROPROC_FP": "FP-LK-1=panic", "HEROPROC_FP_WHILE": poison]
            #expect(try await world.run("apply", extra: extra).exitCode == 0)
            let before = [
                try await world.runningInstance("db", number: 1), try await world.runningInstance("web", number: 1),
            ]
            let keeper = try #require(world.monitorPID)
            try Data().write(to: URL(fileURLWithPath: poison))
            #expect(kill(try #require(world.reconcilerPID), SIGKILL) == 0)
            let log = world.paths.reconcilerLog
            try await eventually("safe mode has crashed, too", within: 60) { crashCount(world.readText(log)) >= 5 }
            #expect(kill(before[1].pid, SIGKILL) == 0)
            #expect(isAlive(before[0].pid) && isAlive(keeper))
            unlink(poison)
            let web = try await world.runningInstance("web", number: 2)
            #expect(web.job == before[1].job)
            #expect(try await world.runningInstance("db", number: 1) == before[0])
            // It may have been the turn of safe mode: a change ends that.
            try world.declare("more")
            try await eventually("an apply is taken", within: 40) { try await world.run("apply").exitCode == 0 }
            #expect(world.monitorPID == keeper)
            try await world.expectEmptyDiff()
        }
    }

    @Test("CR-6: who is killed from outside has not crashed by itself: no safe mode")
    func externalKillsAreNoCrash() async throws {
        try await TestHost.with { world in
            let (keeper, before) = try await startMonitoredServices(world)
            for _ in 0..<3 {
                let pid = try #require(world.reconcilerPID)
                #expect(kill(pid, SIGKILL) == 0)
                try await eventually("another one is there", within: 40) {
                    world.reconcilerPID.map { $0 != pid } ?? false
                }
            }
            try await waitForMode(world, "watch")
            #expect(try await world.events().allSatisfy { !($0["text"] as? String ?? "").contains("safe mode") })
            try world.declare("more")
            _ = try await world.runningInstance("more", number: 1)
            #expect(try await world.runningInstance("db", number: 1) == before[0])
            #expect(world.monitorPID == keeper.pid && !world.readText(keeper.errorPath).contains("safe mode"))
        }
    }
}
