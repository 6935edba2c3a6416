import Foundation
import Glibc
import HeroLinux
// Its `Rig` is of all files here.
@_exported public import TestSupport
import Testing

/// One run of faults against one world, and what came of it: kills reconciler and shims, and keeps the books of it.
struct TortureRun {
    let name: String
    let host: TestHost
    let history: RecordedHistory
    let seed = TestSettings.seed()
    /// What the reconcilers get into their environment.
    var environment: [String: String] = [:]
    private(set) var random: SeededGenerator
    private(set) var shimKills: [ShimKill] = []
    private(set) var cycles = 0
    private(set) var reconciler: TestHost.RunningCommand?
    private(set) var slowestRecovery = Duration.zero
    private(set) var checker = EvidenceChecker()

    /// Opens the books; to be made before anything is declared.
    init(_ name: String, _ world: TestHost, environment: [String: String] = [:]) async throws {
        (self.name, self.host, self.environment) = (name, world, environment)
        random = SeededGenerator(seed)
        history = RecordedHistory(of: world)
        try await history.startRecording()
    }

    // MARK: Faults

    /// Waits at random: this wait is the fault itself, whatever happens at its end happens at any moment.
    mutating func waitRandomly(_ milliseconds: ClosedRange<Int>) async throws {
        try await Task.sleep(for: .milliseconds(Int.random(in: milliseconds, using: &random)))
    }

    mutating func randomNumber(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }

    mutating func startReconciler() throws {
        reconciler = try host.start(["reconcile", "--watch"], extra: environment)
    }

    /// Waits until the reconciler has begun to work: only then is there anything to hit.
    ///
    /// Now and then it does not wait, so that the beginning of a reconciler is met, too.
    mutating func waitForFirstShim() async throws {
        guard randomNumber(0...4) > 0, let pid = reconciler?.pid else { return }
        try await eventually("\(name): a shim of \(pid), cycle \(cycles), seed \(seed)") {
            !children(of: pid).isEmpty
        }
    }

    /// kill -9 of the reconciler; the caller starts another one.
    mutating func killReconciler() async throws {
        cycles += 1
        let victim = try #require(reconciler)
        try #require(kill(victim.pid, SIGKILL) == 0)
        try await awaitReconcilerExit()
    }

    /// Waits for the end of a reconciler that was killed.
    mutating func awaitReconcilerExit() async throws {
        let victim = try #require(reconciler)
        try #require(try await host.exitCode(of: victim) == 137, "\(host.readText(victim.errorPath))")
        for path in [victim.outputPath, victim.errorPath] { unlink(path) }
        reconciler = nil
        history.preserveLogs()
    }

    /// kill -9 of the reconciler and of all shims, at once.
    mutating func killReconcilerAndShims() async throws {
        let pid = try #require(reconciler).pid
        cycles += 1
        let own = children(of: pid)
        try #require(kill(pid, SIGKILL) == 0)
        for shim in own.compactMap(host.shimProcess) { killShim(shim) }
        // And those that an earlier reconciler had started.
        for shim in host.shimProcesses(of: nil) { killShim(shim) }
        try await awaitReconcilerExit()
    }

    /// kill -9 of so many shims of those that live at this moment.
    ///
    /// - Returns: how many were met.
    @discardableResult
    mutating func killShims(_ count: Int) -> Int {
        let before = shimKills.count
        // Its own children are found in an instant; most shims live no longer.
        var victims = (reconciler.map { children(of: $0.pid) } ?? []).shuffled(using: &random)
        if victims.isEmpty { victims = host.shimProcesses(of: nil).map(\.pid).shuffled(using: &random) }
        for shim in victims.prefix(count).compactMap(host.shimProcess) { killShim(shim) }
        return shimKills.count - before
    }

    private mutating func killShim(_ shim: TestHost.ShimProcess) {
        let from = bootTime()
        guard kill(shim.pid, SIGKILL) == 0 else { return }
        shimKills.append(ShimKill(job: shim.job, from: from, to: bootTime()))
    }

    /// Puts down a fault that the test made itself.
    mutating func addShimKill(_ hit: ShimKill) { shimKills.append(hit) }
    mutating func countCycle() { cycles += 1 }
    mutating func addFinding(_ fault: EvidenceChecker.ViolationKind, _ text: String) { checker.addFinding(fault, text) }

