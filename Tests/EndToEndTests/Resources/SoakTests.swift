import Foundation
import Glibc
import HeroLinux
import Testing

/// Faults for a long time, and everything that can grow back where it was (reliability.md I10, RX-3, 6.4).
///
/// `make soak MINUTES=30` runs 200 services; without it, a few for a few seconds.
@Suite("Soak", .serialized)
struct SoakTests {
    private static let minutes = ProcessInfo.processInfo.environment["HP_SOAK"].flatMap { Double($0) }
    private static let serviceCount = minutes == nil ? 12 : 200
    private static let duration = Duration.seconds(minutes.map { $0 * 60 } ?? 6)
    /// Seconds between two faults.
    private static let pause = minutes == nil ? 300...500 : 500...3000

    /// Something that can grow, and how far its end may be above its beginning.
    struct Gauge {
        let name: String
        /// By how much the end may exceed the baseline.
        let allowedGrowth: Int
        /// What it may never reach, even in between.
        let maximum: Int
    }

    private static let gauges = [
        Gauge(name: "reconciler own memory, KiB", allowedGrowth: 6 * 1024, maximum: 64 * 1024),
        Gauge(name: "reconciler descriptors", allowedGrowth: 4, maximum: 40 + 4 * serviceCount),
        Gauge(name: "reconciler threads", allowedGrowth: 1, maximum: 16),
        Gauge(name: "keeper own memory, KiB", allowedGrowth: 8, maximum: 512),
        Gauge(name: "keeper descriptors", allowedGrowth: 0, maximum: 64),
        Gauge(name: "shims", allowedGrowth: 2, maximum: serviceCount + 30),
        Gauge(name: "own memory of a shim at most, KiB", allowedGrowth: 16, maximum: 250),
        // Only root may look at those of a process that is not dumpable (SH-12).
        Gauge(
            name: geteuid() == 0 ? "descriptors of a shim at most" : "descriptors of a shim (skipped: needs root)",
            allowedGrowth: 1,
            maximum: 16
        ),
        Gauge(name: "zombies", allowedGrowth: 0, maximum: 60),
        Gauge(name: "files in the run directory", allowedGrowth: 0, maximum: 12 + 4 * serviceCount),
        // Ten minutes each: a shim that was held up on its way must find that its start is over (SH-6).
        Gauge(name: "files kept for late shims", allowedGrowth: 40, maximum: 40),
        Gauge(name: "temporary files", allowedGrowth: 0, maximum: 30),
        Gauge(name: "database, KiB", allowedGrowth: 48 * 1024, maximum: 64 * 1024),
        Gauge(name: "logs, KiB", allowedGrowth: 4 * 64 * serviceCount, maximum: 5 * 64 * serviceCount),
    ]

