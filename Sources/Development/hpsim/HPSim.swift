// Rule: run seeds, and print those that violate an invariant and how to replay them.
import ArgumentParser
import Foundation
import HeroSimulation

/// Runs simulations of many seeds on all cores, and prints the first ones that violate an invariant.
@main
struct HPSim: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hpsim",
        abstract: "Run the reconciler on simulated machines, one for each seed.",
        discussion: """
            EXAMPLES:
              hpsim --seeds 100000            a long run
              hpsim --seed 8421 --verbose     replay one that failed, with all events and actions
              hpsim --plans 100000            make and verify random plans only
            """
    )

    @Option(help: "How many seeds to run.")
    var seeds: Int = 1000

    @Option(help: "Run no simulation: make this many plans of random states, and verify every invariant of each.")
    var plans: Int?

    @Option(help: "The first seed.")
    var from: UInt64 = 1

    @Option(help: "Run this seed alone.")
    var seed: UInt64?

    @Flag(help: "Print all events and actions (with --seed).")
    var verbose = false

    func run() throws {
        if let plans {
            throw ExitCode(PlanSimulation(count: plans, from: from).run() ? 0 : 1)
        }
        if let seed {
            let isVerbose = verbose
            let result = SimulationRun.run(seed: seed) { if isVerbose { print($0) } }
            report(result)
            throw ExitCode(result.violations.isEmpty ? 0 : 1)
        }
        try runMany()
    }

    private func runMany() throws {
        let began = Date()
        let totals = Totals()
        let workers = max(1, ProcessInfo.processInfo.activeProcessorCount)
        DispatchQueue.concurrentPerform(iterations: workers) { worker in
            var index = worker
            while index < seeds, !totals.hasEnough {
                totals.add(SimulationRun.run(seed: from &+ UInt64(index)))
                index += workers
            }
        }
        let sums = totals.sums
        for result in totals.failed.sorted(by: { $0.seed < $1.seed }) { report(result) }
        let seconds = Date().timeIntervalSince(began)
        print(
            "\(sums.seeds) seeds, \(sums.steps) steps, \(sums.crashes) crashes, \(sums.executions) programs, "
                + "\(totals.failed.count) failed, in \(String(format: "%.1f", seconds)) s"
        )
        throw ExitCode(totals.failed.isEmpty ? 0 : 1)
    }

    private func report(_ result: SimulationRun.Report) {
        guard !result.violations.isEmpty else {
            print("seed \(result.seed): all invariants held in \(result.steps) steps with \(result.crashes) crashes")
            return
        }
        print("seed \(result.seed) violates an invariant; replay it with: hpsim --seed \(result.seed) --verbose")
        for violation in result.violations { print("  \(violation)") }
    }
}

/// The results of all workers.
private final class Totals: @unchecked Sendable {
    private let lock = NSLock()
    private(set) var failed: [SimulationRun.Report] = []
    private(set) var sums = (seeds: 0, steps: 0, crashes: 0, executions: 0)

    var hasEnough: Bool {
        lock.lock()
        defer { lock.unlock() }
        return failed.count >= 5
    }

    func add(_ result: SimulationRun.Report) {
        lock.lock()
        defer { lock.unlock() }
        sums.seeds += 1
        sums.steps += result.steps
        sums.crashes += result.crashes
        sums.executions += result.executions
        if !result.violations.isEmpty { failed.append(result) }
    }
}
