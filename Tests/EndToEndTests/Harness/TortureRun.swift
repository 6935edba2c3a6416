import Foundation
import Glibc
import HeroLinux
import HeroRandom
// Exported for all files of this target.
@_exported public import TestSupport
import Testing

/// One run of repeated faults on one test host.
///
/// Kills reconciler and shims, and records each kill.
struct TortureRun {
    let name: String
    let host: TestHost
    let history: RecordedHistory
    let seed = TestSettings.seed()
    /// Extra environment variables of the reconcilers.
    var environment: [String: String] = [:]
    private(set) var random: SeededGenerator
    private(set) var shimKills: [ShimKill] = []
    private(set) var cycles = 0
    private(set) var reconciler: RunningCommand?
    private(set) var slowestRecovery = Duration.zero
    private(set) var checker = EvidenceChecker()

    /// Starts to record the history.
    ///
    /// Create the run before the first service is declared.
    init(_ name: String, _ host: TestHost, environment: [String: String] = [:]) async throws {
        (self.name, self.host, self.environment) = (name, host, environment)
        random = SeededGenerator(seed)
        history = RecordedHistory(of: host)
        try await history.startRecording()
    }

    // MARK: Faults

    /// Waits for a random time, so that the next fault hits any moment.
    mutating func waitRandomly(_ milliseconds: ClosedRange<Int>) async throws {
        try await Task.sleep(for: .milliseconds(Int.random(in: milliseconds, using: &random)))
    }

    mutating func randomNumber(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }

    mutating func startReconciler() throws {
        reconciler = try host.start(["reconcile", "--watch"], environment: environment)
    }

    /// Waits until the reconciler has started its first shim.
    ///
    /// Sometimes it does not wait, so that faults also hit a starting reconciler.
    mutating func waitForFirstShim() async throws {
        guard randomNumber(0...4) > 0, let pid = reconciler?.pid else { return }
        try await eventually("\(name): a shim of \(pid), cycle \(cycles), seed \(seed)") {
            children(of: pid).contains { !isForkServer($0) }
        }
    }

    /// Kills the reconciler; the caller starts another one.
    mutating func killReconciler() async throws {
        cycles += 1
        let victim = try #require(reconciler)
        try #require(kill(victim.pid, SIGKILL) == 0)
        try await awaitReconcilerExit()
    }

    /// Waits for the exit of a killed reconciler.
    mutating func awaitReconcilerExit() async throws {
        let victim = try #require(reconciler)
        try #require(try await host.exitCode(of: victim) == 137, "\(host.readText(victim.errorPath))")
        for path in [victim.outputPath, victim.errorPath] { unlink(path) }
        reconciler = nil
        history.preserveLogs()
    }

    /// Kills the reconciler and all shims at once.
    mutating func killReconcilerAndShims() async throws {
        let pid = try #require(reconciler).pid
        cycles += 1
        let own = children(of: pid)
        try #require(kill(pid, SIGKILL) == 0)
        for shim in own.compactMap(host.shimProcess) { killShim(shim) }
        // Shims of an earlier reconciler are killed, too.
        for shim in host.shimProcesses(of: nil) { killShim(shim) }
        try await awaitReconcilerExit()
    }

    /// Kills a number of the running shims.
    ///
    /// - Returns: The number of killed shims.
    @discardableResult
    mutating func killShims(_ count: Int) -> Int {
        let before = shimKills.count
        // Children of the reconciler are found quickly, which matters because most shims exit soon.
        var victims = (reconciler.map { children(of: $0.pid) } ?? []).shuffled(using: &random)
        if victims.isEmpty { victims = host.shimProcesses(of: nil).map(\.pid).shuffled(using: &random) }
        for shim in victims.prefix(count).compactMap(host.shimProcess) { killShim(shim) }
        // The fork server is a victim like every other child.
        for server in victims.prefix(count) where isForkServer(server) { kill(server, SIGKILL) }
        return shimKills.count - before
    }

    private mutating func killShim(_ shim: TestHost.ShimProcess) {
        let from = bootTime()
        guard kill(shim.pid, SIGKILL) == 0 else { return }
        shimKills.append(ShimKill(job: shim.job, from: from, to: bootTime()))
    }

    /// Records a kill that the test made itself.
    mutating func addShimKill(_ hit: ShimKill) { shimKills.append(hit) }
    mutating func countCycle() { cycles += 1 }
    mutating func addFinding(_ kind: EvidenceChecker.ViolationKind, _ text: String) { checker.addFinding(kind, text) }

    // MARK: Convergence

    /// Waits until all these services have started again, and measures the time.
    mutating func waitForRestarts(_ names: [String], within seconds: Int = 60) async throws {
        let (begin, now) = (ContinuousClock.now, bootTime())
        let history = history
        try await eventually("\(name): all services restarted after cycle \(cycles), seed \(seed)", within: seconds) {
            history.preserveLogs()
            return names.allSatisfy { host.lastStartTime($0) > now }
        }
        slowestRecovery = max(slowestRecovery, ContinuousClock.now - begin)
    }

