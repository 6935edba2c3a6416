import Foundation
import Glibc
import Testing

/// kill -9 at random times under load, checked with the traces of the oracles.
///
/// Every test run includes a short form of each row with a fixed seed. `make torture KILLS=1000 SEED=random` runs
/// the long form.
@Suite("Torture", .serialized)
struct TortureTests {
    private static let names = (1...8).map { "job\($0)" }
    private static let fields = ["retry: {delay: 0ms, jitter: 0}", "log: {max_size: 10MiB, keep: 99}"]

    private func declare(_ host: TestHost, _ actions: [String]) throws {
        for (index, name) in Self.names.enumerated() {
            try host.declare(name, actions: .process(actions[index % actions.count], Self.fields[0], Self.fields[1]))
        }
    }

    /// Runs eight short-lived jobs, injects faults repeatedly and checks the result.
    private func runCycles(
        _ name: String,
        _ host: TestHost,
        actions: [String] = ["random-life 60"],
        environment: [String: String] = [:],
        cycles: Int,
        withSteadyService: Bool = false,
        injectFaults: (inout TortureRun) async throws -> Void
    ) async throws {
        var torture = try await TortureRun(name, host, environment: environment)
        try declare(host, actions)
        if withSteadyService { try host.declare("steady", actions: .process("lines 500", Self.fields[1])) }
        try torture.startReconciler()
        try await torture.waitForRestarts(Self.names)
        let steady = withSteadyService ? try await host.runningInstance("steady", number: 1) : nil
        while torture.cycles < cycles {
            let before = torture.cycles
            try await injectFaults(&torture)
            guard torture.cycles > before else { continue }
            if torture.cycles % 50 == 0 { try await torture.waitForRestarts(Self.names) }
            if torture.cycles % 20 == 0 { try await torture.checkStatus() }
        }
        try await torture.waitForRestarts(Self.names)
        if let steady {
            #expect(try await host.runningInstance("steady", number: 1) == steady, "a healthy service is never touched")
        }
        let result = try await host.run("down", "--all")
        #expect(result.exitCode == 0, "\(result.output)\(result.errorOutput)")
        try torture.checkAndReport(Self.names + (withSteadyService ? ["steady"] : []), leastInstances: 2 * cycles)
    }

    @Test("Repeated kills of the reconciler lose no status and no line (SH-2)")
    func killReconciler() async throws {
        try await TestHost.with { host in
            try await runCycles("SH-2 reconciler", host, cycles: TestSettings.cycles(12), withSteadyService: true) {
                torture in
                try await torture.waitForFirstShim()
                try await torture.waitRandomly(0...120)
                try await torture.killReconciler()
                try torture.startReconciler()
            }
        }
    }

    @Test("Repeated kills of shims cause no second instance and no false status (SH-4)")
    func killShims() async throws {
        try await TestHost.with { host in
            try await runCycles("SH-4 shims", host, cycles: TestSettings.cycles(15)) { torture in
                try await torture.waitRandomly(5...60)
                if torture.killShims(torture.randomNumber(1...2)) > 0 { torture.countCycle() }
            }
        }
    }

    /// Services that keep the inherited lock and services that close it, with and without a cgroup.
    ///
    /// Some of them end before the next reconciler starts, others continue without a shim and must be found.
    private static let combinedKills: [(name: String, actions: [String], containment: String)] = [
        ("SH-5 both", ["random-life 60", "random-life 900"], ""),
        ("SH-5 both, closefrom", ["closefrom random-life 60", "closefrom random-life 900"], ""),
        ("SH-5 both, closefrom, subreaper", ["closefrom random-life 60", "closefrom random-life 900"], "subreaper"),
    ]

