import Foundation
import Glibc
import HeroLinux
import HeroModel
import Testing

private let isRoot = geteuid() == 0
private let canLowerOOMScore: Bool = {
    let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix("CapEff:") }
    let rights = line.flatMap { UInt64($0.dropFirst(7).trimmingCharacters(in: .whitespaces), radix: 16) } ?? 0
    // CAP_SYS_RESOURCE
    return rights >> 24 & 1 == 1
}()

/// Capabilities of the machine in plans, in status and in the kernel (guarantees TR-2, SP-5, OM-2).
@Suite("Capabilities of the machine", .serialized)
struct MachineCapabilityTests {
    /// Declares an action with limits that is never due during a test.
    private func declareLimits(_ host: TestHost) throws {
        try host.writeManifest(
            "limited.yaml",
            """
            kind: Action
            name: limited
            exec: ["true"]
            schedule: {cron: "0 0 29 2 *"}
            limits: {memory: 1GiB, pids: 10, cpu: 0.5}
            """
        )
    }

    /// Creates a directory that looks like a cgroup v2 with these controllers.
    private func createFakeCgroup(_ host: TestHost, _ controllers: String) throws -> String {
        let path = host.root + "/cgroup"
        mkdir(path, 0o755)
        for (name, text) in [("procs", ""), ("controllers", controllers), ("subtree_control", "")] {
            try Data(text.utf8).write(to: URL(fileURLWithPath: "\(path)/cgroup.\(name)"))
        }
        return path
    }

