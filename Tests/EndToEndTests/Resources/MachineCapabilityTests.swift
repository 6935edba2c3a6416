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

/// What a machine can and cannot do, as plans, status and the kernel tell it (reliability.md TR-2, SP-5, OM-2).
@Suite("What the machine offers", .serialized)
struct MachineCapabilityTests {
    /// An action with limits that is never due while a test lasts.
    private func declareLimits(_ world: TestHost) throws {
        try world.writeManifest(
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

    /// A folder that looks like a cgroup v2 with these controllers.
    private func createFakeCgroup(_ world: TestHost, _ controllers: String) throws -> String {
        let path = world.root + "/cgroup"
        mkdir(path, 0o755)
        for (name, text) in [("procs", ""), ("controllers", controllers), ("subtree_control", "")] {
            try Data(text.utf8).write(to: URL(fileURLWithPath: "\(path)/cgroup.\(name)"))
        }
        return path
    }

    /// The limits that `diff` warns of.
    private func warnedLimits(_ world: TestHost, _ options: String..., extra: [String: String] = [:]) async throws
        -> Set<String>
    {
        let answer = try await world.run(["diff", "-o", "json"] + options, extra: extra)
        let found = try #require(
            answer.json["diagnostics"] as? [[String: Any]],
            "\(answer.output)\(answer.errorOutput)"
        )
        return Set(
            found.filter { $0["code"] as? String == "limit-not-available" }.compactMap { one in
                (one["message"] as? String)?.split(separator: "`").first.map(String.init)
            }
        )
    }

    private let allLimits: Set<String> = ["limits.memory", "limits.pids", "limits.cpu"]

    @Test("SP-5: a plan warns of the limits that the machine cannot hold, and of no others; without a machine of none")
    func unavailableLimitsInPlan() async throws {
        try await TestHost.with { world in
            try declareLimits(world)
            let none = ["HEROPROC_CONTAINMENT": "subreaper"]
            #expect(try await warnedLimits(world, extra: none) == allLimits)
            let some = ["HEROPROC_CGROUP": try createFakeCgroup(world, "memory cpu\n")]
            #expect(try await warnedLimits(world, extra: some) == ["limits.pids"])
            mkdir(world.root + "/before", 0o755)
            let against = ["--against", "dir:\(world.root)/before"]
            #expect(try await warnedLimits(world, against[0], against[1], extra: none) == [])
            #expect(try await warnedLimits(world, against[0], against[1], extra: some) == [])
        }
    }

    @Test(
        "SP-5: where a reconciler lives, its machine counts, not that of who asks; it says so itself, once for each revision"
    )
    func unavailableLimitsOfReconciler() async throws {
        try await TestHost.with { world in
            let some = ["HEROPROC_CGROUP": try createFakeCgroup(world, "memory cpu\n")]
            let running = try world.start(["reconcile", "--watch"], extra: some)
            try await eventually("it lives") { world.reconcilerPID != nil }
            try declareLimits(world)
            let event = try await world.waitForEvent("warning", "`limits.pids` of core/limited has no effect")
            #expect((event["text"] as? String)?.contains("limited.yaml:5") == true)
            #expect(try await warnedLimits(world, extra: ["HEROPROC_CONTAINMENT": "subreaper"]) == ["limits.pids"])
            let told = try await world.events().filter { ($0["text"] as? String)?.contains("`limits.") ?? false }
            #expect(told.count == 1, "\(told)")
            kill(running.pid, SIGTERM)
            #expect(try await world.exitCode(of: running) == 0)
        }
    }

    @Test("TR-2: status and why say what holds a running job together", arguments: ["cgroup", "freezer", "subreaper"])
    func reportedContainment(_ allowed: String) async throws {
        try await TestHost.with { world in
            let level = CgroupSupport.detect(environment: ["HEROPROC_CONTAINMENT": allowed]).level.rawValue
            try world.declare("web")
            try world.declare("down", "status: stop")
            #expect(try await world.run("apply", extra: ["HEROPROC_CONTAINMENT": allowed]).exitCode == 0)
            #expect(try await world.actionStatus("web")["containment"] as? String == level)
            #expect(try await world.actionStatus("down")["containment"] is NSNull)
            let why = try await world.run("why", "web").output
            #expect(why.contains("run is held together by"), "\(why)")
            let life = try await world.runningInstance("web")
            try await world.killReconciler()
            kill(life.pid, SIGKILL)
            try await eventually("it is gone") { !isAlive(life.pid) }
            #expect(try await world.actionStatus("web")["containment"] is NSNull, "what is gone is held by nothing")
        }
    }

    @Test(
        "OM-2: the reconciler is among the last to be killed, its keeper and the shims the very last; what they start is not",
        .enabled(
            if: isRoot && canLowerOOMScore,
            "only root with CAP_SYS_RESOURCE may make a process less ready to be killed"
        )
    )
    func oomScores() async throws {
        try await TestHost.with { world in
            func score(_ pid: pid_t) -> Int? {
                Int(world.readText("/proc/\(pid)/oom_score_adj").trimmingCharacters(in: .whitespacesAndNewlines))
            }
            let usual = max(0, score(getpid()) ?? 0)
            let asked = world.root + "/asked"
            try world.declare(
                "web",
                actions: .process(
                    "sleep -1",
                    "ready: {exec: [sh, -c, \"cat /proc/self/oom_score_adj > \(asked)\"]}",
                    "health: {tcp: 1, start_period: 1h}"
                )
            )
            try world.declare("eager", actions: .process("sleep -1", "oom_score_adj: 700"))
            try await world.apply()
            let (reconciler, keeper) = (try #require(world.reconcilerPID), try #require(world.monitorPID))
            #expect(score(reconciler) == -900)
            #expect(score(keeper) == -1000)
            let life = try await world.runningInstance("web")
            let shim = try #require(parentShim(life.pid))
            #expect(score(shim) == -1000)
            #expect(score(life.pid) == usual)
            #expect(
                Int(world.readText(asked).trimmingCharacters(in: .whitespacesAndNewlines)) == usual,
                "a probe's command"
            )
            #expect(score(try await world.runningInstance("eager").pid) == 700)
            // And again below a keeper that starts it anew.
            kill(reconciler, SIGKILL)
            try await eventually("it is back") {
                world.reconcilerPID.map { $0 != reconciler && score($0) == -900 } ?? false
            }
            kill(life.pid, SIGKILL)
            let next = try await world.runningInstance("web", number: 2)
            #expect(score(next.pid) == usual)
        }
    }

    @Test("OM-2: who starts heroproc may make all of it readier to be killed; what an action says is its own")
    func raisedOOMScore() async throws {
        try await TestHost.with { world in
            func score(_ pid: pid_t) -> Int? {
                Int(world.readText("/proc/\(pid)/oom_score_adj").trimmingCharacters(in: .whitespacesAndNewlines))
            }
            try world.declare("web")
            try world.declare("eager", actions: .process("sleep -1", "oom_score_adj: 900"))
            let entrance = ["sh", "-c", "echo 800 > /proc/self/oom_score_adj; exec \"$@\"", "sh"]
            #expect(try await world.run(["apply"], through: entrance).exitCode == 0)
            #expect(score(try await world.runningInstance("web").pid) == 800)
            #expect(score(try await world.runningInstance("eager").pid) == 900)
            let reconciler = try #require(world.reconcilerPID)
            #expect(score(reconciler) == (isRoot && canLowerOOMScore ? -900 : 800))
        }
    }
}