    @Test(
        "Repeated kills of reconciler and shims cause no second instance (SH-5)",
        arguments: 0..<3
    )
    func killReconcilerAndShims(_ index: Int) async throws {
        let variant = Self.combinedKills[index]
        try await TestHost.with { host in
            let environment = variant.containment.isEmpty ? [:] : ["HEROPROC_CONTAINMENT": variant.containment]
            let cycles = TestSettings.cycles(8, share: 2)
            try await runCycles(variant.name, host, actions: variant.actions, environment: environment, cycles: cycles)
            { torture in
                try await torture.waitForFirstShim()
                try await torture.waitRandomly(0...120)
                // Usually kills all of them; otherwise the reconciler and one shim, in both orders.
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
        "A delayed shim gives variant to a later start or is adopted (SH-6)"
    )
    func delayedShim() async throws {
        try await TestHost.with { host in
            var torture = try await TortureRun("SH-6 delayed shim", host)
            try host.declare("job", actions: .process("lines 50", Self.fields[0], Self.fields[1]))
            try torture.startReconciler()
            for _ in 0..<TestSettings.cycles(4, share: 5) {
                let reconciler = try #require(torture.reconciler).pid
                let instance = try await host.runningInstance("job")
                try await eventually("the reconciler has recorded the process") {
                    try await host.actionStatus("job")["pid"] as? Int == Int(instance.pid)
                }
                let known = Set(children(of: reconciler))
                try #require(kill(instance.pid, SIGKILL) == 0)
                torture.addShimKill(ShimKill(job: instance.job, from: bootTime(), to: bootTime()))
                let old = try #require(
                    await stopNextChild(below: reconciler, excluding: known, host),
                    "a shim was started"
                )
                try await torture.waitRandomly(0...5)
                try await torture.killReconciler()
                try torture.startReconciler()
                // Either another start has replaced it, or the reconciler waits for it until it continues.
                let before = host.instances("job").count
                try? await waitBriefly(host, seconds: 2) { host.instances("job").count > before }
                kill(old, SIGCONT)
                let next = try await host.runningInstance("job")
                try await eventually("the old shim is gone or holds the new instance") {
                    !isAlive(old) || parent(of: next.pid) == old
                }
            }
            try await torture.stopEverything()
            try torture.checkAndReport(["job"])
        }
    }

    /// Stops the next child of a process as soon as it exists.
    private func stopNextChild(below parent: pid_t, excluding known: Set<pid_t>, _ host: TestHost) async -> pid_t? {
        let deadline = ContinuousClock.now + .seconds(20)
        while ContinuousClock.now < deadline {
            guard let child = children(of: parent).first(where: { !known.contains($0) }) else {
                // Other tasks share this thread.
                await Task.yield()
                continue
            }
            if kill(child, SIGSTOP) == 0 { return child }
        }
        return nil
    }

    /// Waits for a condition that may never become true.
    private func waitBriefly(_ host: TestHost, seconds: Int, _ holds: () -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < deadline, !holds() { try await Task.sleep(for: .milliseconds(5)) }
    }

    @Test("Exits without a reconciler are recorded, and no shim remains (SH-3, SH-8)")
    func exitsWithoutReconciler() async throws {
        try await TestHost.with { host in
            var torture = try await TortureRun("SH-3 exits alone", host)
            let names = (0..<(TestSettings.cycles(10, share: 10))).map { "a\($0)" }
            for name in names {
                try host.declare(
                    name,
                    actions: .process(
                        "wait-for \(host.root)/go random-life 40",
                        "retry: {delay: 0ms, jitter: 0}",
                        Self.fields[1]
                    )
                )
            }
            for _ in 0..<5 {
                unlink(host.root + "/go")
                try torture.startReconciler()
                try await torture.waitForRestarts(names)
                try await torture.killReconciler()
                try Data().write(to: URL(fileURLWithPath: host.root + "/go"))
                let begin = ContinuousClock.now
                try await eventually("all programs have ended", within: 60) {
                    names.allSatisfy { host.instances($0).last?.end != nil }
                }
                try await eventually("no shim is left") { host.shimProcesses(of: nil).isEmpty }
                torture.recordRecovery(ContinuousClock.now - begin)
            }
            unlink(host.root + "/go")
            try torture.startReconciler()
            try await torture.waitForRestarts(names)
            try await torture.stopEverything()
            try torture.checkAndReport(names, leastInstances: 5 * names.count)
        }
    }
}

extension TortureRun {
    /// Stops all services and expects success.
    mutating func stopEverything() async throws {
        let result = try await host.run("down", "--all")
        #expect(result.exitCode == 0, "\(name), seed \(seed): \(result.output)\(result.errorOutput)")
    }
}
