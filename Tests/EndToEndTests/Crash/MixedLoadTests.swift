import Foundation
import Glibc
import Testing

/// kill -9 while everything else goes on, too: edits, stops, crash loops, rotations (reliability.md CR-3 to CR-5).
@Suite("Torture of a mixed load", .serialized)
struct MixedLoadTests {
    /// What one service of the load is, as its file says it at the moment.
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

    private static func drafts(_ world: TestHost) -> [String: ServiceDraft] {
        var drafts: [String: ServiceDraft] = [:]
        for number in 1...3 {
            drafts["loop\(number)"] = ServiceDraft(commands: "random-life 150", fields: fastRetryFields)
        }
        // A new file about every half second.
        for number in 1...2 {
            drafts["writer\(number)"] = ServiceDraft(
                commands: "lines 500",
                fields: ["log: {max_size: 32KiB, keep: 99}"]
            )
        }
        for (name, required) in zip(chain, [""] + chain) {
            let socket = "\(world.root)/\(name).sock"
            drafts[name] = ServiceDraft(
                commands: "wait 20 listen-unix \(socket) linger 20",
                fields: ["sockets: [\(socket)]"],
                requires: required
            )
        }
        return drafts
    }

    private func write(_ name: String, _ draft: ServiceDraft, _ world: TestHost) throws {
        guard !draft.isRemoved else { return world.removeManifest(name) }
        let deed = TestHost.OracleAction(
            name: "run",
            commands: draft.commands,
            fields: draft.fields + ["env: {SALT: \"\(draft.salt)\"}"],
            isProcess: true
        )
        let keys = [
            "requires: [\(draft.requires)]", "status: \(draft.isStopped ? "stop" : "start")",
            "generation: \(draft.generation)",
        ]
        try world.writeManifest("\(name).yaml", world.manifest(name, keys, [deed]))
    }

    /// One edit of one service, as people make them.
    private func edit(_ drafts: inout [String: ServiceDraft], _ torture: inout TortureRun, _ world: TestHost) throws {
        let names = drafts.keys.sorted()
        let name = names[torture.randomNumber(0...names.count - 1)]
        switch torture.randomNumber(0...5) {
        case 0, 1: drafts[name]?.salt += 1
        case 2: drafts[name]?.generation += 1
        case 3: drafts[name]?.isStopped.toggle()
        case 4: drafts[name]?.isRemoved.toggle()
        default: break
        }
        if let draft = drafts[name] { try write(name, draft, world) }
    }

    @Test("CR-3: kill -9 under edits, stops, crash loops and rotations: converged, nothing lost, nothing left behind")
    func killsDuringMixedLoad() async throws {
        try await TestHost.with { world in
            var torture = try await TortureRun("CR-3 mixed load", world)
            var drafts = Self.drafts(world)
            for (name, draft) in drafts { try write(name, draft, world) }
            // A service and its jobs may be gone again before the next look: the logs are kept as they come.
            let books = torture.history
            let keeping = Task.detached {
                while !Task.isCancelled {
                    books.preserveLogs()
                    try await Task.sleep(for: .milliseconds(20))
                }
            }
            defer { keeping.cancel() }
            for _ in 0..<TestSettings.cycles(10, share: 2) {
                for _ in 0..<torture.randomNumber(1...2) { try edit(&drafts, &torture, world) }
                if world.reconcilerPID == nil {
                    // By whichever hand it comes back.
                    if torture.randomNumber(0...1) == 0 {
                        try torture.startReconciler()
                    } else {
                        _ = try await world.run("apply", "--no-wait", "--allow-disruption")
                    }
                }
                try await torture.waitRandomly(20...250)
                if world.reconcilerPID != nil {
                    torture.countCycle()
                    try? await world.killReconciler()
                }
            }
            for name in drafts.keys {
                drafts[name]?.isStopped = false
                drafts[name]?.isRemoved = false
                if let draft = drafts[name] { try write(name, draft, world) }
            }
            let begin = ContinuousClock.now
            try await world.apply()
            torture.recordRecovery(ContinuousClock.now - begin)
            try await world.expectEmptyDiff()
            try await torture.stopEverything()
            for (name, required) in zip(Self.chain.dropFirst(), Self.chain) {
                torture.checkOrder(of: name, requiring: required)
            }
            try torture.checkAndReport(drafts.keys.sorted())
        }
    }

    @Test("CR-5: killed in start waves and stop waves of six: what requires is never up without it, in no round")
    func killsDuringWaves() async throws {
        try await TestHost.with { world in
            var torture = try await TortureRun("CR-5 waves", world)
            let chain = ["a", "b", "c", "d", "e", "f"]
            let declare = { (status: String) in
                for (name, required) in zip(chain, [""] + chain) {
                    let socket = "\(world.root)/\(name).sock"
                    let deed = TestHost.OracleAction.process(
                        "wait 30 listen-unix \(socket) linger 30",
                        "sockets: [\(socket)]"
                    )
                    try world.writeManifest(
                        "\(name).yaml",
                        world.manifest(name, ["requires: [\(required)]", status], [deed])
                    )
                }
            }
            let rounds = TestSettings.cycles(2, share: 10)
            for round in 1...rounds {
                for status in ["status: start", "status: stop"] {
                    try declare(status)
                    _ = try await world.run("apply", "--no-wait")
                    try await torture.waitRandomly(0...350)
                    try await world.killReconciler()
                    torture.countCycle()
                    let begin = ContinuousClock.now
                    try await world.apply()
                    torture.recordRecovery(ContinuousClock.now - begin)
                    try await world.expectEmptyDiff()
                }
                for name in chain where world.instances(name).count != round {
                    torture.addFinding(
                        .wrongOrder,
                        "\(name) has begun \(world.instances(name).count) times in \(round) rounds"
                    )
                }
            }
            for (name, required) in zip(chain.dropFirst(), chain) { torture.checkOrder(of: name, requiring: required) }
            try torture.checkAndReport(chain)
        }
    }

