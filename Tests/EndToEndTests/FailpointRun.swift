import Foundation
import GRDB
import Glibc
import HeroLinux
import Testing

/// One failpoint, met once, with one choice of victims: arranged, faulted, recovered from, and judged.
struct FailpointRun {
    let point: Failpoint
    let victims: Victims
    let recipe: FailpointRecipe
    /// What is taken away for a positive control; empty otherwise.
    var disabled: [String] = []
    /// How long the next reconciler is at work before who stood still goes on; nil: it goes on first.
    var delay: Int? = 0
    /// A failpoint at which the next reconciler is killed as well, should it come there.
    var second: String?
    /// How long a recovery may take; the promise is 10 s, on a machine that has the time.
    var patience = 60

    init(_ point: Failpoint, _ victims: Victims, _ recipe: FailpointRecipe? = nil) throws {
        self.point = point
        self.victims = victims
        self.recipe = try #require(recipe ?? FailpointRecipe.all[point.name], "\(point.name) has no recipe")
    }

    /// Does all of it in a world of its own.
    func run() async throws -> FailpointVerdict {
        var verdict = FailpointVerdict()
        try await World.with { world in
            verdict = try await run(in: world)
            guard !disabled.isEmpty else { return }
            // What a control leaves behind is what it is there to show; it is no issue of this test.
            await world.sweep()
        }
        return verdict
    }

    private func run(in world: World) async throws -> FailpointVerdict {
        let scene = FailpointRecipe.Scene(world: world, port: try quietPort())
        let bystanders = [try ReclaimTests.Stranger(), try ReclaimTests.Stranger("ignore-term")]
        mkdir(world.root + "/hits", 0o700)
        var judge = FailpointJudge(world, recipe)
        try await arrange(scene)
        if recipe.killsShim, recipe.kick == nil { try await killShim(of: world, &judge) }
        let holder = recipe.hasHolder ? try ReclaimTests.Stranger("listen", "\(scene.port)") : nil
        if holder != nil { try await eventually("somebody listens") { isListening(scene.port) } }

        // 1. Up to the point.
        let filler = point.name == "FP-DB-2" ? try await fillLog(of: world) : nil
        try recipe.edit(scene)
        let armed = try world.start(recipe.arguments, extra: environment(world))
        if let kick = recipe.kick {
            _ = try await world.life("web")
            try await eventually("the reconciler is at work") { try await isAtWork(world) }
            try await kick(scene)
            if recipe.killsShim { try await killShim(of: world, &judge) }
        }
        let hit = try await hit(in: world)

        // 2. The fault.
        if recipe.action == nil { try await eventually("\(hit) stands still") { isStopped(hit) } }
        let dead = recipe.action == nil ? try await fault(world, armed: armed, hit: hit, &judge) : []

        // 3. What follows.
        try filler?.close()
        let began = ContinuousClock.now
        if delay == nil, !dead.contains(hit) { kill(hit, SIGCONT) }
        var next: World.Running?
        if recipe.action == nil, victims.includesReconciler {
            next = try world.start(["reconcile", "--watch"], extra: controls.merging(secondFault(world)) { $1 })
            try await eventually("the next one is at work, or killed") {
                try await isAtWork(world) || goesOn(after: &next, in: world)
            }
            // The wait is the fault: a process that was not given the processor for so long.
            if let delay, !dead.contains(hit) { try await Task.sleep(for: .milliseconds(delay)) }
        }
        if !dead.contains(hit) { kill(hit, SIGCONT) }
        try recipe.settle(scene)
        let converged = try await judge.converge(within: patience) { _ = try goesOn(after: &next, in: world) }
        let time = ContinuousClock.now - began
        if let second { disarm(second, in: world) }
        if let holder, converged, holder.lives { judge.find("RC", "who held the port still lives") }
        await judge.judge(bystanders: bystanders.filter(\.lives).count == bystanders.count)
        return FailpointVerdict(
            milliseconds: converged ? time.milliseconds : nil,
            violations: judge.violations,
            story: judge.violations.isEmpty ? "" : await judge.story()
        )
    }

    /// Starts a third reconciler where the second was killed.
    private func goesOn(after next: inout World.Running?, in world: World) throws -> Bool {
        guard second != nil, let running = next, waitpid(running.pid, nil, WNOHANG) == running.pid else { return false }
        next = try world.start(["reconcile", "--watch"], extra: controls)
        return true
    }

    /// What follows is no recovery any more.
    private func disarm(_ point: String, in world: World) {
        _ = FileManager.default.createFile(atPath: "\(world.root)/second/\(point)", contents: nil)
    }

    // MARK: Arranging

    private var controls: [String: String] {
        guard !disabled.isEmpty else { return recipe.variables }
        return recipe.variables.merging(["HEROPROC_TEST_DISABLE": disabled.joined(separator: ",")]) { $1 }
    }

