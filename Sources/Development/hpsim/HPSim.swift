// Law: run seeds, say which ones broke a law, and how to see it again.
import ArgumentParser
import Foundation
import HeroSimulation

/// Runs seeds on the simulated machine, on all cores, and prints the first ones that break a law.
@main
struct HPSim: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hpsim",
        abstract: "Run the reconciler on simulated machines, one for each seed.",
        discussion: """
            EXAMPLES:
              hpsim --seeds 100000            a long run
              hpsim --seed 8421 --verbose     replay one that failed, with everything that happened
              hpsim --plans 100000            only plan, in as many random worlds
            """
    )

    @Option(help: "How many seeds to run.")
    var seeds: Int = 1000

    @Option(help: "Run no machine: make this many plans of random worlds, and judge each by every law.")
    var plans: Int?

    @Option(help: "The first seed.")
    var from: UInt64 = 1

    @Option(help: "Run this seed alone.")
    var seed: UInt64?

    @Flag(help: "Print everything that happens (with --seed).")
    var verbose = false

    func run() throws {
        if let plans {
            throw ExitCode(PlanSimulation(count: plans, from: from).run() ? 0 : 1)
        }
        if let seed {
            let shows = verbose
            let verdict = SimulationRun.run(seed: seed) { if shows { print($0) } }
            report(verdict)
            throw ExitCode(verdict.violations.isEmpty ? 0 : 1)
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
        for verdict in totals.failed.sorted(by: { $0.seed < $1.seed }) { report(verdict) }
        let seconds = Date().timeIntervalSince(began)
        print(
            "\(sums.seeds) seeds, \(sums.steps) steps, \(sums.crashes) crashes, \(sums.executions) programs, "
                + "\(totals.failed.count) failed, in \(String(format: "%.1f", seconds)) s"
        )
        throw ExitCode(totals.failed.isEmpty ? 0 : 1)
    }

    private func report(_ verdict: SimulationRun.Report) {
        guard !verdict.violations.isEmpty else {
            print("seed \(verdict.seed): all laws held in \(verdict.steps) steps with \(verdict.crashes) crashes")
            return
        }
        print("seed \(verdict.seed) broke a law; replay it with: hpsim --seed \(verdict.seed) --verbose")
        for violation in verdict.violations { print("  \(violation)") }
    }
}

/// What all workers found.
private final class Totals: @unchecked Sendable {
    private let lock = NSLock()
    private(set) var failed: [SimulationRun.Report] = []
    private(set) var sums = (seeds: 0, steps: 0, crashes: 0, executions: 0)

    var hasEnough: Bool {
        lock.lock()
        defer { lock.unlock() }
        return failed.count >= 5
    }

    func add(_ verdict: SimulationRun.Report) {
        lock.lock()
        defer { lock.unlock() }
        sums.seeds += 1
        sums.steps += verdict.steps
        sums.crashes += verdict.crashes
        sums.executions += verdict.executions
        if !verdict.violations.isEmpty { failed.append(verdict) }
    }
}
