import Foundation
import Glibc
import Testing

/// kill -9 during edits, stops, crash loops and log rotations (guarantees CR-3 to CR-5).
@Suite("Torture with a mixed load", .serialized)
struct MixedLoadTests {
    /// The current manifest of one service of the load.
    private struct ServiceDraft {
        var commands: String
        var fields: [String]
        var requires = ""
        var isStopped = false
        var isRemoved = false
        var salt = 0
        var generation = 0
    }

    private static let fastRetryFields = ["retry: {delay: 0ms, jitter: 0}", "log: {max_size: 10MiB, keep: 99}"]
    private static let chain = ["db", "api", "web"]

    private static func drafts(_ host: TestHost) -> [String: ServiceDraft] {
        var drafts: [String: ServiceDraft] = [:]
        for number in 1...3 {
            drafts["loop\(number)"] = ServiceDraft(commands: "random-life 150", fields: fastRetryFields)
        }
        // Each writer starts a new file about every half second.
        for number in 1...2 {
            drafts["writer\(number)"] = ServiceDraft(
                commands: "lines 500",
                fields: ["log: {max_size: 32KiB, keep: 99}"]
            )
        }
        for (name, required) in zip(chain, [""] + chain) {
            let socket = "\(host.root)/\(name).sock"
            drafts[name] = ServiceDraft(
                commands: "wait 20 listen-unix \(socket) linger 20",
                fields: ["sockets: [\(socket)]"],
                requires: required
            )
        }
        return drafts
    }

    private func write(_ name: String, _ draft: ServiceDraft, _ host: TestHost) throws {
        guard !draft.isRemoved else { return host.removeManifest(name) }
        let action = TestHost.OracleAction(
            name: "run",
            commands: draft.commands,
            fields: draft.fields + ["env: {SALT: \"\(draft.salt)\"}"],
            isProcess: true
        )
        let fields = [
            "requires: [\(draft.requires)]", "status: \(draft.isStopped ? "stop" : "start")",
            "generation: \(draft.generation)",
        ]
        try host.writeManifest("\(name).yaml", host.manifest(name, fields, [action]))
    }

    /// Makes one random edit of one service.
    private func edit(_ drafts: inout [String: ServiceDraft], _ torture: inout TortureRun, _ host: TestHost) throws {
        let names = drafts.keys.sorted()
        let name = names[torture.randomNumber(0...names.count - 1)]
        switch torture.randomNumber(0...5) {
        case 0, 1: drafts[name]?.salt += 1
        case 2: drafts[name]?.generation += 1
        case 3: drafts[name]?.isStopped.toggle()
        case 4: drafts[name]?.isRemoved.toggle()
        default: break
        }
        if let draft = drafts[name] { try write(name, draft, host) }
    }

    @Test("Kills during edits, stops, crash loops and rotations lose nothing (CR-3)")
    func killsDuringMixedLoad() async throws {
        try await TestHost.with { host in
            var torture = try await TortureRun("CR-3 mixed load", host)
            var drafts = Self.drafts(host)
            for (name, draft) in drafts { try write(name, draft, host) }
            // A service and its jobs may be deleted before the next check. Therefore the logs are preserved
            // continuously.
            let history = torture.history
            let keeping = Task.detached {
                while !Task.isCancelled {
                    history.preserveLogs()
                    try await Task.sleep(for: .milliseconds(20))
                }
            }
            defer { keeping.cancel() }
            for _ in 0..<TestSettings.cycles(10, share: 2) {
                for _ in 0..<torture.randomNumber(1...2) { try edit(&drafts, &torture, host) }
                if host.reconcilerPID == nil {
                    // Either a reconciler or an apply starts again.
                    if torture.randomNumber(0...1) == 0 {
                        try torture.startReconciler()
                    } else {
                        _ = try await host.run("apply", "--no-wait", "--allow-disruption")
                    }
                }
                try await torture.waitRandomly(20...250)
                if host.reconcilerPID != nil {
                    torture.countCycle()
                    try? await host.killReconciler()
                }
            }
            for name in drafts.keys {
                drafts[name]?.isStopped = false
                drafts[name]?.isRemoved = false
                if let draft = drafts[name] { try write(name, draft, host) }
            }
            let begin = ContinuousClock.now
            // The crash loops fail more often than an apply waits for.
            #expect(try await host.run("apply", "--no-wait").exitCode == 0)
            try await eventually("nothing is left to do, and the chain is running", within: 60) {
                for name in Self.chain {
                    guard try await host.state(of: name) == "running" else { return false }
                }
                return try await host.run("diff").exitCode == 0
            }
            torture.recordRecovery(ContinuousClock.now - begin)
            try await torture.stopEverything()
            for (name, required) in zip(Self.chain.dropFirst(), Self.chain) {
                torture.checkOrder(of: name, requiring: required)
            }
            try torture.checkAndReport(drafts.keys.sorted())
        }
    }

