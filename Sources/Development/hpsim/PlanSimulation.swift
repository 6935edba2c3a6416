import Foundation
import HeroPlan
import HeroSimulation

/// Makes plans of random states on all cores, and verifies every invariant of each.
struct PlanSimulation {
    /// How many plans to make.
    let count: Int
    /// The first seed.
    let from: UInt64

    /// Prints the first plans that violate an invariant, and the totals.
    ///
    /// - Returns: whether no plan violates an invariant.
    func run() -> Bool {
        let began = Date()
        let totals = PlanTotals()
        let workers = max(1, ProcessInfo.processInfo.activeProcessorCount)
        DispatchQueue.concurrentPerform(iterations: workers) { worker in
            var index = worker
            while index < count, !totals.hasEnough {
                let seed = from &+ UInt64(index)
                let (plan, violations) = RandomPlanCase(seed: seed).verified()
                totals.add(seed, changes: plan.changes.count, violations.map(\.description))
                index += workers
            }
        }
        for (seed, violations) in totals.failed.sorted(by: { $0.seed < $1.seed }) {
            print("the plan of seed \(seed) violates an invariant; replay it with: hpsim --plans 1 --from \(seed)")
            for violation in violations { print("  \(violation)") }
        }
        let seconds = String(format: "%.1f", Date().timeIntervalSince(began))
        let failed = totals.failed.count
        print("\(totals.plans) plans of \(totals.changes) changes, \(failed) failed, in \(seconds) s")
        return failed == 0
    }
}

/// The results of all workers.
private final class PlanTotals: @unchecked Sendable {
    private let lock = NSLock()
    private(set) var failed: [(seed: UInt64, violations: [String])] = []
    private(set) var plans = 0
    private(set) var changes = 0

    var hasEnough: Bool {
        lock.lock()
        defer { lock.unlock() }
        return failed.count >= 5
    }

    func add(_ seed: UInt64, changes: Int, _ violations: [String]) {
        lock.lock()
        defer { lock.unlock() }
        plans += 1
        self.changes += changes
        if !violations.isEmpty { failed.append((seed, violations)) }
    }
}
