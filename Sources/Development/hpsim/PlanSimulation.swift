import Foundation
import HeroPlan
import HeroSimulation

/// Plans of random worlds, on all cores, each judged by every law.
struct PlanSimulation {
    /// How many.
    let count: Int
    /// The first seed.
    let from: UInt64

    /// Prints the first ones that break a law, and the sums.
    ///
    /// - Returns: whether none did.
    func run() -> Bool {
        let began = Date()
        let findings = PlanTotals()
        let workers = max(1, ProcessInfo.processInfo.activeProcessorCount)
        DispatchQueue.concurrentPerform(iterations: workers) { worker in
            var index = worker
            while index < count, !findings.hasEnough {
                let seed = from &+ UInt64(index)
                let (plan, violations) = RandomPlanCase(seed: seed).verified()
                findings.add(seed, changes: plan.changes.count, violations.map(\.description))
                index += workers
            }
        }
        for (seed, violations) in findings.failed.sorted(by: { $0.seed < $1.seed }) {
            print("the plan of seed \(seed) broke a law; see it again with: hpsim --plans 1 --from \(seed)")
            for violation in violations { print("  \(violation)") }
        }
        let seconds = String(format: "%.1f", Date().timeIntervalSince(began))
        let failed = findings.failed.count
        print("\(findings.plans) plans of \(findings.changes) changes, \(failed) failed, in \(seconds) s")
        return failed == 0
    }
}

/// What all workers found.
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
