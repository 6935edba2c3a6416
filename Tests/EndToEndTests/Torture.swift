import Foundation
import Glibc
import HeroLinux
// Its `Rig` is of all files here.
@_exported public import TestSupport
import Testing

/// One run of faults against one world, and what came of it: kills reconciler and shims, and keeps the books of it.
struct Torture {
    let name: String
    let world: World
    let books: Books
    let seed = TestSettings.seed()
    /// What the reconcilers get into their environment.
    var extra: [String: String] = [:]
    private(set) var random: Seeded
    private(set) var hits: [Hit] = []
    private(set) var cycles = 0
    private(set) var reconciler: World.Running?
    private(set) var slowest = Duration.zero
    private(set) var verdict = Verdict()

    /// Opens the books; to be made before anything is declared.
    init(_ name: String, _ world: World, extra: [String: String] = [:]) async throws {
        (self.name, self.world, self.extra) = (name, world, extra)
        random = Seeded(seed)
        books = Books(of: world)
        try await books.open()
    }

    // MARK: Faults

    /// Waits at random: this wait is the fault itself, whatever happens at its end happens at any moment.
    mutating func wait(_ milliseconds: ClosedRange<Int>) async throws {
        try await Task.sleep(for: .milliseconds(Int.random(in: milliseconds, using: &random)))
    }

    mutating func pick(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }

    mutating func watch() throws { reconciler = try world.start(["reconcile", "--watch"], extra: extra) }

    /// Waits until the reconciler has begun to work: only then is there anything to hit.
    ///
    /// Now and then it does not wait, so that the beginning of a reconciler is met, too.
    mutating func awaitWork() async throws {
        guard pick(0...4) > 0, let pid = reconciler?.pid else { return }
        try await eventually("\(name): a shim of \(pid), cycle \(cycles), seed \(seed)") {
            !children(of: pid).isEmpty
        }
    }

    /// kill -9 of the reconciler; the caller starts another one.
    mutating func killReconciler() async throws {
        cycles += 1
        let victim = try #require(reconciler)
        try #require(kill(victim.pid, SIGKILL) == 0)
        try await bury()
    }

    /// Waits for the end of a reconciler that was killed.
    mutating func bury() async throws {
        let victim = try #require(reconciler)
        try #require(try await world.code(of: victim) == 137, "\(world.text(victim.err))")
        for path in [victim.out, victim.err] { unlink(path) }
        reconciler = nil
        books.keepLogs()
    }

    /// kill -9 of the reconciler and of all shims, at once.
    mutating func killReconcilerAndShims() async throws {
        let pid = try #require(reconciler).pid
        cycles += 1
        let own = children(of: pid)
        try #require(kill(pid, SIGKILL) == 0)
        for shim in own.compactMap(world.shim) { strike(shim) }
        // And those that an earlier reconciler had started.
        for shim in world.shims(of: nil) { strike(shim) }
        try await bury()
    }

    /// kill -9 of so many shims of those that live at this moment.
    ///
    /// - Returns: how many were met.
    @discardableResult
    mutating func killShims(_ count: Int) -> Int {
        let before = hits.count
        // Its own children are found in an instant; most shims live no longer.
        var victims = (reconciler.map { children(of: $0.pid) } ?? []).shuffled(using: &random)
        if victims.isEmpty { victims = world.shims(of: nil).map(\.pid).shuffled(using: &random) }
        for shim in victims.prefix(count).compactMap(world.shim) { strike(shim) }
        return hits.count - before
    }

    private mutating func strike(_ shim: World.Shim) {
        let from = boottime()
        guard kill(shim.pid, SIGKILL) == 0 else { return }
        hits.append(Hit(job: shim.job, from: from, to: boottime()))
    }

    /// Puts down a fault that the test made itself.
    mutating func note(_ hit: Hit) { hits.append(hit) }
    mutating func count() { cycles += 1 }
    mutating func find(_ fault: Verdict.Fault, _ text: String) { verdict.find(fault, text) }

    // MARK: Convergence

    /// Faults rest until all of these services have begun anew; how long that takes is measured.
    mutating func settle(_ names: [String], within seconds: Int = 60) async throws {
        let (begin, now) = (ContinuousClock.now, boottime())
        let books = books
        try await eventually("\(name): all go on after cycle \(cycles), seed \(seed)", within: seconds) {
            books.keepLogs()
            return names.allSatisfy { world.lastStart($0) > now }
        }
        slowest = max(slowest, ContinuousClock.now - begin)
    }

    /// How long something took to come right again.
    mutating func took(_ duration: Duration) { slowest = max(slowest, duration) }