    @Test(
        "CR-4: kill -9 of all there is: everything comes back, once, and says that it was killed or lost",
        .enabled(if: canMakePIDNamespace, "needs root, and `unshare` to make a pid namespace")
    )
    func killEverything() async throws {
        try await TestHost.with { world in
            try await PIDNamespace.with(world) { inside in
                var torture = try await TortureRun("CR-4 everything", world)
                let names = (1...6).map { "job\($0)" }
                for name in names {
                    try world.declare(
                        name,
                        actions: .process("lines 100", Self.fastRetryFields[0], Self.fastRetryFields[1])
                    )
                }
                // Each round is a crash to all of them: what waited longer after each would stand still for half a minute soon.
                try world.declare(
                    "web",
                    "requires: [job1, job2]",
                    actions: .process("sleep -1", Self.fastRetryFields[0])
                )
                let all = names + ["web"]
                for _ in 0..<TestSettings.cycles(3, share: 10) {
                    let begin = ContinuousClock.now
                    let counts = all.map { world.instances($0).count }
                    let reconciler = try inside.start("reconcile", "--watch", "--keep")
                    for (name, count) in zip(all, counts) { _ = try await inside.runningInstance(name, after: count) }
                    try await inside.waitUntilReady(all.count)
                    torture.recordRecovery(ContinuousClock.now - begin)
                    try await torture.waitRandomly(0...200)
                    let from = bootTime()
                    try await inside.killAll()
                    for name in all {
                        guard let job = world.instances(name).last?.job else { continue }
                        torture.addShimKill(ShimKill(job: job, from: from, to: bootTime()))
                    }
                    torture.countCycle()
                    _ = try await world.exitCode(of: reconciler)
                }
                let reconciler = try inside.start("reconcile", "--watch")
                try await inside.waitUntilReady(all.count)
                #expect(try await inside.run("diff").exitCode == 0)
                #expect(try await inside.run("down", "--all").exitCode == 0)
                try await inside.signal("TERM", inside.pids)
                _ = try await world.exitCode(of: reconciler)
                try torture.checkAndReport(all)
            }
        }
    }

    @Test(
        "SH-12: killing by the name of heroproc meets no shim, and no signal but SIGKILL ends one",
        .enabled(if: canMakePIDNamespace && access("/usr/bin/pkill", X_OK) == 0, "needs root, unshare and pkill")
    )
    func killByName() async throws {
        try await TestHost.with { world in
            try await PIDNamespace.with(world) { inside in
                for name in ["db", "web"] { try world.declare(name) }
                let reconciler = try inside.start("reconcile", "--watch", "--keep")
                try await inside.waitUntilReady(2)
                let lives = [
                    try await inside.runningInstance("db", after: 0), try await inside.runningInstance("web", after: 0),
                ]
                let shims = lives.compactMap { inside.parent(of: $0.pid) }
                #expect(shims.count == 2 && !shims.contains(1))
                for words in ["heroproc", "-x heroproc", "-f heroproc", "-9 heroproc"] {
                    let pkill = try inside.start(arguments: words, program: "/usr/bin/pkill")
                    _ = try await world.exitCode(of: pkill)
                }
                for name in ["TERM", "INT", "HUP", "QUIT", "USR1", "USR2", "PIPE", "ALRM"] {
                    try await inside.signal(name, shims)
                }
                _ = try await world.exitCode(of: reconciler)
                #expect(lives.allSatisfy { inside.isAlive($0.pid) } && shims.allSatisfy { inside.isAlive($0) })
                let next = try inside.start("reconcile", "--watch")
                try await inside.waitUntilReady(2)
                #expect(try await inside.run("down", "--all").exitCode == 0)
                #expect(world.instances("db").count == 1 && world.instances("web").count == 1)
                try await inside.signal("TERM", inside.pids)
                _ = try await world.exitCode(of: next)
            }
        }
    }
}

extension PIDNamespace {
    /// kill -9 of everything but the first process, until nothing is left.
    func killAll() async throws {
        let running = try host.start(["-c", "kill -9 -1"], program: "/bin/sh", through: entryCommand)
        _ = try await host.exitCode(of: running)
        try await eventually("nobody is left") { pids.isEmpty }
    }

    /// Starts a program inside with arguments in one text.
    func start(arguments: String, program: String) throws -> TestHost.RunningCommand {
        try host.start(arguments.split(separator: " ").map(String.init), program: program, through: entryCommand)
    }
}
