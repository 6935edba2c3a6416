import Foundation
import Glibc
import HeroLinux
import Testing

/// A reconciler that crashes repeatedly by itself (guarantee CR-6).
///
/// A failpoint crashes it while a file exists: `HEROPROC_FP_WHILE`.
@Suite("Safe mode", .serialized)
struct SafeModeTests {
    /// The reconciler section of `status`.
    private func reconcilerStatus(_ host: TestHost) async throws -> [String: Any] {
        try await host.run("status", "-o", "json").json["reconciler"] as? [String: Any] ?? [:]
    }

    /// Waits until a running reconciler has this mode.
    private func waitForMode(_ host: TestHost, _ mode: String, within seconds: Int = 40) async throws {
        try await eventually("the reconciler is in mode \(mode)", within: seconds) {
            let reconciler = try await reconcilerStatus(host)
            return reconciler["mode"] as? String == mode && (reconciler["safe_mode"] is String) == (mode == "safe")
        }
    }

    /// The number of crashes in the log of the monitor.
    private func crashCount(_ text: String) -> Int {
        text.matches(of: /was killed by signal (4|5);/).count
    }

    /// Starts two quiet services, a crash loop and a monitored reconciler.
    ///
    /// The reconciler crashes when it reads the file `poison.yaml`.
    private func startMonitoredServices(_ host: TestHost) async throws -> (
        monitor: RunningCommand, instances: [OracleInstance]
    ) {
        try host.declare("db")
        try host.declare("web", "requires: [db]", actions: .process("sleep -1", "retry: {delay: 10ms}"))
        try host.declare("loop", actions: .process("wait 100 exit 1", "retry: {delay: 200ms, max_delay: 200ms}"))
        let monitor = try host.start(
            ["reconcile", "--watch", "--keep"],
            environment: ["HEROPROC_FP": "FP-MF-1=panic", "HEROPROC_FP_WHILE": host.servicesDirectory + "/poison.yaml"]
        )
        let instances = [
            try await host.runningInstance("db", number: 1), try await host.runningInstance("web", number: 1),
        ]
        try await waitForMode(host, "watch")
        return (monitor, instances)
    }

    @Test(
        "Three crashes over a manifest lead to safe mode until it changes (CR-6)"
    )
    func poisonedManifest() async throws {
        try await TestHost.with { host in
            let (monitor, before) = try await startMonitoredServices(host)
            let begin = ContinuousClock.now
            try host.declare("poison")
            try await waitForMode(host, "safe")
            TestSettings.reportRow([
                "row": "CR-6 poisoned manifest", "cycles": "1",
                "slowest": "\(Int((ContinuousClock.now - begin) / .milliseconds(1))) ms", "verdict": "safe mode",
            ])
            #expect(crashCount(host.readText(monitor.errorPath)) == 3, "\(host.readText(monitor.errorPath))")
            let safe = try #require(host.reconcilerPID)

            // Running services are not affected. A killed service and a crash loop are restarted in their jobs.
            #expect(try await host.runningInstance("db", number: 1) == before[0])
            #expect(kill(before[1].pid, SIGKILL) == 0)
            let web = try await host.runningInstance("web", number: 2)
            #expect(web.job == before[1].job)
            let loops = host.instances("loop").count
            try await eventually("the crash loop continues") {
                host.instances("loop").count > loops + 1
            }
            #expect(Set(host.instances("loop").map(\.job)).count == 1)

            try await expectRefusedApply(host)
            try await expectReportedReason(host)
            #expect(host.instances("poison").isEmpty)
            #expect(host.reconcilerPID == safe && host.monitorPID == monitor.pid, "the reconciler keeps running")

            host.removeManifest("poison")
            try await waitForMode(host, "watch")
            _ = try await host.waitForEvent(
                "info",
                "safe mode has ended: something has changed in \(host.servicesDirectory)"
            )
            #expect(try await host.runningInstance("db", number: 1) == before[0])
            #expect(try await host.runningInstance("web", number: 2) == web)
            try host.declare("loop")
            try host.declare("more")
            _ = try await host.runningInstance("more", number: 1)
            try await eventually("all changes are applied") { try await host.run("diff").exitCode == 0 }
            #expect(crashCount(host.readText(monitor.errorPath)) == 3 && host.monitorPID == monitor.pid)
        }
    }

