// Rule: run seeds, report each seed that violates an invariant, and how to repeat it.

import ArgumentParser
import Foundation
import HeroFuzz

/// Reads random inputs on all cores and prints the first five that violate an invariant.
@main
struct HPFuzz: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hpfuzz",
        abstract:
            "Read manifests that are made from a corpus by seeds, and check the diagnostics and the desired state.",
        discussion: """
            EXAMPLES:
              hpfuzz --seeds 1000000          a long run
              hpfuzz --seed 8421              print the input of a failed seed and what it violates
              hpfuzz --file crash.yaml        check one file
            """
    )

    @Option(help: "How many seeds to run.")
    var seeds: UInt64 = 10_000

    @Option(help: "The first seed.")
    var from: UInt64 = 1

    @Option(help: "Run only this seed and print its input.")
    var seed: UInt64?

    @Option(help: "Check only this file.")
    var file: String?

    @Option(help: "The directory with the corpus.")
    var corpus = "Tests/HeroManifestTests"

    func run() throws {
        if let file {
            let violations = Fuzzer.violations(in: Array(try Data(contentsOf: URL(filePath: file))))
            for line in violations { print(line) }
            throw ExitCode(violations.isEmpty ? 0 : 1)
        }
        let fuzzer = try Fuzzer(corpus: Self.corpusInputs(below: corpus))
        if let seed {
            // The input is written before it is read, because a trap would end the program.
            _ = fuzzer.input(forSeed: seed).withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            let result = fuzzer.run(seed: seed)
            for line in result.violations { print("seed \(seed): \(line)") }
            throw ExitCode(result.violations.isEmpty ? 0 : 1)
        }
        try runSeeds(fuzzer)
    }

    private func runSeeds(_ fuzzer: Fuzzer) throws {
        let start = Date()
        let summary = FuzzSummary()
        let workers = max(1, ProcessInfo.processInfo.activeProcessorCount)
        DispatchQueue.concurrentPerform(iterations: workers) { worker in
            var index = UInt64(worker)
            while index < seeds, !summary.hasReachedFailureLimit {
                summary.add(fuzzer.run(seed: from &+ index))
                index += UInt64(workers)
            }
        }
        for result in summary.failures.sorted(by: { $0.seed < $1.seed }) {
            print("seed \(result.seed) violates an invariant; repeat it with: hpfuzz --seed \(result.seed)")
            for line in result.violations.prefix(5) { print("  \(line)") }
        }
        let seconds = String(format: "%.1f", Date().timeIntervalSince(start))
        print(
            "\(summary.inputCount) inputs, \(summary.validCount) of them valid, "
                + "\(summary.failures.count) failed, in \(seconds) s"
        )
        throw ExitCode(summary.failures.isEmpty ? 0 : 1)
    }

    /// Reads every manifest below a directory, sorted by path.
    private static func corpusInputs(below directory: String) throws -> [[UInt8]] {
        let paths = try FileManager.default.subpathsOfDirectory(atPath: directory).filter { $0.hasSuffix(".yaml") }
        return try paths.sorted().map { Array(try Data(contentsOf: URL(filePath: "\(directory)/\($0)"))) }
    }
}

/// The results of all workers.
private final class FuzzSummary: @unchecked Sendable {
    private let lock = NSLock()
    private(set) var failures: [FuzzResult] = []
    private(set) var inputCount = 0
    private(set) var validCount = 0

    var hasReachedFailureLimit: Bool { lock.withLock { failures.count >= 5 } }

    func add(_ result: FuzzResult) {
        lock.withLock {
            inputCount += 1
            if result.isValid { validCount += 1 }
            if !result.violations.isEmpty { failures.append(result) }
        }
    }
}
