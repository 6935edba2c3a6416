import Foundation
import Glibc
import HeroLinux
import HeroRandom
import Testing

/// Many faults over a long time.
///
/// Afterwards every gauge must be back at its baseline (guarantees I10, RX-3). `make soak MINUTES=30` runs 200
/// services. Without it a few services run for a few seconds.
@Suite("Soak", .serialized)
struct SoakTests {
    private static let minutes = ProcessInfo.processInfo.environment["HP_SOAK"].flatMap { Double($0) }
    private static let serviceCount = minutes == nil ? 12 : 200
    private static let duration = Duration.seconds(minutes.map { $0 * 60 } ?? 6)
    /// Milliseconds between two faults.
    private static let pause = minutes == nil ? 300...500 : 500...3000

    /// A quantity that could grow, and its limits.
    struct Gauge {
        let name: String
        /// The allowed difference between end and baseline.
        let allowedGrowth: Int
        /// The limit at any time.
        let maximum: Int
    }

    private static let gauges = [
        Gauge(name: "reconciler own memory, KiB", allowedGrowth: 6 * 1024, maximum: 64 * 1024),
        Gauge(name: "reconciler descriptors", allowedGrowth: 4, maximum: 40 + 4 * serviceCount),
        Gauge(name: "reconciler threads", allowedGrowth: 1, maximum: 16),
        Gauge(name: "monitor own memory, KiB", allowedGrowth: 8, maximum: 512),
        Gauge(name: "monitor descriptors", allowedGrowth: 0, maximum: 64),
        Gauge(name: "shims", allowedGrowth: 2, maximum: serviceCount + 30),
        Gauge(name: "own memory of a shim at most, KiB", allowedGrowth: 16, maximum: 250),
        // Only root can read the descriptors of a process that is not dumpable (SH-12).
        Gauge(
            name: geteuid() == 0 ? "descriptors of a shim at most" : "descriptors of a shim (skipped: needs root)",
            allowedGrowth: 1,
            maximum: 16
        ),
        Gauge(name: "zombies", allowedGrowth: 0, maximum: 60),
        Gauge(name: "files in the run directory", allowedGrowth: 0, maximum: 12 + 4 * serviceCount),
        // Kept for ten minutes: a delayed shim must find that its start is over (SH-6).
        Gauge(name: "files kept for late shims", allowedGrowth: 40, maximum: 40),
        Gauge(name: "temporary files", allowedGrowth: 0, maximum: 30),
        Gauge(name: "database, KiB", allowedGrowth: 48 * 1024, maximum: 64 * 1024),
        Gauge(name: "logs, KiB", allowedGrowth: 4 * 64 * serviceCount, maximum: 5 * 64 * serviceCount),
    ]