    private func secondFault(_ world: World) -> [String: String] {
        guard let second else { return [:] }
        mkdir(world.root + "/second", 0o700)
        return ["HEROPROC_FP": "\(second)=kill9", "HEROPROC_FP_HITS": world.root + "/second"]
    }

    private func environment(_ world: World) -> [String: String] {
        let at = recipe.at == 1 ? "" : "@\(recipe.at)"
        var variables = controls
        variables["HEROPROC_FP"] = "\(point.name)=\(recipe.action ?? "stop")\(at)"
        variables["HEROPROC_FP_HITS"] = world.root + "/hits"
        return variables
    }

    /// Brings up what runs before, with a reconciler that is then killed.
    private func arrange(_ scene: FailpointRecipe.Scene) async throws {
        let world = scene.world
        guard !recipe.isFirst else { return }
        try await Books(of: world).open()
        try FailpointRecipe.steady(world)
        try recipe.before(scene)
        let names = world.declared
        var running = try world.start(["reconcile", "--watch"], extra: controls)
        for name in names { _ = try await world.life(name) }
        try await eventually("all is up") {
            try await isAtWork(world) && names.allSatisfy { world.standing(of: $0) == .up }
        }
        try #require(kill(running.pid, SIGKILL) == 0)
        _ = try await world.code(of: running)
        try await recipe.alone(scene)
        guard let prelude = recipe.prelude else { return }
        try recipe.edit(scene)
        running = try world.start(["reconcile", "--watch"], extra: controls.merging(["HEROPROC_FP": prelude]) { $1 })
        try #require(try await world.code(of: running) == 137)
    }

    /// Makes the write-ahead log so long that the next commit checkpoints; to be kept open until it has.
    private func fillLog(of world: World) async throws -> DatabaseQueue {
        var configuration = Configuration()
        configuration.busyMode = .timeout(20)
        configuration.prepareDatabase { try $0.execute(sql: "PRAGMA wal_autocheckpoint = 0") }
        let queue = try DatabaseQueue(path: world.database, configuration: configuration)
        try await queue.write { db in
            try db.execute(sql: "CREATE TABLE filler (bytes)")
            for _ in 0..<1200 { try db.execute(sql: "INSERT INTO filler VALUES (randomblob(4000))") }
        }
        return queue
    }

    private func killShim(of world: World, _ judge: inout FailpointJudge) async throws {
        let shim = try #require(world.shim(of: "web"))
        judge.lostShims([shim], isBlind: false)
        try #require(kill(shim, SIGKILL) == 0)
        try await eventually("the shim is gone") { !isAlive(shim) }
    }

    // MARK: The fault

    /// The process that met the point.
    private func hit(in world: World) async throws -> pid_t {
        let path = "\(world.root)/hits/\(point.name)"
        var pid: pid_t?
        try await eventually("\(point.name) is met", within: 60) {
            pid = pid_t(world.text(path).split(separator: "\n").first ?? "")
            return pid != nil
        }
        return try #require(pid)
    }

    /// Kills the victims; answers who is dead.
    private func fault(
        _ world: World,
        armed: World.Running,
        hit: pid_t,
        _ judge: inout FailpointJudge
    ) async throws -> Set<pid_t> {
        var dead: Set<pid_t> = []
        if victims.includesShims {
            let shims = world.shims()
            judge.lostShims(shims, isBlind: point.name == "FP-EX-1")
            for shim in shims where kill(shim, SIGKILL) == 0 { dead.insert(shim) }
        }
        if victims.includesReconciler {
            // A keeper first, or it would start another one.
            let kept = children(of: armed.pid).filter { world.text("/proc/\($0)/comm") == "heroproc\n" }
            for pid in [armed.pid] + kept where kill(pid, SIGKILL) == 0 { dead.insert(pid) }
            _ = try await world.code(of: armed)
        }
        let killed = dead
        try await eventually("the victims are gone") { killed.allSatisfy { !isAlive($0) } }
        return dead
    }

    /// Whether a reconciler lives that has taken up what there is.
    private func isAtWork(_ world: World) async throws -> Bool {
        world.reconciler != nil && access(world.paths.controlSocket, F_OK) == 0
    }
}

/// A port that nobody listens on, and that no outgoing connection is given by itself.
private func quietPort() throws -> Int {
    for _ in 0..<100 {
        let port = Int.random(in: 10_000..<30_000)
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        if withTCPAddress(port: port, ofAll: true, { bind(descriptor, $0, $1) }) == 0 { return port }
    }
    Issue.record("there is no free port")
    throw NeverTrue()
}

extension Duration {
    fileprivate var milliseconds: Int {
        Int(components.seconds) * 1000 + Int(components.attoseconds / 1_000_000_000_000_000)
    }
}