    @Test("I10: after faults without end, memory, descriptors, threads, zombies and files are back where they were")
    func nothingGrows() async throws {
        try await TestHost.with { world in
            var random = SeededGenerator(TestSettings.seed())
            let names = (0..<Self.serviceCount).map { "s\($0)" }
            for (index, name) in names.enumerated() { try declare(name, index, salt: 0, world) }
            let keeper = try world.start(["reconcile", "--watch", "--keep"])
            try await waitUntilRunning(world, names)
            // Once around: what is allocated at the first fault is no growth.
            for fault in Fault.allCases { try await inject(fault, names, world, &random) }
            try await waitUntilSettled(world, names)
            let baseline = try sample(world, keeper.pid)
            var (peak, begin) = (baseline, ContinuousClock.now)
            var faults = Dictionary(uniqueKeysWithValues: Fault.allCases.map { ($0, 0) })
            var sampled = begin
            while ContinuousClock.now - begin < Self.duration {
                // In the second half one and the same reconciler lives through everything.
                let isLate = ContinuousClock.now - begin > Self.duration / 2
                let fault = Fault.allCases.filter { !isLate || $0 != .killReconciler }.randomElement(using: &random)
                if let fault {
                    try await inject(fault, names, world, &random)
                    faults[fault, default: 0] += 1
                }
                try await Task.sleep(for: .milliseconds(Int.random(in: Self.pause, using: &random)))
                if ContinuousClock.now - sampled > .seconds(2), let now = try? sample(world, keeper.pid) {
                    peak = zip(peak, now).map(max)
                    sampled = ContinuousClock.now
                }
            }
            begin = ContinuousClock.now
            try await waitUntilSettled(world, names)
            let convergence = (ContinuousClock.now - begin) / .milliseconds(1)
            let end = try sample(world, keeper.pid)
            try await world.expectEmptyDiff()

            TestSettings.reportLine([
                "soak, \(Self.serviceCount) services", "baseline", "peak", "end", "may grow by", "ceiling", "verdict",
            ])
            for (index, gauge) in Self.gauges.enumerated() {
                let isGood = end[index] <= baseline[index] + gauge.allowedGrowth && peak[index] <= gauge.maximum
                TestSettings.reportLine(
                    [gauge.name]
                        + [baseline[index], peak[index], end[index], gauge.allowedGrowth, gauge.maximum].map(
                            String.init
                        )
                        + [isGood ? "good" : "BAD"]
                )
                #expect(isGood, "\(gauge.name): \(baseline[index]), at most \(peak[index]), in the end \(end[index])")
            }
            let list = Fault.allCases.map { "\($0.rawValue) \(faults[$0] ?? 0)" }.joined(separator: ", ")
            TestSettings.reportLine(["faults: \(list); converged \(Int(convergence)) ms after the last"])
            for name in names {
                let lives = world.instances(name)
                let isCounted = zip(lives, lives.dropFirst()).allSatisfy {
                    $0.job != $1.job || $0.restartCount < $1.restartCount
                }
                #expect(isCounted, "\(name): restart counts rise")
            }
            kill(keeper.pid, SIGTERM)
            #expect(try await world.exitCode(of: keeper) == 0)
            try await measureAdoption(world)
            #expect(try await world.run("down", "--all").exitCode == 0)
        }
    }

    /// How long the next reconciler takes from the start of its program until it has everything in hand (SH-10).
    private func measureAdoption(_ world: TestHost) async throws {
        let begin = Date()
        let running = try world.startReconciler()
        // One that waits for its next try at this moment is not among them.
        let style = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
        var (words, milliseconds) = ("", 0.0)
        try await eventually("it has taken everything up", within: 60) {
            for event in try await world.events() {
                guard let text = event["text"] as? String, text.hasPrefix("adopted "),
                    let time = (event["time"] as? String).flatMap({ try? style.parse($0.prefix(23) + "Z") }),
                    time > begin
                else { continue }
                (words, milliseconds) = (text, time.timeIntervalSince(begin) * 1000)
            }
            return !words.isEmpty
        }
        TestSettings.reportLine([
            "SH-10: the next reconciler \(words) \(Int(milliseconds)) ms after the start of its program"
        ])
        kill(running.pid, SIGTERM)
        #expect(try await world.exitCode(of: running) == 0)
    }

    // MARK: The load

    /// Services of all kinds: writers, sockets, trees, short lives, probes.
    private func declare(_ name: String, _ index: Int, salt: Int, _ world: TestHost) throws {
        let socket = "\(world.root)/\(name).sock"
        let kinds: [(words: String, keys: [String])] = [
            ("lines 20", []), ("listen-unix \(socket) lines 5", ["sockets: [\(socket)]"]), ("fork 1 lines 2", []),
            ("random-life 20000", []),
            ("listen-unix \(socket)", ["sockets: [\(socket)]", "health: {unix: \(socket), interval: 2s}"]),
        ]
        let kind = kinds[index % kinds.count]
        let keys = [
            "retry: {delay: 100ms, max_delay: 1s}", "log: {max_size: 64KiB, keep: 3}", "env: {SALT: \"\(salt)\"}",
        ]
        let deed = TestHost.OracleAction(name: "run", commands: kind.words, fields: keys + kind.keys, isProcess: true)
        try world.writeManifest("\(name).yaml", world.manifest(name, [], [deed]))
    }

    private func waitUntilRunning(_ world: TestHost, _ names: [String]) async throws {
        try await eventually("\(names.count) services are up", within: 240) {
            let services = try await world.run("status", "-o", "json").json["services"] as? [[String: Any]] ?? []
            return services.count == names.count && services.allSatisfy { $0["state"] as? String == "running" }
        }
    }