    /// Records the duration of a recovery.
    mutating func recordRecovery(_ duration: Duration) { slowestRecovery = max(slowestRecovery, duration) }

    /// Expects that `status` shows no process as running that has been dead for a second (OB-2).
    mutating func checkStatus() async throws {
        let services = try await host.run("status", "-o", "json").json["services"] as? [[String: Any]] ?? []
        let now = bootTime()
        for service in services {
            for action in service["actions"] as? [[String: Any]] ?? [] {
                guard let pid = action["pid"] as? Int, let name = service["name"] as? String else { continue }
                let instance = host.instances(name).last { $0.pid == pid_t(pid) }
                if let ended = instance?.endedAt, now - ended > 1_000_000_000, !isAlive(pid_t(pid)) {
                    checker.addFinding(.staleStatus, "\(name) \(pid) died \(now - ended) ns ago")
                }
            }
        }
    }

    /// Checks the order of two services that no fault kills.
    mutating func checkOrder(of dependent: String, requiring name: String) {
        checker.checkOrder(of: dependent, host.instances(dependent), requiring: name, host.instances(name))
    }

    // MARK: The end

    /// Checks the history of these services and reports one row.
    ///
    /// Call this when all services are stopped.
    @discardableResult
    mutating func checkAndReport(
        _ names: [String],
        leastInstances: Int = 1,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> EvidenceChecker {
        history.preserveLogs()
        let (lines, unknown) = history.oracleLines()
        for line in unknown { checker.addFinding(.unknownLine, line) }
        for name in names {
            let duplicates = host.readText("\(host.traceDirectory)/\(name).run.trace").split(separator: "\n")
            for _ in duplicates.filter({ $0.hasPrefix("DUP ") }) {
                checker.addFinding(.duplicate, "\(name) found the lock taken")
            }
            for (job, instances) in Dictionary(grouping: host.instances(name), by: \.job).sorted(by: { $0.key < $1.key }
            ) {
                let own = lines.filter { $0.key.job == job }.map { ($0.key.restartCount, $0.value) }
                let (starts, rewritten) = try history.executedStarts(of: job)
                for text in rewritten { checker.addFinding(.inventedStatus, text) }
                checker.check(
                    JobEvidence(
                        label: "\(name) job \(job)",
                        instances: instances,
                        starts: starts,
                        lines: Dictionary(own, uniquingKeysWith: { first, _ in first }),
                        shimKills: shimKills.filter { $0.job == job }
                    )
                )
            }
        }
        #expect(
            checker.instanceCount >= leastInstances,
            "enough instances were started",
            sourceLocation: sourceLocation
        )
        reportRow()
        for finding in checker.findings.prefix(20) {
            Issue.record("\(name), seed \(seed): \(finding)", sourceLocation: sourceLocation)
        }
        return checker
    }

    private func reportRow() {
        let named: [EvidenceChecker.ViolationKind] = [.duplicate, .lostStatus, .inventedStatus, .lostLine]
        let other = EvidenceChecker.ViolationKind.allCases.filter { !named.contains($0) }.map(checker.count).reduce(
            0,
            +
        )
        TestSettings.reportRow([
            "row": name, "cycles": "\(cycles)", "shims hit": "\(shimKills.count)",
            "instances": "\(checker.instanceCount)",
            "duplicates": "\(checker.count(.duplicate))", "lost (allowed)": "\(checker.allowedLostStatusCount)",
            "lost (not)": "\(checker.count(.lostStatus))", "invented": "\(checker.count(.inventedStatus))",
            "lines": "\(checker.lineCount)", "lines lost (allowed)": "\(checker.allowedLostLineCount)",
            "lines lost (not)": "\(checker.count(.lostLine))", "other": "\(other)",
            "slowest": "\(Int(slowestRecovery / .milliseconds(1))) ms", "seed": "\(seed)",
            "verdict": checker.findings.isEmpty ? "good" : "BAD",
        ])
    }
}

extension TestHost {
    /// A shim and the job of its start.
    struct ShimProcess: Hashable {
        let pid: pid_t
        let job: Int
    }

    /// The running shims of this test host: the children of its reconciler, and the processes with an open record.
    func shimProcesses(of reconciler: pid_t?) -> [ShimProcess] {
        let candidates = processIDs().compactMap { pid -> ShimProcess? in
            guard let shim = shimProcess(pid) else { return nil }
            return parent(of: pid) == reconciler || ownsProcess(pid) ? shim : nil
        }
        // Between fork and exec a program looks like its shim.
        let pids = Set(candidates.map(\.pid))
        return candidates.filter { !pids.contains(parent(of: $0.pid)) }
    }

    /// The shim that a process claims to be in its command line; nil for any other process.
    func shimProcess(_ pid: pid_t) -> ShimProcess? {
        // `hpshim\0core/web.run #17\0`
        let parts = readText("/proc/\(pid)/cmdline").split(separator: "\0")
        guard parts.count == 2, parts[0] == "hpshim" else { return nil }
        return parts[1].split(separator: "#").last.flatMap { Int($0) }.map { ShimProcess(pid: pid, job: $0) }
    }
}