    /// The limits that `diff` warns about.
    private func warnedLimits(_ host: TestHost, _ options: String..., environment: [String: String] = [:]) async throws
        -> Set<String>
    {
        let result = try await host.run(["diff", "-o", "json"] + options, environment: environment)
        let found = try #require(
            result.json["diagnostics"] as? [[String: Any]],
            "\(result.output)\(result.errorOutput)"
        )
        return Set(
            found.filter { $0["code"] as? String == "limit-not-available" }.compactMap { one in
                (one["message"] as? String)?.split(separator: "`").first.map(String.init)
            }
        )
    }

    private let allLimits: Set<String> = ["limits.memory", "limits.pids", "limits.cpu"]

    @Test("A plan warns about exactly the limits the machine cannot enforce (SP-5)")
    func unavailableLimitsInPlan() async throws {
        try await TestHost.with { host in
            try declareLimits(host)
            let none = ["HEROPROC_CONTAINMENT": "subreaper"]
            #expect(try await warnedLimits(host, environment: none) == allLimits)
            let some = ["HEROPROC_CGROUP": try createFakeCgroup(host, "memory cpu\n")]
            #expect(try await warnedLimits(host, environment: some) == ["limits.pids"])
            mkdir(host.root + "/before", 0o755)
            let against = ["--against", "dir:\(host.root)/before"]
            #expect(try await warnedLimits(host, against[0], against[1], environment: none) == [])
            #expect(try await warnedLimits(host, against[0], against[1], environment: some) == [])
        }
    }

    @Test(
        "The capabilities of the running reconciler count for limit warnings (SP-5)"
    )
    func unavailableLimitsOfReconciler() async throws {
        try await TestHost.with { host in
            let some = ["HEROPROC_CGROUP": try createFakeCgroup(host, "memory cpu\n")]
            let running = try host.start(["reconcile", "--watch"], environment: some)
            try await eventually("the reconciler runs") { host.reconcilerPID != nil }
            try declareLimits(host)
            let event = try await host.waitForEvent("warning", "`limits.pids` of core/limited has no effect")
            #expect((event["text"] as? String)?.contains("limited.yaml:5") == true)
            #expect(try await warnedLimits(host, environment: ["HEROPROC_CONTAINMENT": "subreaper"]) == ["limits.pids"])
            let reported = try await host.events().filter { ($0["text"] as? String)?.contains("`limits.") ?? false }
            #expect(reported.count == 1, "\(reported)")
            kill(running.pid, SIGTERM)
            #expect(try await host.exitCode(of: running) == 0)
        }
    }

    @Test("Status and why show the containment of a running job (TR-2)", arguments: ["cgroup", "freezer", "subreaper"])
    func reportedContainment(_ allowed: String) async throws {
        try await TestHost.with { host in
            let level = CgroupSupport.detect(environment: ["HEROPROC_CONTAINMENT": allowed]).level.rawValue
            try host.declare("web")
            try host.declare("down", "status: stop")
            #expect(try await host.run("apply", environment: ["HEROPROC_CONTAINMENT": allowed]).exitCode == 0)
            #expect(try await host.actionStatus("web")["containment"] as? String == level)
            #expect(try await host.actionStatus("down")["containment"] is NSNull)
            let why = try await host.run("why", "web").output
            #expect(why.contains("run is contained"), "\(why)")
            let instance = try await host.runningInstance("web")
            try await host.killReconciler()
            kill(instance.pid, SIGKILL)
            try await eventually("the process is gone") { !isAlive(instance.pid) }
            #expect(try await host.actionStatus("web")["containment"] is NSNull, "a dead process has no containment")
        }
    }

    @Test(
        "The heroproc processes get low OOM scores, their services do not (OM-2)",
        .enabled(
            if: isRoot && canLowerOOMScore,
            "only root with CAP_SYS_RESOURCE can lower an OOM score"
        )
    )
    func oomScores() async throws {
        try await TestHost.with { host in
            func score(_ pid: pid_t) -> Int? {
                Int(host.readText("/proc/\(pid)/oom_score_adj").trimmingCharacters(in: .whitespacesAndNewlines))
            }
            let usual = max(0, score(getpid()) ?? 0)
            let asked = host.root + "/asked"
            try host.declare(
                "web",
                actions: .process(
                    "sleep -1",
                    "ready: {exec: [sh, -c, \"cat /proc/self/oom_score_adj > \(asked)\"]}",
                    "health: {tcp: 1, start_period: 1h}"
                )
            )
            try host.declare("eager", actions: .process("sleep -1", "oom_score_adj: 700"))
            try await host.apply()
            let (reconciler, monitor) = (try #require(host.reconcilerPID), try #require(host.monitorPID))
            #expect(score(reconciler) == -900)
            #expect(score(monitor) == -1000)
            let instance = try await host.runningInstance("web")
            let shim = try #require(parentShim(instance.pid))
            #expect(score(shim) == -1000)
            #expect(score(instance.pid) == usual)
            #expect(
                Int(host.readText(asked).trimmingCharacters(in: .whitespacesAndNewlines)) == usual,
                "a probe's command"
            )
            #expect(score(try await host.runningInstance("eager").pid) == 700)
            // A reconciler restarted by the monitor gets the same score.
            kill(reconciler, SIGKILL)
            try await eventually("the reconciler runs again") {
                host.reconcilerPID.map { $0 != reconciler && score($0) == -900 } ?? false
            }
            kill(instance.pid, SIGKILL)
            let next = try await host.runningInstance("web", number: 2)
            #expect(score(next.pid) == usual)
        }
    }

    @Test("A raised OOM score is inherited unless an action declares its own (OM-2)")
    func raisedOOMScore() async throws {
        try await TestHost.with { host in
            func score(_ pid: pid_t) -> Int? {
                Int(host.readText("/proc/\(pid)/oom_score_adj").trimmingCharacters(in: .whitespacesAndNewlines))
            }
            try host.declare("web")
            try host.declare("eager", actions: .process("sleep -1", "oom_score_adj: 900"))
            let entryCommand = ["sh", "-c", "echo 800 > /proc/self/oom_score_adj; exec \"$@\"", "sh"]
            #expect(try await host.run(["apply"], through: entryCommand).exitCode == 0)
            #expect(score(try await host.runningInstance("web").pid) == 800)
            #expect(score(try await host.runningInstance("eager").pid) == 900)
            let reconciler = try #require(host.reconcilerPID)
            #expect(score(reconciler) == (isRoot && canLowerOOMScore ? -900 : 800))
        }
    }
}