    /// What `status` says while all is in flux: no process is called alive that has been dead for a second (OB-2).
    mutating func checkStatus() async throws {
        let services = try await world.run("status", "-o", "json").json["services"] as? [[String: Any]] ?? []
        let now = boottime()
        for service in services {
            for action in service["actions"] as? [[String: Any]] ?? [] {
                guard let pid = action["pid"] as? Int, let name = service["name"] as? String else { continue }
                let life = world.lives(name).last { $0.pid == pid_t(pid) }
                if let ended = life?.ended, now - ended > 1_000_000_000, !isAlive(pid_t(pid)) {
                    verdict.find(.staleStatus, "\(name) \(pid) has been dead since \(now - ended) ns")
                }
            }
        }
    }

    /// Judges who was up when, of two services that nothing kills.
    mutating func judgeOrder(of dependent: String, requiring name: String) {
        verdict.judgeOrder(of: dependent, world.lives(dependent), requiring: name, world.lives(name))
    }

    // MARK: The end

    /// Judges what became of these services, and reports it as one row.
    ///
    /// To be called when all of them are down.
    @discardableResult
    mutating func conclude(
        _ names: [String],
        leastInstances: Int = 1,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> Verdict {
        books.keepLogs()
        let (lines, strange) = books.lines()
        for line in strange { verdict.find(.strangeLine, line) }
        for name in names {
            let duplicates = world.text("\(world.traces)/\(name).run.trace").split(separator: "\n")
            for _ in duplicates.filter({ $0.hasPrefix("DUP ") }) {
                verdict.find(.duplicate, "\(name) found its lock taken")
            }
            for (job, lives) in Dictionary(grouping: world.lives(name), by: \.job).sorted(by: { $0.key < $1.key }) {
                let own = lines.filter { $0.key.job == job }.map { ($0.key.restarts, $0.value) }
                let (starts, rewritten) = try books.executed(of: job)
                for text in rewritten { verdict.find(.invented, text) }
                verdict.judge(
                    Evidence(
                        subject: "\(name) job \(job)",
                        lives: lives,
                        starts: starts,
                        lines: Dictionary(own, uniquingKeysWith: { first, _ in first }),
                        hits: hits.filter { $0.job == job }
                    )
                )
            }
        }
        #expect(verdict.instances >= leastInstances, "there was load", sourceLocation: sourceLocation)
        tell()
        for finding in verdict.findings.prefix(20) {
            Issue.record("\(name), seed \(seed): \(finding)", sourceLocation: sourceLocation)
        }
        return verdict
    }

    private func tell() {
        let named: [Verdict.Fault] = [.duplicate, .lost, .invented, .lineLost]
        let other = Verdict.Fault.allCases.filter { !named.contains($0) }.map(verdict.count).reduce(0, +)
        TestSettings.reportRow([
            "row": name, "cycles": "\(cycles)", "shims hit": "\(hits.count)", "instances": "\(verdict.instances)",
            "duplicates": "\(verdict.count(.duplicate))", "lost (allowed)": "\(verdict.lostAsAllowed)",
            "lost (not)": "\(verdict.count(.lost))", "invented": "\(verdict.count(.invented))",
            "lines": "\(verdict.lines)", "lines lost (allowed)": "\(verdict.linesLostAsAllowed)",
            "lines lost (not)": "\(verdict.count(.lineLost))", "other": "\(other)",
            "slowest": "\(Int(slowest / .milliseconds(1))) ms", "seed": "\(seed)",
            "verdict": verdict.findings.isEmpty ? "good" : "BAD",
        ])
    }
}

extension World {
    /// A shim, and the job whose start it holds.
    struct Shim: Hashable {
        let pid: pid_t
        let job: Int
    }

    /// The shims of this world that live now: the children of its reconciler, and whoever has its records open.
    func shims(of reconciler: pid_t?) -> [Shim] {
        let candidates = processIDs().compactMap { pid -> Shim? in
            guard let shim = shim(pid) else { return nil }
            return parent(of: pid) == reconciler || belongs(pid) ? shim : nil
        }
        // Until it executes, a program looks like the shim that has forked it.
        let pids = Set(candidates.map(\.pid))
        return candidates.filter { !pids.contains(parent(of: $0.pid)) }
    }

    /// A process as the shim it says it is; nil when it says something else.
    func shim(_ pid: pid_t) -> Shim? {
        // `hpshim\0core/web.run #17\0`
        let words = text("/proc/\(pid)/cmdline").split(separator: "\0")
        guard words.count == 2, words[0] == "hpshim" else { return nil }
        return words[1].split(separator: "#").last.flatMap { Int($0) }.map { Shim(pid: pid, job: $0) }
    }
}
