// Law: run seeds, say which one broke a promise, and how to see it again.

import ArgumentParser
import Foundation
import HeroFuzz

/// Reads texts that nobody means, on all cores, and prints the first ones that break a promise.
@main
struct HPFuzz: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hpfuzz",
        abstract: "Read manifests that are made from a corpus by seeds, and judge what is said of them.",
        discussion: """
            EXAMPLES:
              hpfuzz --seeds 1000000          a long run
              hpfuzz --seed 8421              one that failed: its text, and what it broke
              hpfuzz --file crash.yaml        the promises for one file
            """
    )

    @Option(help: "How many seeds to run.")
    var seeds: UInt64 = 10_000

    @Option(help: "The first seed.")
    var from: UInt64 = 1

    @Option(help: "Run this seed alone, and print its text.")
    var seed: UInt64?

    @Option(help: "Judge this file alone.")
    var file: String?

    @Option(help: "The folder with the texts to begin with.")
    var corpus = "Tests/HeroManifestTests"

    func run() throws {
        if let file {
            let broken = Fuzzer.violations(in: Array(try Data(contentsOf: URL(filePath: file))))
            for line in broken { print(line) }
            throw ExitCode(broken.isEmpty ? 0 : 1)
        }
        let fuzzer = try Fuzzer(corpus: Self.corpusInputs(below: corpus))
        if let seed {
            // Before it is read: a trap would take it along.
            _ = fuzzer.input(forSeed: seed).withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            let trial = fuzzer.run(seed: seed)
            for line in trial.violations { print("seed \(seed): \(line)") }
            throw ExitCode(trial.violations.isEmpty ? 0 : 1)
        }
        try runSeeds(fuzzer)
    }

    private func runSeeds(_ fuzzer: Fuzzer) throws {
        let began = Date()
        let totals = FuzzSummary()
        let workers = max(1, ProcessInfo.processInfo.activeProcessorCount)
        DispatchQueue.concurrentPerform(iterations: workers) { worker in
            var index = UInt64(worker)
            while index < seeds, !totals.hasReachedFailureLimit {
                totals.add(fuzzer.run(seed: from &+ index))
                index += UInt64(workers)
            }
        }
        for trial in totals.failures.sorted(by: { $0.seed < $1.seed }) {
            print("seed \(trial.seed) broke a promise; see it with: hpfuzz --seed \(trial.seed)")
            for line in trial.violations.prefix(5) { print("  \(line)") }
        }
        let seconds = String(format: "%.1f", Date().timeIntervalSince(began))
        print(
            "\(totals.inputCount) texts, \(totals.validCount) of them good, \(totals.failures.count) failed, in \(seconds) s"
        )
        throw ExitCode(totals.failures.isEmpty ? 0 : 1)
    }

    /// Every manifest below a folder, in the order of paths.
    private static func corpusInputs(below folder: String) throws -> [[UInt8]] {
        let paths = try FileManager.default.subpathsOfDirectory(atPath: folder).filter { $0.hasSuffix(".yaml") }
        return try paths.sorted().map { Array(try Data(contentsOf: URL(filePath: "\(folder)/\($0)"))) }
    }
}

/// What all workers found.
private final class FuzzSummary: @unchecked Sendable {
    private let lock = NSLock()
    private(set) var failures: [FuzzResult] = []
    private(set) var inputCount = 0
    private(set) var validCount = 0

    var hasReachedFailureLimit: Bool { lock.withLock { failures.count >= 5 } }

    func add(_ trial: FuzzResult) {
        lock.withLock {
            inputCount += 1
            if trial.isValid { validCount += 1 }
            if !trial.violations.isEmpty { failures.append(trial) }
        }
    }
}