    @Test("No service runs without its requirements when waves are interrupted (CR-5)")
    func killsDuringWaves() async throws {
        try await TestHost.with { host in
            var torture = try await TortureRun("CR-5 waves", host)
            let chain = ["a", "b", "c", "d", "e", "f"]
            let declare = { (status: String) in
                for (name, required) in zip(chain, [""] + chain) {
                    let socket = "\(host.root)/\(name).sock"
                    let action = TestHost.OracleAction.process(
                        "wait 30 listen-unix \(socket) linger 30",
                        "sockets: [\(socket)]"
                    )
                    try host.writeManifest(
                        "\(name).yaml",
                        host.manifest(name, ["requires: [\(required)]", status], [action])
                    )
                }
            }
            let rounds = TestSettings.cycles(2, share: 10)
            for round in 1...rounds {
                for status in ["status: start", "status: stop"] {
                    try declare(status)
                    _ = try await host.run("apply", "--no-wait")
                    try await torture.waitRandomly(0...350)
                    try await host.killReconciler()
                    torture.countCycle()
                    let begin = ContinuousClock.now
                    try await host.apply()
                    torture.recordRecovery(ContinuousClock.now - begin)
                    try await host.expectEmptyDiff()
                }
                for name in chain where host.instances(name).count != round {
                    torture.addFinding(
                        .wrongOrder,
                        "\(name) has started \(host.instances(name).count) times in \(round) rounds"
                    )
                }
            }
            for (name, required) in zip(chain.dropFirst(), chain) { torture.checkOrder(of: name, requiring: required) }
            try torture.checkAndReport(chain)
        }
    }

    @Test(
        "Every service returns once after all processes are killed (CR-4)",
        .enabled(if: canMakePIDNamespace, "needs root, and `unshare` to make a pid namespace")
    )
    func killEverything() async throws {
        try await TestHost.with { host in
            try await PIDNamespace.with(host) { inside in
                var torture = try await TortureRun("CR-4 everything", host)
                let names = (1...6).map { "job\($0)" }
                for name in names {
                    try host.declare(
                        name,
                        actions: .process("lines 100", Self.fastRetryFields[0], Self.fastRetryFields[1])
                    )
                }
                // Each round counts as a crash of all services. Longer delays would soon reach half a minute.
                try host.declare(
                    "web",
                    "requires: [job1, job2]",
                    actions: .process("sleep -1", Self.fastRetryFields[0])
                )
                let all = names + ["web"]
                for _ in 0..<TestSettings.cycles(3, share: 10) {
                    let begin = ContinuousClock.now
                    let counts = all.map { host.instances($0).count }
                    let reconciler = try inside.start("reconcile", "--watch", "--keep")
                    for (name, count) in zip(all, counts) { _ = try await inside.runningInstance(name, after: count) }
                    try await inside.waitUntilReady(all.count)
                    torture.recordRecovery(ContinuousClock.now - begin)
                    try await torture.waitRandomly(0...200)
                    let from = bootTime()
                    try await inside.killAll()
                    for name in all {
                        guard let job = host.instances(name).last?.job else { continue }
                        torture.addShimKill(ShimKill(job: job, from: from, to: bootTime()))
                    }
                    torture.countCycle()
                    _ = try await host.exitCode(of: reconciler)
                }
                let reconciler = try inside.start("reconcile", "--watch")
                try await inside.waitUntilReady(all.count)
                #expect(try await inside.run("diff").exitCode == 0)
                #expect(try await inside.run("down", "--all").exitCode == 0)
                try await inside.signal("TERM", inside.pids)
                _ = try await host.exitCode(of: reconciler)
                try torture.checkAndReport(all)
            }
        }
    }

    @Test(
        "Killing heroproc by name reaches no shim (SH-12)",
        .enabled(if: canMakePIDNamespace && access("/usr/bin/pkill", X_OK) == 0, "needs root, unshare and pkill")
    )
    func killByName() async throws {
        try await TestHost.with { host in
            try await PIDNamespace.with(host) { inside in
                // The directory of the build may be called heroproc, so the services run a copy of their program.
                let workload = host.root + "/workload"
                try FileManager.default.copyItem(atPath: TestHost.oraclePath, toPath: workload)
                for name in ["db", "web"] {
                    let text = host.manifest(name, [], [.process()]).replacing(TestHost.oraclePath, with: workload)
                    try host.writeManifest("\(name).yaml", text)
                }
                let reconciler = try inside.start("reconcile", "--watch", "--keep")
                try await inside.waitUntilReady(2)
                let instances = [
                    try await inside.runningInstance("db", after: 0), try await inside.runningInstance("web", after: 0),
                ]
                let shims = instances.compactMap { inside.parent(of: $0.pid) }
                #expect(shims.count == 2 && !shims.contains(1))
                for arguments in ["heroproc", "-x heroproc", "-f heroproc", "-9 heroproc"] {
                    let pkill = try inside.start(arguments: arguments, program: "/usr/bin/pkill")
                    _ = try await host.exitCode(of: pkill)
                }
                for name in ["TERM", "INT", "HUP", "QUIT", "USR1", "USR2", "PIPE", "ALRM"] {
                    try await inside.signal(name, shims)
                }
                _ = try await host.exitCode(of: reconciler)
                #expect(instances.allSatisfy { inside.isAlive($0.pid) } && shims.allSatisfy { inside.isAlive($0) })
                let next = try inside.start("reconcile", "--watch")
                try await inside.waitUntilReady(2)
                #expect(try await inside.run("down", "--all").exitCode == 0)
                #expect(host.instances("db").count == 1 && host.instances("web").count == 1)
                try await inside.signal("TERM", inside.pids)
                _ = try await host.exitCode(of: next)
            }
        }
    }
}

extension PIDNamespace {
    /// Kills everything except the first process, until no process remains.
    func killAll() async throws {
        let running = try host.start(["-c", "kill -9 -1"], program: "/bin/sh", through: entryCommand)
        _ = try await host.exitCode(of: running)
        try await eventually("no process is left") { pids.isEmpty }
    }

    /// Starts a program in the namespace, with space-separated arguments.
    func start(arguments: String, program: String) throws -> RunningCommand {
        try host.start(arguments.split(separator: " ").map(String.init), program: program, through: entryCommand)
    }
}
