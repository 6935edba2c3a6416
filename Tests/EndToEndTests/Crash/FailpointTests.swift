import Foundation
import Testing

/// Every failpoint of reliability.md section 5, with the reconciler, the shims or both killed there (CR-1, CR-2).
///
/// Short: every point once, with victims chosen by a fixed seed. Long, with `HP_TORTURE` set: all victims, many times, and a table.
@Suite("Failpoints")
struct FailpointTests {
    private static let seed: UInt64 = 25
    /// When who stood still goes on, in ms after the next reconciler has begun; nil: before it.
    private static let delays: [Int?] = [nil, 0, 300, 1300, 3000]
    /// Where the next reconciler may be killed as well.
    private static let secondFailpoints = [
        "FP-ST-1", "FP-ST-2", "FP-ST-3", "FP-ST-4", "FP-ST-12", "FP-ST-16", "FP-AD-1", "FP-AD-2", "FP-AD-3", "FP-MF-3",
        "FP-SP-1", "FP-SP-2", "FP-EX-5", "FP-EX-6", "FP-EX-7", "FP-RS-1", "FP-RS-2", "FP-DB-1", "FP-LK-1",
    ]

    @Test("every failpoint has a recipe that meets it, and every recipe its failpoint")
    func everyFailpointHasAScenario() {
        #expect(Failpoint.all.count > 40)
        #expect(FailpointScenario.all.keys.sorted() == Failpoint.all.map(\.name).sorted())
    }

