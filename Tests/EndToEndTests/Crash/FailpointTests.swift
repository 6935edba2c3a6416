import Foundation
import HeroRandom
import Testing

/// Kills of reconciler and shims at every failpoint (guarantees CR-1, CR-2).
///
/// Short form: every failpoint once, with victims chosen by a fixed seed. Long form, with `HP_TORTURE`: all victims,
/// many times, and a table.
@Suite("Failpoints")
struct FailpointTests {
    private static let seed: UInt64 = 25
    /// Milliseconds from the start of the next reconciler until the stopped process continues; nil: it continues
    /// before.
    private static let delays: [Int?] = [nil, 0, 300, 1300, 3000]
    /// Failpoints at which the next reconciler may be killed.
    private static let secondFailpoints = [
        "FP-ST-1", "FP-ST-2", "FP-ST-3", "FP-ST-4", "FP-ST-12", "FP-ST-16", "FP-AD-1", "FP-AD-2", "FP-AD-3", "FP-MF-3",
        "FP-SP-1", "FP-SP-2", "FP-EX-5", "FP-EX-6", "FP-EX-7", "FP-RS-1", "FP-RS-2", "FP-DB-1", "FP-LK-1",
    ]

    @Test("Every failpoint has a scenario, and every scenario has a failpoint")
    func everyFailpointHasAScenario() {
        #expect(Failpoint.all.count > 40)
        #expect(FailpointScenario.all.keys.sorted() == Failpoint.all.map(\.name).sorted())
    }

