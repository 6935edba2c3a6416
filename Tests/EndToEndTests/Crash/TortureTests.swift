import Foundation
import Glibc
import Testing

/// kill -9 at random moments under load, judged by the workload itself (reliability.md 4.7, 4.10, 6).
///
/// A short form of each row runs in every test run, from a fixed seed; `make torture KILLS=1000 HP_SEED=random` runs the long one.
@Suite("Torture", .serialized)
struct TortureTests {
    private static let names = (1...8).map { "job\($0)" }
    private static let fields = ["retry: {delay: 0ms, jitter: 0}", "log: {max_size: 10MiB, keep: 99}"]

    private func declare(_ world: TestHost, _ deeds: [String]) throws {
        for (index, name) in Self.names.enumerated() {
            try world.declare(name, actions: .process(deeds[index % deeds.count], Self.fields[0], Self.fields[1]))
        }
    }

    /// Eight jobs that live for an instant each, faults again and again, and the verdict.
    private func runCycles(
        _ name: String,
        _ world: TestHost,
        deeds: [String] = ["random-life 60"],
        extra: [String: String] = [:],
        cycles: Int,
        steadily: Bool = false,
        strike: (inout TortureRun) async throws -> Void
    ) async throws {
        var torture = try await TortureRun(name, world, environment: extra)
        try declare(world, deeds)
        if steadily { try world.declare("steady", actions: .process("lines 500", Self.fields[1])) }
        try torture.startReconciler()
        try await torture.waitForRestarts(Self.names)
        let steady = steadily ? try await world.runningInstance("steady", number: 1) : nil
        while torture.cycles < cycles {
            let before = torture.cycles
            try await strike(&torture)
            guard torture.cycles > before else { continue }
            if torture.cycles % 50 == 0 { try await torture.waitForRestarts(Self.names) }
            if torture.cycles % 20 == 0 { try await torture.checkStatus() }
        }
        try await torture.waitForRestarts(Self.names)
        if let steady {
            #expect(try await world.runningInstance("steady", number: 1) == steady, "what runs well is never touched")
        }
        let downed = try await world.run("down", "--all")
        #expect(downed.exitCode == 0, "\(downed.output)\(downed.errorOutput)")
        try torture.checkAndReport(Self.names + (steadily ? ["steady"] : []), leastInstances: 2 * cycles)
    }

    @Test("SH-2: kill -9 of the reconciler: no duplicate, no wrong or lost status, no lost line")
    func killReconciler() async throws {
        try await TestHost.with { world in
            try await runCycles("SH-2 reconciler", world, cycles: TestSettings.cycles(12), steadily: true) { torture in
                try await torture.waitForFirstShim()
                try await torture.waitRandomly(0...120)
                try await torture.killReconciler()
                try torture.startReconciler()
            }
        }
    }

    @Test("SH-4: kill -9 of random shims: never two instances, no invented status, every loss is that of a shim")
    func killShims() async throws {
        try await TestHost.with { world in
            try await runCycles("SH-4 shims", world, cycles: TestSettings.cycles(15)) { torture in
                try await torture.waitRandomly(5...60)
                if torture.killShims(torture.randomNumber(1...2)) > 0 { torture.countCycle() }
            }
        }
    }

    /// Services that keep the lock they inherit, and services that close it, with a cgroup that holds them and without.
    ///
    /// Some of them are over before the next reconciler is there, and some live on without anybody: those it must find.
    private static let combinedKills: [(name: String, deeds: [String], containment: String)] = [
        ("SH-5 both", ["random-life 60", "random-life 900"], ""),
        ("SH-5 both, closefrom", ["closefrom random-life 60", "closefrom random-life 900"], ""),
        ("SH-5 both, closefrom, subreaper", ["closefrom random-life 60", "closefrom random-life 900"], "subreaper"),
    ]

    @Test(
        "SH-5: kill -9 of reconciler and shims together, also where services close all they inherit",
        arguments: 0..<3
    )
    func killReconcilerAndShims(_ index: Int) async throws {
        let way = Self.combinedKills[index]
        try await TestHost.with { world in
            let extra = way.containment.isEmpty ? [:] : ["HEROPROC_CONTAINMENT": way.containment]
            let cycles = TestSettings.cycles(8, share: 2)
            try await runCycles(way.name, world, deeds: way.deeds, extra: extra, cycles: cycles) { torture in
                try await torture.waitForFirstShim()
                try await torture.waitRandomly(0...120)
                // Mostly all of them; else the reconciler and one, in both orders.
                switch torture.randomNumber(0...3) {
                case 0:
                    torture.killShims(1)
                    try await torture.killReconciler()
                case 1:
                    try await torture.killReconciler()
                    torture.killShims(1)
                default: try await torture.killReconcilerAndShims()
                }
                try torture.startReconciler()
            }
        }
    }