    @Test("After many faults memory, descriptors, threads and files return to the baseline (I10)")
    func nothingGrows() async throws {
        try await TestHost.with { host in
            var random = SeededGenerator(TestSettings.seed())
            let names = (0..<Self.serviceCount).map { "s\($0)" }
            for (index, name) in names.enumerated() { try declare(name, index, salt: 0, host) }
            let monitor = try host.start(["reconcile", "--watch", "--keep"])
            try await waitUntilRunning(host, names)
            // The first occurrence of each fault may allocate memory once.
            for fault in Fault.allCases { try await inject(fault, names, host, &random) }
            try await waitUntilSettled(host, names)
            let baseline = try sample(host, monitor.pid)
            var (peak, begin) = (baseline, ContinuousClock.now)
            var faults = Dictionary(uniqueKeysWithValues: Fault.allCases.map { ($0, 0) })
            var sampled = begin
            while ContinuousClock.now - begin < Self.duration {
                // In the second half a single reconciler handles all faults.
                let isLate = ContinuousClock.now - begin > Self.duration / 2
                let fault = Fault.allCases.filter { !isLate || $0 != .killReconciler }.randomElement(using: &random)
                if let fault {
                    try await inject(fault, names, host, &random)
                    faults[fault, default: 0] += 1
                }
                try await Task.sleep(for: .milliseconds(Int.random(in: Self.pause, using: &random)))
                if ContinuousClock.now - sampled > .seconds(2), let now = try? sample(host, monitor.pid) {
                    peak = zip(peak, now).map(max)
                    sampled = ContinuousClock.now
                }
            }
            begin = ContinuousClock.now
            try await waitUntilSettled(host, names)
            let convergence = (ContinuousClock.now - begin) / .milliseconds(1)
            let end = try sample(host, monitor.pid)
            try await host.expectEmptyDiff()

            TestSettings.reportLine([
                "soak, \(Self.serviceCount) services", "baseline", "peak", "end", "allowed growth", "ceiling",
                "verdict",
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
                #expect(isGood, "\(gauge.name): \(baseline[index]), peak \(peak[index]), end \(end[index])")
            }
            let list = Fault.allCases.map { "\($0.rawValue) \(faults[$0] ?? 0)" }.joined(separator: ", ")
            TestSettings.reportLine(["faults: \(list); converged \(Int(convergence)) ms after the last"])
            for name in names {
                let instances = host.instances(name)
                let isCounted = zip(instances, instances.dropFirst()).allSatisfy {
                    $0.job != $1.job || $0.restartCount < $1.restartCount
                }
                #expect(isCounted, "\(name): restart counts do not rise")
            }
            kill(monitor.pid, SIGTERM)
            #expect(try await host.exitCode(of: monitor) == 0)
            try await measureAdoption(host)
            #expect(try await host.run("down", "--all").exitCode == 0)
        }
    }

    /// Measures the time from the start of the next reconciler until it has adopted all jobs (SH-10).
    private func measureAdoption(_ host: TestHost) async throws {
        let begin = Date()
        let running = try host.startReconciler()
        // A service that waits for its retry is not counted.
        let style = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
        var (adoption, milliseconds) = ("", 0.0)
        try await eventually("the reconciler has adopted all jobs", within: 60) {
            for event in try await host.events() {
                guard let text = event["text"] as? String, text.hasPrefix("adopted "),
                    let time = (event["time"] as? String).flatMap({ try? style.parse($0.prefix(23) + "Z") }),
                    time > begin
                else { continue }
                (adoption, milliseconds) = (text, time.timeIntervalSince(begin) * 1000)
            }
            return !adoption.isEmpty
        }
        TestSettings.reportLine([
            "SH-10: the next reconciler \(adoption) \(Int(milliseconds)) ms after the start of its program"
        ])
        kill(running.pid, SIGTERM)
        #expect(try await host.exitCode(of: running) == 0)
    }

    // MARK: The load

    /// Declares services of all kinds: writers, sockets, trees, short runs, probes.
    private func declare(_ name: String, _ index: Int, salt: Int, _ host: TestHost) throws {
        let socket = "\(host.root)/\(name).sock"
        let kinds: [(commands: String, fields: [String])] = [
            ("lines 20", []), ("listen-unix \(socket) lines 5", ["sockets: [\(socket)]"]), ("fork 1 lines 2", []),
            ("random-life 20000", []),
            ("listen-unix \(socket)", ["sockets: [\(socket)]", "health: {unix: \(socket), interval: 2s}"]),
        ]
        let kind = kinds[index % kinds.count]
        let fields = [
            "retry: {delay: 100ms, max_delay: 1s}", "log: {max_size: 64KiB, keep: 3}", "env: {SALT: \"\(salt)\"}",
        ]
        let action = TestHost.OracleAction(
            name: "run",
            commands: kind.commands,
            fields: fields + kind.fields,
            isProcess: true
        )
        try host.writeManifest("\(name).yaml", host.manifest(name, [], [action]))
    }

    private func waitUntilRunning(_ host: TestHost, _ names: [String]) async throws {
        try await eventually("\(names.count) services are running", within: 240) {
            let services = try await host.run("status", "-o", "json").json["services"] as? [[String: Any]] ?? []
            return services.count == names.count && services.allSatisfy { $0["state"] as? String == "running" }
        }
    }

    /// Waits until all services have their expected state and no shim is exiting.
    private func waitUntilSettled(_ host: TestHost, _ names: [String]) async throws {
        try await eventually("all services have their expected state", within: 240) {
            let services = try await host.run("status", "-o", "json").json["services"] as? [[String: Any]] ?? []
            let isUp = services.allSatisfy { ["running", "backing_off"].contains($0["state"] as? String) }
            guard services.count == names.count, isUp, let pid = host.reconcilerPID else { return false }
            return host.shimProcesses(of: pid).count == names.count
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
        case invalidManifest = "invalid"
    }

    private func inject(_ fault: Fault, _ names: [String], _ host: TestHost, _ random: inout SeededGenerator)
        async throws
    {
        let index = Int.random(in: names.indices, using: &random)
        let name = names[index]
        switch fault {
        case .killMain:
            if let instance = host.instances(name).last, isAlive(instance.pid) { kill(instance.pid, SIGKILL) }
        case .killShim:
            let shims = host.shimProcesses(of: host.reconcilerPID)
            if let shim = shims.randomElement(using: &random) { kill(shim.pid, SIGKILL) }
        case .killReconciler:
            guard let pid = host.reconcilerPID else { return }
            kill(pid, SIGKILL)
            try await eventually("a new reconciler runs", within: 60) { host.reconcilerPID.map { $0 != pid } ?? false }
        case .freeze:
            guard let pid = host.reconcilerPID else { return }
            kill(pid, SIGSTOP)
            try await Task.sleep(for: .milliseconds(300))
            kill(pid, SIGCONT)
        case .edit: try declare(name, index, salt: Int.random(in: 0...1 << 30, using: &random), host)
        case .touch:
            let path = "\(host.servicesDirectory)/\(name).yaml"
            try host.writeManifest("\(name).yaml", host.readText(path))
        case .read:
            for arguments in [["status"], ["why", name], ["logs", name], ["events"]] {
                _ = try await host.run(arguments)
            }
        case .invalidManifest:
            try host.writeManifest("invalid.yaml", "kind: Service\nname: invalid\nactions: [nothing, really\n")
            try await Task.sleep(for: .milliseconds(600))
            unlink("\(host.servicesDirectory)/invalid.yaml")
        }
    }

    // MARK: Measurement

    /// The values of all gauges, in their order.
    private func sample(_ host: TestHost, _ monitor: pid_t) throws -> [Int] {
        let reconciler = try #require(host.reconcilerPID)
        let shims = host.shimProcesses(of: reconciler).map(\.pid)
        let (state, all) = (files(host.stateDirectory), files(host.paths.run))
        let retired = Set(all.filter { $0.hasSuffix(".retired") })
        let run = all.filter { !retired.contains($0) && !retired.contains($0 + ".retired") }
        let logs = state.filter { $0.contains("/logs/") }
        let temporary = (state + all).filter { path in [".tmp", "~", ".new", ".part"].contains { path.hasSuffix($0) } }
        let database = state.filter { $0.contains("heroproc.db") }
        return [
            memory(reconciler), descriptorCount(of: reconciler), statusValue("Threads", of: reconciler) ?? 0,
            memory(monitor), descriptorCount(of: monitor), shims.count,
            shims.map(memory).max() ?? 0, shims.map(descriptorCount).max() ?? 0,
            zombieCount([reconciler, monitor] + shims), run.count, all.count - run.count,
            temporary.count,
            byteCount(database) / 1024, byteCount(logs) / 1024,
        ]
    }

    /// Anonymous memory of a process in KiB.
    private func memory(_ pid: pid_t) -> Int { statusValue("RssAnon", of: pid) ?? 0 }

    private func zombieCount(_ parents: [pid_t]) -> Int {
        parents.flatMap { children(of: $0) }.filter { !isAlive($0) && access("/proc/\($0)", F_OK) == 0 }.count
    }

    private func files(_ directory: String) -> [String] {
        ((try? FileManager.default.subpathsOfDirectory(atPath: directory)) ?? []).map { "\(directory)/\($0)" }
    }

    private func byteCount(_ paths: [String]) -> Int {
        paths.map { path in
            var file = stat()
            return stat(path, &file) == 0 && file.st_mode & S_IFMT == S_IFREG ? Int(file.st_size) : 0
        }.reduce(0, +)
    }
}