    @Test("A malformed failpoint list ends the program")
    func malformedFailpointLists() async throws {
        try await TestHost.with { host in
            for list in [
                "FP-ST-99=stop", "FP-ST-3", "FP-ST-3=jump", "FP-ST-3=stop@0", "FP-ST-3=err:ENOTHING", "FP-ST-3=sleep:5",
            ] {
                let result = try await host.run("validate", environment: ["HEROPROC_FP": list])
                #expect(
                    result.exitCode == 70 && result.errorOutput.contains("cannot parse `\(list)`"),
                    "\(list): \(result.errorOutput)"
                )
            }
            let result = try await host.run("validate", environment: ["HEROPROC_TEST_DISABLE": "everything"])
            #expect(result.exitCode == 70)
            let list = "FP-ST-3=kill9@2;FP-SIG-1=sleep:50ms;FP-LG-2=err:ENOSPC"
            #expect(try await host.run("validate", environment: ["HEROPROC_FP": list]).exitCode != 70)
        }
    }

    @Test(
        "The system converges after a kill at any failpoint (CR-2)",
        arguments: Failpoint.all
    )
    func killAtFailpoint(point: Failpoint) async throws {
        guard !TestSettings.isLong else { return }
        let index = Failpoint.all.firstIndex(of: point) ?? 0
        var random = SeededGenerator(Self.seed &+ UInt64(index))
        var run = try FailpointRun(point, try #require(Victims.allCases.randomElement(using: &random)))
        run.resumeDelay = Self.delays.dropLast().randomElement(using: &random) ?? nil
        let result = try await ConcurrencyLimiter.short.run { [run] in try await run.run() }
        #expect(result.violations.isEmpty, "\(run.title): \(result.text)")
    }

    @Test("A refused log write is counted exactly, an interrupted one is repeated (LG-2)")
    func refusedWrites() async throws {
        let point = try Failpoint.named("FP-LG-2")
        for error in ["ENOSPC", "EINTR"] {
            let scenario = try #require(FailpointScenario.all[point.name]).modified {
                $0.failpointAction = "err:\(error)"
                $0.hitNumber = 3
            }
            let run = try FailpointRun(point, .reconciler, scenario)
            let result = try await ConcurrencyLimiter.short.run { try await run.run() }
            #expect(result.violations.isEmpty, "\(error): \(result.text)")
        }
    }

    @Test(
        "The system converges after a kill at a failpoint during a restart (CR-2)",
        arguments: FailpointScenario.restartScenarios.map(\.name)
    )
    func killAtFailpointDuringRestart(name: String) async throws {
        guard !TestSettings.isLong else { return }
        let scenario = try #require(FailpointScenario.restartScenarios.first { $0.name == name }).scenario
        var random = SeededGenerator(Self.seed &+ UInt64(name.utf8.count))
        let victims = try #require(Victims.allCases.randomElement(using: &random))
        let run = try FailpointRun(try Failpoint.named(name), victims, scenario)
        let result = try await ConcurrencyLimiter.short.run { try await run.run() }
        #expect(result.violations.isEmpty, "\(run.title): \(result.text)")
    }

    @Test(
        "A shim delayed before its exec starts no unknown program (SH-6)"
    )
    func delayedShim() async throws {
        guard !TestSettings.isLong else { return }
        let restart = try #require(FailpointScenario.restartScenarios.first).scenario
        try await withThrowingTaskGroup { group in
            for (name, scenario) in [("FP-ST-5", nil), ("FP-ST-6", nil), ("FP-ST-5", restart), ("FP-ST-6", restart)] {
                var run = try FailpointRun(try Failpoint.named(name), .reconciler, scenario)
                run.resumeDelay = 1500
                group.addTask { [run] in
                    let result = try await ConcurrencyLimiter.short.run { try await run.run() }
                    #expect(result.violations.isEmpty, "\(run.title): \(result.text)")
                }
            }
            try await group.waitForAll()
        }
    }

    @Test(
        "The system converges after repeated kills at every failpoint (CR-2)",
        .enabled(if: TestSettings.isLong, "only in make torture")
    )
    func killAtEveryFailpoint() async throws {
        let rounds = TestSettings.cycles(1, share: 40)
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededGenerator(seed)
        var runs: [FailpointRun] = []
        var cells: [(Failpoint, FailpointScenario?)] = Failpoint.all.map { ($0, nil) }
        for (name, scenario) in FailpointScenario.restartScenarios {
            cells.append((try Failpoint.named(name), scenario))
        }
        for (point, scenario) in cells where Self.isSelected(point) {
            for victims in Victims.allCases {
                for _ in 0..<rounds {
                    var run = try FailpointRun(point, victims, scenario)
                    run.resumeDelay = Self.delays.randomElement(using: &random) ?? nil
                    if Bool.random(using: &random) {
                        run.secondFailpoint = Self.secondFailpoints.randomElement(using: &random)
                    }
                    runs.append(run)
                }
            }
        }
        let results = await withTaskGroup(of: (Int, FailpointResult).self) { group in
            for (index, run) in runs.enumerated() {
                group.addTask {
                    do {
                        let result = try await ConcurrencyLimiter.long.run { try await run.run() }
                        if !result.violations.isEmpty { print("broken: \(run.title), seed \(seed): \(result.text)") }
                        return (index, result)
                    } catch {
                        return (index, FailpointResult(violations: [.init(invariant: "run", text: "\(error)")]))
                    }
                }
            }
            return await group.reduce(into: [Int: FailpointResult]()) { $0[$1.0] = $1.1 }
        }
        print("failpoints, \(rounds) rounds, seed \(seed): point, victims, runs, longest recovery in ms, result")
        for cell in stride(from: 0, to: runs.count, by: rounds) {
            let run = runs[cell]
            let found = (cell..<cell + rounds).map { (runs[$0], results[$0] ?? FailpointResult()) }
            let longest = found.compactMap(\.1.recoveryMilliseconds).max() ?? -1
            let broken = found.filter { !$0.1.violations.isEmpty }
            let texts = [run.failpoint.name + run.scenario.label, run.victims.rawValue, "\(rounds)", "\(longest)"]
            let columns = texts.map { $0.padding(toLength: 16, withPad: " ", startingAt: 0) }
            print(columns.joined() + (broken.isEmpty ? "good" : "\(broken.count) BROKEN"))
            for (run, result) in broken { Issue.record("\(run.title), seed \(seed): \(result.text)") }
            #expect(longest <= 10_000, "\(run.title) took \(longest) ms, seed \(seed)")
        }
    }

    /// Selects failpoints for debugging: `HP_POINTS=FP-ST-5,FP-ST-6`.
    private static func isSelected(_ point: Failpoint) -> Bool {
        guard let names = ProcessInfo.processInfo.environment["HP_POINTS"] else { return true }
        return names.split(separator: ",").contains(Substring(point.name))
    }
}

extension FailpointRun {
    var title: String {
        "\(failpoint.name)\(scenario.label), \(victims.rawValue) killed; continues \(resumeDelay.map { "after \($0) ms" } ?? "first"), then \(secondFailpoint ?? "nothing")"
    }
}

extension FailpointResult {
    var text: String { violations.map(\.description).joined(separator: "; ") + recentEvents }
}

/// Limits the number of concurrent runs, because each run has several processes.
actor ConcurrencyLimiter {
    static let short = ConcurrencyLimiter(4)
    static let long = ConcurrencyLimiter(6)

    private var freeSlots: Int
    private var waiters: [CheckedContinuation<Void, Never>] = []

    init(_ count: Int) { freeSlots = count }

    nonisolated func run<Value: Sendable>(_ body: @Sendable () async throws -> Value) async throws -> Value {
        await acquireSlot()
        do {
            let value = try await body()
            await releaseSlot()
            return value
        } catch {
            await releaseSlot()
            throw error
        }
    }

    private func acquireSlot() async {
        if freeSlots > 0 { freeSlots -= 1 } else { await withCheckedContinuation { waiters.append($0) } }
    }

    private func releaseSlot() {
        if waiters.isEmpty { freeSlots += 1 } else { waiters.removeFirst().resume() }
    }
}