    // MARK: Convergence

    /// Faults rest until all of these services have begun anew; how long that takes is measured.
    mutating func waitForRestarts(_ names: [String], within seconds: Int = 60) async throws {
        let (begin, now) = (ContinuousClock.now, bootTime())
        let books = history
        try await eventually("\(name): all go on after cycle \(cycles), seed \(seed)", within: seconds) {
            books.preserveLogs()
            return names.allSatisfy { host.lastStartTime($0) > now }
        }
        slowestRecovery = max(slowestRecovery, ContinuousClock.now - begin)
    }

    /// How long something took to come right again.
    mutating func recordRecovery(_ duration: Duration) { slowestRecovery = max(slowestRecovery, duration) }

    /// What `status` says while all is in flux: no process is called alive that has been dead for a second (OB-2).
    mutating func checkStatus() async throws {
        let services = try await host.run("status", "-o", "json").json["services"] as? [[String: Any]] ?? []
        let now = bootTime()
        for service in services {
            for action in service["actions"] as? [[String: Any]] ?? [] {
                guard let pid = action["pid"] as? Int, let name = service["name"] as? String else { continue }
                let life = host.instances(name).last { $0.pid == pid_t(pid) }
                if let ended = life?.endedAt, now - ended > 1_000_000_000, !isAlive(pid_t(pid)) {
                    checker.addFinding(.staleStatus, "\(name) \(pid) has been dead since \(now - ended) ns")
                }
            }
        }
    }

    /// Judges who was up when, of two services that nothing kills.
    mutating func checkOrder(of dependent: String, requiring name: String) {
        checker.checkOrder(of: dependent, host.instances(dependent), requiring: name, host.instances(name))
    }

    // MARK: The end

    /// Judges what became of these services, and reports it as one row.
    ///
    /// To be called when all of them are down.
    @discardableResult
    mutating func checkAndReport(
        _ names: [String],
        leastInstances: Int = 1,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> EvidenceChecker {
        history.preserveLogs()
        let (lines, strange) = history.oracleLines()
        for line in strange { checker.addFinding(.unknownLine, line) }
        for name in names {
            let duplicates = host.readText("\(host.traceDirectory)/\(name).run.trace").split(separator: "\n")
            for _ in duplicates.filter({ $0.hasPrefix("DUP ") }) {
                checker.addFinding(.duplicate, "\(name) found its lock taken")
            }
            for (job, lives) in Dictionary(grouping: host.instances(name), by: \.job).sorted(by: { $0.key < $1.key }) {
                let own = lines.filter { $0.key.job == job }.map { ($0.key.restartCount, $0.value) }
                let (starts, rewritten) = try history.executedStarts(of: job)
                for text in rewritten { checker.addFinding(.inventedStatus, text) }
                checker.check(
                    JobEvidence(
                        label: "\(name) job \(job)",
                        instances: lives,
                        starts: starts,
                        lines: Dictionary(own, uniquingKeysWith: { first, _ in first }),
                        shimKills: shimKills.filter { $0.job == job }
                    )
                )
            }
        }
        #expect(checker.instanceCount >= leastInstances, "there was load", sourceLocation: sourceLocation)
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
    /// A shim, and the job whose start it holds.
    struct ShimProcess: Hashable {
        let pid: pid_t
        let job: Int
    }

    /// The shims of this world that live now: the children of its reconciler, and whoever has its records open.
    func shimProcesses(of reconciler: pid_t?) -> [ShimProcess] {
        let candidates = processIDs().compactMap { pid -> ShimProcess? in
            guard let shim = shimProcess(pid) else { return nil }
            return parent(of: pid) == reconciler || ownsProcess(pid) ? shim : nil
        }
        // Until it executes, a program looks like the shim that has forked it.
        let pids = Set(candidates.map(\.pid))
        return candidates.filter { !pids.contains(parent(of: $0.pid)) }
    }

    /// A process as the shim it says it is; nil when it says something else.
    func shimProcess(_ pid: pid_t) -> ShimProcess? {
        // `hpshim\0core/web.run #17\0`
        let words = readText("/proc/\(pid)/cmdline").split(separator: "\0")
        guard words.count == 2, words[0] == "hpshim" else { return nil }
        return words[1].split(separator: "#").last.flatMap { Int($0) }.map { ShimProcess(pid: pid, job: $0) }
    }
}
