// Law: measure everyone alike, in one run, and leave nothing behind.

import ArgumentParser
import Foundation
import Glibc

/// Measures heroproc beside its peers, in one run, on this machine.
@main
struct HPBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hpbench",
        abstract: "Measure starts, stops, memory, healing, adoption, logs and plans beside the peers installed here.",
        discussion: """
            Nothing is left behind, on Ctrl-C neither. A busy machine makes absolute figures worthless; ratios less so.

            EXAMPLES:
              hpbench                       all of it, some minutes
              hpbench --only log            one part: many, few, adoption, log, history, manifests or plan
              hpbench --write               and write the page docs/reference/performance.md
            """
    )

    @Option(help: "How many services for what grows with their number.")
    var services = Sizes().many

    @Option(help: "How many lines one service writes.")
    var lines = Sizes().lines

    @Option(help: "How often the starts and stops are repeated; the median counts.")
    var rounds = Sizes().repetitions

    @Option(help: "Only these parts: many, few, adoption, log, history, manifests, plan.")
    var only: [Part] = []

    @Option(help: "Where to work: a fresh directory is made there.")
    var directory = "/var/tmp"

    @Flag(help: "Write the table into docs/reference/performance.md.")
    var write = false

    enum Part: String, ExpressibleByArgument, CaseIterable {
        case many
        case few
        case adoption
        case log
        case history
        case manifests
        case plan
    }

    func run() throws {
        let own = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent().path()
        let programs = ["heroproc", "hpshim", "hpbenchload"].map { own + $0 }
        if let missing = programs.first(where: { access($0, X_OK) != 0 }) {
            throw ValidationError("There is no \(missing); `make bench` builds what is needed.")
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
            sessions.log("\(contender.rawValue) is not installed here: skipped (`make bench-deps` installs it)")
        }
        // What memory is measured of comes before this process has used much of its own: the peak of a child begins with that.
        if parts.contains(.plan) { try sessions.measureDiffs() }
        if parts.contains(.manifests) { reading.measure(into: &sessions.results) }
        if parts.contains(.many) { try sessions.measureManyServices() }
        if parts.contains(.few) { try sessions.measureFewServices() }
        if parts.contains(.adoption) { try sessions.measureAdoption() }
        if parts.contains(.log) { try sessions.measureLogThroughput() }
        if parts.contains(.history) { try sessions.measureHistory() }
        if parts.contains(.plan) { try sessions.measurePlans() }

        let report = BenchmarkReport(results: sessions.results, sizes: sizes)
        print(report.section)
        if write {
            try report.write(to: "docs/reference/performance.md")
            for figure in report.missed {
                print("misses its aim; the page must say what it is spent on: \(figure.row(sizes).title)")
            }
        }
    }
}