    @Test(
        "SH-6: a shim that was stopped on its way gives way to the start that came after it, or is taken up; never two"
    )
    func delayedShim() async throws {
        try await TestHost.with { world in
            var torture = try await TortureRun("SH-6 delayed shim", world)
            try world.declare("job", actions: .process("lines 50", Self.fields[0], Self.fields[1]))
            try torture.startReconciler()
            for _ in 0..<TestSettings.cycles(4, share: 5) {
                let reconciler = try #require(torture.reconciler).pid
                let life = try await world.runningInstance("job")
                try await eventually("the reconciler has it") {
                    try await world.actionStatus("job")["pid"] as? Int == Int(life.pid)
                }
                let known = Set(children(of: reconciler))
                try #require(kill(life.pid, SIGKILL) == 0)
                torture.addShimKill(ShimKill(job: life.job, from: bootTime(), to: bootTime()))
                let old = try #require(
                    await stopNextChild(below: reconciler, beside: known, world),
                    "a shim is spawned"
                )
                try await torture.waitRandomly(0...5)
                try await torture.killReconciler()
                try torture.startReconciler()
                // Either somebody else was started in its place, or it is waited for: then it goes on.
                let before = world.instances("job").count
                try? await waitBriefly(world, seconds: 2) { world.instances("job").count > before }
                kill(old, SIGCONT)
                let next = try await world.runningInstance("job")
                try await eventually("the old shim is gone, or holds the one that lives") {
                    !isAlive(old) || parent(of: next.pid) == old
                }
            }
            try await torture.stopEverything()
            try torture.checkAndReport(["job"])
        }
    }

    /// Stops the next child of a process the moment it is there.
    private func stopNextChild(below parent: pid_t, beside known: Set<pid_t>, _ world: TestHost) async -> pid_t? {
        let deadline = ContinuousClock.now + .seconds(20)
        while ContinuousClock.now < deadline {
            guard let child = children(of: parent).first(where: { !known.contains($0) }) else {
                // Others share these threads.
                await Task.yield()
                continue
            }
            if kill(child, SIGSTOP) == 0 { return child }
        }
        return nil
    }

    /// Waits for a fact that need not come true.
    private func waitBriefly(_ world: TestHost, seconds: Int, _ holds: () -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < deadline, !holds() { try await Task.sleep(for: .milliseconds(5)) }
    }

    @Test("SH-3, SH-8: exits while no reconciler lives are recorded exactly, and no shim outlives its tree")
    func exitsWithoutReconciler() async throws {
        try await TestHost.with { world in
            var torture = try await TortureRun("SH-3 exits alone", world)
            let names = (0..<(TestSettings.cycles(10, share: 10))).map { "a\($0)" }
            for name in names {
                try world.declare(
                    name,
                    actions: .process(
                        "wait-for \(world.root)/go random-life 40",
                        "retry: {delay: 0ms, jitter: 0}",
                        Self.fields[1]
                    )
                )
            }
            for _ in 0..<5 {
                unlink(world.root + "/go")
                try torture.startReconciler()
                try await torture.waitForRestarts(names)
                try await torture.killReconciler()
                try Data().write(to: URL(fileURLWithPath: world.root + "/go"))
                let begin = ContinuousClock.now
                try await eventually("all have ended", within: 60) {
                    names.allSatisfy { world.instances($0).last?.end != nil }
                }
                try await eventually("no shim is left") { world.shimProcesses(of: nil).isEmpty }
                torture.recordRecovery(ContinuousClock.now - begin)
            }
            unlink(world.root + "/go")
            try torture.startReconciler()
            try await torture.waitForRestarts(names)
            try await torture.stopEverything()
            try torture.checkAndReport(names, leastInstances: 5 * names.count)
        }
    }
}

extension TortureRun {
    /// Takes everything down, and expects that it goes.
    mutating func stopEverything() async throws {
        let downed = try await host.run("down", "--all")
        #expect(downed.exitCode == 0, "\(name), seed \(seed): \(downed.output)\(downed.errorOutput)")
    }
}