    /// Waits until everything stands and nobody is on his way out.
    private func waitUntilSettled(_ world: TestHost, _ names: [String]) async throws {
        try await eventually("all is as wanted again", within: 240) {
            let services = try await world.run("status", "-o", "json").json["services"] as? [[String: Any]] ?? []
            let isUp = services.allSatisfy { ["running", "backing_off"].contains($0["state"] as? String) }
            guard services.count == names.count, isUp, let pid = world.reconcilerPID else { return false }
            return world.shimProcesses(of: pid).count == names.count
        }
    }

    // MARK: Faults

    private enum Fault: String, CaseIterable {
        case killMain = "program killed"
        case killShim = "shim killed"
        case killReconciler = "reconciler killed"
        case freeze = "reconciler frozen"
        case edit = "edited"
        case touch = "touched"
        case read = "read"
        case invalidManifest = "mistaken"
    }

    private func inject(_ fault: Fault, _ names: [String], _ world: TestHost, _ random: inout SeededGenerator)
        async throws
    {
        let index = Int.random(in: names.indices, using: &random)
        let name = names[index]
        switch fault {
        case .killMain:
            if let life = world.instances(name).last, isAlive(life.pid) { kill(life.pid, SIGKILL) }
        case .killShim:
            let shims = world.shimProcesses(of: world.reconcilerPID)
            if let shim = shims.randomElement(using: &random) { kill(shim.pid, SIGKILL) }
        case .killReconciler:
            guard let pid = world.reconcilerPID else { return }
            kill(pid, SIGKILL)
            try await eventually("another one is there", within: 60) { world.reconcilerPID.map { $0 != pid } ?? false }
        case .freeze:
            guard let pid = world.reconcilerPID else { return }
            kill(pid, SIGSTOP)
            try await Task.sleep(for: .milliseconds(300))
            kill(pid, SIGCONT)
        case .edit: try declare(name, index, salt: Int.random(in: 0...1 << 30, using: &random), world)
        case .touch:
            let path = "\(world.servicesDirectory)/\(name).yaml"
            try world.writeManifest("\(name).yaml", world.readText(path))
        case .read:
            for words in [["status"], ["why", name], ["logs", name], ["events"]] { _ = try await world.run(words) }
        case .invalidManifest:
            try world.writeManifest("mistake.yaml", "kind: Service\nname: mistake\nactions: [nothing, really\n")
            try await Task.sleep(for: .milliseconds(600))
            unlink("\(world.servicesDirectory)/mistake.yaml")
        }
    }

    // MARK: Measuring

    /// All gauges, in their order.
    private func sample(_ world: TestHost, _ keeper: pid_t) throws -> [Int] {
        let reconciler = try #require(world.reconcilerPID)
        let shims = world.shimProcesses(of: reconciler).map(\.pid)
        let (state, all) = (files(world.stateDirectory), files(world.paths.run))
        let retired = Set(all.filter { $0.hasSuffix(".retired") })
        let run = all.filter { !retired.contains($0) && !retired.contains($0 + ".retired") }
        let logs = state.filter { $0.contains("/logs/") }
        let temporary = (state + all).filter { path in [".tmp", "~", ".new", ".part"].contains { path.hasSuffix($0) } }
        let database = state.filter { $0.contains("heroproc.db") }
        return [
            memory(reconciler), descriptorCount(of: reconciler), statusValue("Threads", of: reconciler) ?? 0,
            memory(keeper), descriptorCount(of: keeper), shims.count,
            shims.map(memory).max() ?? 0, shims.map(descriptorCount).max() ?? 0,
            zombieCount([reconciler, keeper] + shims), run.count, all.count - run.count,
            temporary.count,
            byteCount(database) / 1024, byteCount(logs) / 1024,
        ]
    }

    /// Memory that is a process's own, in KiB.
    private func memory(_ pid: pid_t) -> Int { statusValue("RssAnon", of: pid) ?? 0 }

    private func zombieCount(_ parents: [pid_t]) -> Int {
        parents.flatMap { children(of: $0) }.filter { !isAlive($0) && access("/proc/\($0)", F_OK) == 0 }.count
    }

    private func files(_ folder: String) -> [String] {
        ((try? FileManager.default.subpathsOfDirectory(atPath: folder)) ?? []).map { "\(folder)/\($0)" }
    }

    private func byteCount(_ paths: [String]) -> Int {
        paths.map { path in
            var file = stat()
            return stat(path, &file) == 0 && file.st_mode & S_IFMT == S_IFREG ? Int(file.st_size) : 0
        }.reduce(0, +)
    }
}