    @Test("a list of failpoints that cannot be read ends the program, so that no test proves nothing")
    func malformedFailpointLists() async throws {
        try await TestHost.with { world in
            for list in [
                "FP-ST-99=stop", "FP-ST-3", "FP-ST-3=jump", "FP-ST-3=stop@0", "FP-ST-3=err:ENOTHING", "FP-ST-3=sleep:5",
            ] {
                let answer = try await world.run("validate", extra: ["HEROPROC_FP": list])
                #expect(
                    answer.exitCode == 70 && answer.errorOutput.contains("cannot understand `\(list)`"),
                    "\(list): \(answer.errorOutput)"
                )
            }
            let answer = try await world.run("validate", extra: ["HEROPROC_TEST_DISABLE": "everything"])
            #expect(answer.exitCode == 70)
            let list = "FP-ST-3=kill9@2;FP-SIG-1=sleep:50ms;FP-LG-2=err:ENOSPC"
            #expect(try await world.run("validate", extra: ["HEROPROC_FP": list]).exitCode != 70)
        }
    }

    @Test(
        "CR-2: killed at any point, all converges, the next plan is empty and no law is broken",
        arguments: Failpoint.all
    )
    func killAtFailpoint(point: Failpoint) async throws {
        guard !TestSettings.isLong else { return }
        let index = Failpoint.all.firstIndex(of: point) ?? 0
        var random = SeededGenerator(Self.seed &+ UInt64(index))
        var run = try FailpointRun(point, try #require(Victims.allCases.randomElement(using: &random)))
        run.resumeDelay = Self.delays.dropLast().randomElement(using: &random) ?? nil
        let verdict = try await ConcurrencyLimiter.short.run { [run] in try await run.run() }
        #expect(verdict.violations.isEmpty, "\(run.title): \(verdict.text)")
    }

    @Test("LG-2: a write to a log that is refused is counted to the byte, and one that is interrupted is made again")
    func refusedWrites() async throws {
        let point = try Failpoint.named("FP-LG-2")
        for error in ["ENOSPC", "EINTR"] {
            let recipe = try #require(FailpointScenario.all[point.name]).modified {
                $0.failpointAction = "err:\(error)"
                $0.hitNumber = 3
            }
            let run = try FailpointRun(point, .reconciler, recipe)
            let verdict = try await ConcurrencyLimiter.short.run { try await run.run() }
            #expect(verdict.violations.isEmpty, "\(error): \(verdict.text)")
        }
    }

    @Test("CR-2: the same where a program is started again", arguments: FailpointScenario.restartScenarios.map(\.name))
    func killAtFailpointDuringRestart(name: String) async throws {
        guard !TestSettings.isLong else { return }
        let recipe = try #require(FailpointScenario.restartScenarios.first { $0.name == name }).recipe
        var random = SeededGenerator(Self.seed &+ UInt64(name.utf8.count))
        let victims = try #require(Victims.allCases.randomElement(using: &random))
        let run = try FailpointRun(try Failpoint.named(name), victims, recipe)
        let verdict = try await ConcurrencyLimiter.short.run { try await run.run() }
        #expect(verdict.violations.isEmpty, "\(run.title): \(verdict.text)")
    }

    @Test(
        "SH-6: a shim that is held up for long, anywhere before its program executes, starts nothing that nobody knows"
    )
    func delayedShim() async throws {
        guard !TestSettings.isLong else { return }
        let restart = try #require(FailpointScenario.restartScenarios.first).recipe
        try await withThrowingTaskGroup { group in
            for (name, recipe) in [("FP-ST-5", nil), ("FP-ST-6", nil), ("FP-ST-5", restart), ("FP-ST-6", restart)] {
                var run = try FailpointRun(try Failpoint.named(name), .reconciler, recipe)
                run.resumeDelay = 1500
                group.addTask { [run] in
                    let verdict = try await ConcurrencyLimiter.short.run { try await run.run() }
                    #expect(verdict.violations.isEmpty, "\(run.title): \(verdict.text)")
                }
            }
            try await group.waitForAll()
        }
    }

    @Test(
        "CR-2, long: every point, with all victims, many times",
        .enabled(if: TestSettings.isLong, "only in make torture")
    )
    func killAtEveryFailpoint() async throws {
        let rounds = TestSettings.cycles(1, share: 40)
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededGenerator(seed)
        var runs: [FailpointRun] = []
        var cells: [(Failpoint, FailpointScenario?)] = Failpoint.all.map { ($0, nil) }
        for (name, recipe) in FailpointScenario.restartScenarios { cells.append((try Failpoint.named(name), recipe)) }
        for (point, recipe) in cells where Self.isSelected(point) {
            for victims in Victims.allCases {
                for _ in 0..<rounds {
                    var run = try FailpointRun(point, victims, recipe)
                    run.resumeDelay = Self.delays.randomElement(using: &random) ?? nil
                    if Bool.random(using: &random) {
                        run.secondFailpoint = Self.secondFailpoints.randomElement(using: &random)
                    }
                    runs.append(run)
                }
            }
        }
        let verdicts = await withTaskGroup(of: (Int, FailpointResult).self) { group in
            for (index, run) in runs.enumerated() {
                group.addTask {
                    do {
                        let verdict = try await ConcurrencyLimiter.long.run { try await run.run() }
                        if !verdict.violations.isEmpty { print("broken: \(run.title), seed \(seed): \(verdict.text)") }
                        return (index, verdict)
                    } catch {
                        return (index, FailpointResult(violations: [.init(invariant: "run", text: "\(error)")]))
                    }
                }
            }
            return await group.reduce(into: [Int: FailpointResult]()) { $0[$1.0] = $1.1 }
        }
        print("failpoints, \(rounds) rounds, seed \(seed): point, victims, runs, longest recovery in ms, verdict")
        for cell in stride(from: 0, to: runs.count, by: rounds) {
            let run = runs[cell]
            let found = (cell..<cell + rounds).map { (runs[$0], verdicts[$0] ?? FailpointResult()) }
            let longest = found.compactMap(\.1.recoveryMilliseconds).max() ?? -1
            let broken = found.filter { !$0.1.violations.isEmpty }
            let words = [run.failpoint.name + run.scenario.label, run.victims.rawValue, "\(rounds)", "\(longest)"]
            let columns = words.map { $0.padding(toLength: 16, withPad: " ", startingAt: 0) }
            print(columns.joined() + (broken.isEmpty ? "good" : "\(broken.count) BROKEN"))
            for (run, verdict) in broken { Issue.record("\(run.title), seed \(seed): \(verdict.text)") }
            #expect(longest <= 10_000, "\(run.title) took \(longest) ms, seed \(seed)")
        }
    }

    /// Only some points, for whoever looks into one: `HP_POINTS=FP-ST-5,FP-ST-6`.
    private static func isSelected(_ point: Failpoint) -> Bool {
        guard let names = ProcessInfo.processInfo.environment["HP_POINTS"] else { return true }
        return names.split(separator: ",").contains(Substring(point.name))
    }
}

extension FailpointRun {
    var title: String {
        "\(failpoint.name)\(scenario.label), \(victims.rawValue) killed; goes on \(resumeDelay.map { "after \($0) ms" } ?? "first"), then \(secondFailpoint ?? "nothing")"
    }
}

extension FailpointResult {
    var text: String { violations.map(\.description).joined(separator: "; ") + recentEvents }
}

/// Lets so many bodies run at once: each has several processes, and the machine few processors.
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
