// Rule: measure every supervisor in the same way, in one run, and remove everything afterwards.

import ArgumentParser
import Foundation
import Glibc

/// Measures heroproc and its peers in one run on this machine.
@main
struct HPBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hpbench",
        abstract: "Measure starts, stops, memory, restarts, adoption, logs and plans next to the installed peers.",
        discussion: """
            Removes all its files and processes, also on Ctrl-C. On a busy machine only the ratios are useful.

            EXAMPLES:
              hpbench                       measure everything, in some minutes
              hpbench --only log            measure one part, see --only below
              hpbench --write               write docs/reference/performance.md
            """
    )

    @Option(help: "The number of services for figures that grow with it.")
    var services = Sizes().many

    @Option(help: "The number of lines that one service writes.")
    var lines = Sizes().lines

    @Option(help: "The number of repetitions; the median counts.")
    var rounds = Sizes().repetitions

    @Option(help: "Measure only these parts: many, few, growth, adoption, log, history, manifests, plan.")
    var only: [Part] = []

    @Option(help: "The parent of the new working directory.")
    var directory = "/var/tmp"

    @Flag(help: "Write the table into docs/reference/performance.md.")
    var write = false

    enum Part: String, ExpressibleByArgument, CaseIterable {
        case many
        case few
        case growth
        case adoption
        case log
        case history
        case manifests
        case plan
    }

    func run() throws {
        let own = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
            .path(percentEncoded: false)
        let programs = ["heroproc", "hpshim", "hpbenchload"].map { own + $0 }
        if let missing = programs.first(where: { access($0, X_OK) != 0 }) {
            throw ValidationError("\(missing) does not exist; `make bench` builds it.")
        }
        var sizes = Sizes()
        sizes.many = services
        sizes.few = min(sizes.few, services)
        sizes.lines = lines
        sizes.repetitions = rounds

        let parts = only.isEmpty ? Part.allCases : only
        let reading = ManifestBenchmark(count: sizes.manifests, repetitions: sizes.repetitions)
        let place = try BenchDirectory(below: directory, programs: programs)
        defer { place.cleanUp() }
        var sessions = Benchmarks(place, sizes) { line in
            let bytes = Array((line + "\n").utf8)
            _ = bytes.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
        }
        for contender in Contender.allCases where !contender.isInstalled {
            sessions.log("\(contender.rawValue) is not installed here: skipped (\(contender.installationHelp))")
        }
        // Peak memory comes first: the peak of a child process starts with the memory that this process has used.
        if parts.contains(.plan) { try sessions.measureDiffs() }
        if parts.contains(.manifests) { reading.measure(into: &sessions.results) }
        if parts.contains(.many) { try sessions.measureManyServices() }
        if parts.contains(.few) { try sessions.measureFewServices() }
        if parts.contains(.growth) { try sessions.measureGrowth() }
        if parts.contains(.adoption) { try sessions.measureAdoption() }
        if parts.contains(.log) { try sessions.measureLogThroughput() }
        if parts.contains(.history) { try sessions.measureHistory() }
        if parts.contains(.plan) { try sessions.measurePlans() }

        let report = BenchmarkReport(results: sessions.results, sizes: sizes)
        print(report.section)
        if write {
            try report.write(to: "docs/reference/performance.md")
            for figure in report.missed {
                print("misses its aim; explain the reason on the page: \(figure.row(sizes).title)")
            }
        }
    }
}
