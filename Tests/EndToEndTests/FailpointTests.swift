import Foundation
import Testing

/// Every failpoint of reliability.md section 5, with the reconciler, the shims or both killed there (CR-1, CR-2).
///
/// Short: every point once, with victims chosen by a fixed seed. Long, with `HP_TORTURE` set: all victims, many times, and a table.
@Suite("Failpoints")
struct FailpointTests {
    static let torture = ProcessInfo.processInfo.environment["HP_TORTURE"].flatMap { Int($0) }
    private static let seed: UInt64 = 25

    @Test("every failpoint has a recipe that meets it, and every recipe its failpoint")
    func catalogue() {
        #expect(Failpoint.all.count > 40)
        #expect(FailpointRecipe.all.keys.sorted() == Failpoint.all.map(\.name).sorted())
    }

    @Test("a list of failpoints that cannot be read ends the program, so that no test proves nothing")
    func mistypedLists() async throws {
        try await World.with { world in
            for list in [
                "FP-ST-99=stop", "FP-ST-3", "FP-ST-3=jump", "FP-ST-3=stop@0", "FP-ST-3=err:ENOTHING", "FP-ST-3=sleep:5",
            ] {
                let answer = try await world.run("validate", extra: ["HEROPROC_FP": list])
                #expect(
                    answer.code == 70 && answer.err.contains("cannot understand `\(list)`"),
                    "\(list): \(answer.err)"
                )
            }
            let answer = try await world.run("validate", extra: ["HEROPROC_TEST_DISABLE": "everything"])
            #expect(answer.code == 70)
            let list = "FP-ST-3=kill9@2;FP-SIG-1=sleep:50ms;FP-LG-2=err:ENOSPC"
            #expect(try await world.run("validate", extra: ["HEROPROC_FP": list]).code != 70)
        }
    }

    @Test(
        "CR-2: killed at any point, all converges, the next plan is empty and no law is broken",
        arguments: Failpoint.all
    )
    func each(point: Failpoint) async throws {
        guard Self.torture == nil else { return }
        let index = Failpoint.all.firstIndex(of: point) ?? 0
        var random = Seeded(Self.seed &+ UInt64(index))
        var run = try FailpointRun(point, try #require(Victims.allCases.randomElement(using: &random)))
        run.goesOnFirst = Bool.random(using: &random)
        let verdict = try await Lanes.short.run { [run] in try await run.run() }
        #expect(verdict.violations.isEmpty, "\(run.title): \(verdict.text)")
    }

    @Test("LG-2: a write to a log that is refused is counted to the byte, and one that is interrupted is made again")
    func refusedWrites() async throws {
        let point = try Failpoint.named("FP-LG-2")
        for error in ["ENOSPC", "EINTR"] {
            let recipe = try #require(FailpointRecipe.all[point.name]).with {
                $0.action = "err:\(error)"
                $0.at = 3
            }
            let run = try FailpointRun(point, .reconciler, recipe)
            let verdict = try await Lanes.short.run { try await run.run() }
            #expect(verdict.violations.isEmpty, "\(error): \(verdict.text)")
        }
    }

    @Test("CR-2, long: every point, with all victims, many times", .enabled(if: torture != nil, "only in make torture"))
    func table() async throws {
        let rounds = max(1, (Self.torture ?? 0) / 20)
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = Seeded(seed)
        print("failpoints: \(rounds) rounds, seed \(seed)")
        var lines: [String] = []
        for point in Failpoint.all {
            for victims in Victims.allCases {
                var run = try FailpointRun(point, victims)
                run.patience = 60
                let orders = (0..<rounds).map { _ in Bool.random(using: &random) }
                let verdicts = try await withThrowingTaskGroup(of: FailpointVerdict.self) { group in
                    for goesOnFirst in orders {
                        run.goesOnFirst = goesOnFirst
                        group.addTask { [run] in try await Lanes.long.run { try await run.run() } }
                    }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                let broken = verdicts.filter { !$0.violations.isEmpty }
                let longest = verdicts.compactMap(\.milliseconds).max() ?? -1
                let line = [
                    point.name.padding(toLength: 9, withPad: " ", startingAt: 0),
                    victims.rawValue.padding(toLength: 10, withPad: " ", startingAt: 0),
                    "\(rounds) runs", "\(longest) ms at most", broken.isEmpty ? "good" : "\(broken.count) BROKEN",
                ].joined(separator: "  ")
                print(line)
                lines.append(line)
                for verdict in broken { Issue.record("\(run.title), seed \(seed): \(verdict.text)") }
                #expect(longest <= 10_000, "\(run.title) took \(longest) ms, seed \(seed)")
            }
        }
        print("failpoints, all of them:\n" + lines.joined(separator: "\n"))
    }
}

extension FailpointRun {
    var title: String { "\(point.name), \(victims.rawValue) killed, goes on \(goesOnFirst ? "first" : "later")" }
}

extension FailpointVerdict {
    var text: String { violations.map(\.description).joined(separator: "; ") }
}

/// Lets so many bodies run at once: each has several processes, and the machine few processors.
actor Lanes {
    static let short = Lanes(4)
    static let long = Lanes(6)

    private var free: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(_ count: Int) { free = count }

    nonisolated func run<Value: Sendable>(_ body: @Sendable () async throws -> Value) async throws -> Value {
        await enter()
        do {
            let value = try await body()
            await leave()
            return value
        } catch {
            await leave()
            throw error
        }
    }

    private func enter() async {
        if free > 0 { free -= 1 } else { await withCheckedContinuation { waiting.append($0) } }
    }

    private func leave() {
        if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() }
    }
}