    private func expectRefusedApply(_ host: TestHost) async throws {
        let result = try await host.run("apply")
        #expect(result.exitCode == 2)
        let texts = [
            "Refused: nothing was changed", "safe mode: the reconciler crashed 3 times within a minute", "SIG",
        ]
        for text in texts { #expect(result.errorOutput.contains(text), "\(result.errorOutput)") }
        let json = try await host.run("apply", "-o", "json")
        #expect(json.exitCode == 2 && json.json["revision"] is NSNull)
        let history = try await host.run("history", "-o", "json").json["revisions"] as? [[String: Any]] ?? []
        #expect(history.count == 1)
    }

    private func expectReportedReason(_ host: TestHost) async throws {
        _ = try await host.waitForEvent(
            "error",
            "safe mode: the reconciler crashed 3 times",
            "anything changes in \(host.servicesDirectory)"
        )
        let status = try await host.run("status")
        #expect(
            status.output.contains("\nSafe mode: ") && status.output.contains("crashed 3 times"),
            "\(status.output)"
        )
        let doctor = try await host.run("doctor")
        #expect(doctor.output.contains("is in safe mode"), "\(doctor.output)")
    }

    @Test("A change that keeps the crash leads back to safe mode (CR-6)")
    func poisonedManifestStays() async throws {
        try await TestHost.with { host in
            let (monitor, before) = try await startMonitoredServices(host)
            try host.declare("poison")
            try await waitForMode(host, "safe")
            try host.declare("more")
            try await eventually("the reconciler crashed three more times", within: 40) {
                crashCount(host.readText(monitor.errorPath)) == 6
            }
            try await waitForMode(host, "safe")
            #expect(try await host.runningInstance("db", number: 1) == before[0])
            #expect(try await host.runningInstance("web", number: 1) == before[1])
            #expect(host.instances("more").isEmpty)
            // A down reads no manifests.
            #expect(try await host.run("down").exitCode == 0)
            #expect(!isAlive(before[0].pid) && !isAlive(before[1].pid))
            host.removeManifest("poison")
            try await waitForMode(host, "watch")
            #expect(host.instances("web").count == 1, "the service stays stopped")
        }
    }

    @Test(
        "A reconciler that crashes at its start is restarted without end (CR-6)"
    )
    func crashAtStart() async throws {
        try await TestHost.with { host in
            try host.declare("db")
            try host.declare("web", actions: .process("sleep -1", "retry: {delay: 10ms}"))
            let poison = host.root + "/poison"
            let environment = ["HEROPROC_FP": "FP-LK-1=panic", "HEROPROC_FP_WHILE": poison]
            #expect(try await host.run("apply", environment: environment).exitCode == 0)
            let before = [
                try await host.runningInstance("db", number: 1), try await host.runningInstance("web", number: 1),
            ]
            let monitor = try #require(host.monitorPID)
            try Data().write(to: URL(fileURLWithPath: poison))
            #expect(kill(try #require(host.reconcilerPID), SIGKILL) == 0)
            let log = host.paths.reconcilerLog
            try await eventually("safe mode has crashed, too", within: 60) { crashCount(host.readText(log)) >= 5 }
            #expect(kill(before[1].pid, SIGKILL) == 0)
            #expect(isAlive(before[0].pid) && isAlive(monitor))
            unlink(poison)
            let web = try await host.runningInstance("web", number: 2)
            #expect(web.job == before[1].job)
            #expect(try await host.runningInstance("db", number: 1) == before[0])
            // The current reconciler may be in safe mode. A change of the files ends it.
            try host.declare("more")
            try await eventually("an apply succeeds", within: 40) { try await host.run("apply").exitCode == 0 }
            #expect(host.monitorPID == monitor)
            try await host.expectEmptyDiff()
        }
    }

    @Test("Kills from outside do not lead to safe mode (CR-6)")
    func externalKillsAreNoCrash() async throws {
        try await TestHost.with { host in
            let (monitor, before) = try await startMonitoredServices(host)
            for _ in 0..<3 {
                let pid = try #require(host.reconcilerPID)
                #expect(kill(pid, SIGKILL) == 0)
                try await eventually("a new reconciler runs", within: 40) {
                    host.reconcilerPID.map { $0 != pid } ?? false
                }
            }
            try await waitForMode(host, "watch")
            #expect(try await host.events().allSatisfy { !($0["text"] as? String ?? "").contains("safe mode") })
            try host.declare("more")
            _ = try await host.runningInstance("more", number: 1)
            #expect(try await host.runningInstance("db", number: 1) == before[0])
            #expect(host.monitorPID == monitor.pid && !host.readText(monitor.errorPath).contains("safe mode"))
        }
    }
}
