import Foundation
import GRDB
import Glibc
import HeroLinux
import Testing

/// One failpoint, met once, with one choice of victims: arranged, faulted, recovered from, and judged.
struct FailpointRun {
    let failpoint: Failpoint
    let victims: Victims
    let scenario: FailpointScenario
    /// What is taken away for a positive control; empty otherwise.
    var disabledMechanisms: [String] = []
    /// How long the next reconciler is at work before who stood still goes on; nil: it goes on first.
    var resumeDelay: Int? = 0
    /// A failpoint at which the next reconciler is killed as well, should it come there.
    var secondFailpoint: String?
    /// How long a recovery may take; the promise is 10 s, on a machine that has the time.
    var recoveryTimeout = 60

    init(_ point: Failpoint, _ victims: Victims, _ recipe: FailpointScenario? = nil) throws {
        self.failpoint = point
        self.victims = victims
        self.scenario = try #require(recipe ?? FailpointScenario.all[point.name], "\(point.name) has no recipe")
    }

    /// Does all of it in a world of its own.
    func run() async throws -> FailpointResult {
        var verdict = FailpointResult()
        try await TestHost.with { world in
            verdict = try await run(in: world)
            guard !disabledMechanisms.isEmpty else { return }
            // What a control leaves behind is what it is there to show; it is no issue of this test.
            await world.killRemainingProcesses()
        }
        return verdict
    }

    private func run(in world: TestHost) async throws -> FailpointResult {
        let scene = FailpointScenario.Context(host: world, port: try unusedPort())
        let bystanders = [try StartBlockerTests.ForeignProcess(), try StartBlockerTests.ForeignProcess("ignore-term")]
        mkdir(world.root + "/hits", 0o700)
        var judge = FailpointChecker(world, scenario)
        try await prepare(scene)
        if scenario.killsShim, scenario.trigger == nil { try await killShim(of: world, &judge) }
        let holder = scenario.hasPortHolder ? try StartBlockerTests.ForeignProcess("listen", "\(scene.port)") : nil
        if holder != nil { try await eventually("somebody listens") { isListening(scene.port) } }

        // 1. Up to the point.
        let filler = failpoint.name == "FP-DB-2" ? try await fillWriteAheadLog(of: world) : nil
        try scenario.change(scene)
        let armed = try world.start(scenario.arguments, extra: armedEnvironment(world))
        if let kick = scenario.trigger {
            _ = try await world.runningInstance("web")
            try await eventually("the reconciler is at work") { try await isReconcilerReady(world) }
            try await kick(scene)
            if scenario.killsShim { try await killShim(of: world, &judge) }
        }
        let hit = try await processAtFailpoint(in: world)

        // 2. The fault.
        if scenario.failpointAction == nil { try await eventually("\(hit) stands still") { isStopped(hit) } }
        let dead = scenario.failpointAction == nil ? try await injectFault(world, armed: armed, hit: hit, &judge) : []

        // 3. What follows.
        try filler?.close()
        let began = ContinuousClock.now
        if resumeDelay == nil, !dead.contains(hit) { kill(hit, SIGCONT) }
        var next: TestHost.RunningCommand?
        if scenario.failpointAction == nil, victims.includesReconciler {
            next = try world.start(
                ["reconcile", "--watch"],
                extra: baseEnvironment.merging(secondFaultEnvironment(world)) { $1 }
            )
            try await eventually("the next one is at work, or killed") {
                try await isReconcilerReady(world) || replaceKilledReconciler(after: &next, in: world)
            }
            // The wait is the fault: a process that was not given the processor for so long.
            if let resumeDelay, !dead.contains(hit) { try await Task.sleep(for: .milliseconds(resumeDelay)) }
        }
        if !dead.contains(hit) { kill(hit, SIGCONT) }
        try scenario.afterFault(scene)
        let converged = try await judge.waitForConvergence(within: recoveryTimeout) {
            _ = try replaceKilledReconciler(after: &next, in: world)
        }
        let time = ContinuousClock.now - began
        if let secondFailpoint { disarm(secondFailpoint, in: world) }
        if let holder, converged, holder.isRunning { judge.addViolation("RC", "who held the port still lives") }
        await judge.check(bystanders: bystanders.filter(\.isRunning).count == bystanders.count)
        return FailpointResult(
            recoveryMilliseconds: converged ? time.milliseconds : nil,
            violations: judge.violations,
            recentEvents: judge.violations.isEmpty ? "" : await judge.recentEvents()
        )
    }

    /// Starts a third reconciler where the second was killed.
    private func replaceKilledReconciler(after next: inout TestHost.RunningCommand?, in world: TestHost) throws -> Bool
    {
        guard secondFailpoint != nil, let running = next, waitpid(running.pid, nil, WNOHANG) == running.pid else {
            return false
        }
        next = try world.start(["reconcile", "--watch"], extra: baseEnvironment)
        return true
    }

    /// What follows is no recovery any more.
    private func disarm(_ point: String, in world: TestHost) {
        _ = FileManager.default.createFile(atPath: "\(world.root)/second/\(point)", contents: nil)
    }

    // MARK: Arranging

    private var baseEnvironment: [String: String] {
        guard !disabledMechanisms.isEmpty else { return scenario.environment }
        return scenario.environment.merging(["HEROPROC_TEST_DISABLE": disabledMechanisms.joined(separator: ",")]) { $1 }
    }

    private func secondFaultEnvironment(_ world: TestHost) -> [String: String] {
        guard let secondFailpoint else { return [:] }
        mkdir(world.root + "/second", 0o700)
        return ["HEROPROC_FP": "\(secondFailpoint)=kill9", "HEROPROC_FP_HITS": world.root + "/second"]
    }

    private func armedEnvironment(_ world: TestHost) -> [String: String] {
        let at = scenario.hitNumber == 1 ? "" : "@\(scenario.hitNumber)"
        var variables = baseEnvironment
        variables["HEROPROC_FP"] = "\(failpoint.name)=\(scenario.failpointAction ?? "stop")\(at)"
        variables["HEROPROC_FP_HITS"] = world.root + "/hits"
        return variables
    }

    /// Brings up what runs before, with a reconciler that is then killed.
    private func prepare(_ scene: FailpointScenario.Context) async throws {
        let world = scene.host
        guard !scenario.isFirstUse else { return }
        try await RecordedHistory(of: world).startRecording()
        try FailpointScenario.declareSteady(world)
        try scenario.setUp(scene)
        let names = world.declaredServices
        var running = try world.start(["reconcile", "--watch"], extra: baseEnvironment)
        for name in names { _ = try await world.runningInstance(name) }
        try await eventually("all is up") {
            try await isReconcilerReady(world) && names.allSatisfy { world.verifiedState(of: $0) == .running }
        }
        try #require(kill(running.pid, SIGKILL) == 0)
        _ = try await world.exitCode(of: running)
        try await scenario.whileNoReconcilerRuns(scene)
        guard let prelude = scenario.earlierFailpoints else { return }
        try scenario.change(scene)
        running = try world.start(
            ["reconcile", "--watch"],
            extra: baseEnvironment.merging(["HEROPROC_FP": prelude]) { $1 }
        )
        try #require(try await world.exitCode(of: running) == 137)
    }

    /// Makes the write-ahead log so long that the next commit checkpoints; to be kept open until it has.
    private func fillWriteAheadLog(of world: TestHost) async throws -> DatabaseQueue {
        var configuration = Configuration()
        configuration.busyMode = .timeout(20)
        configuration.prepareDatabase { try $0.execute(sql: "PRAGMA wal_autocheckpoint = 0") }
        let queue = try DatabaseQueue(path: world.databasePath, configuration: configuration)
        try await queue.write { db in
            try db.execute(sql: "CREATE TABLE filler (bytes)")
            for _ in 0..<1200 { try db.execute(sql: "INSERT INTO filler VALUES (randomblob(4000))") }
        }
        return queue
    }

    private func killShim(of world: TestHost, _ judge: inout FailpointChecker) async throws {
        let shim = try #require(world.shimPID(of: "web"))
        judge.recordLostShims([shim], isBlind: false)
        try #require(kill(shim, SIGKILL) == 0)
        try await eventually("the shim is gone") { !isAlive(shim) }
    }

    // MARK: The fault

    /// The process that met the point.
    private func processAtFailpoint(in world: TestHost) async throws -> pid_t {
        let path = "\(world.root)/hits/\(failpoint.name)"
        var pid: pid_t?
        try await eventually("\(failpoint.name) is met", within: 60) {
            pid = pid_t(world.readText(path).split(separator: "\n").first ?? "")
            return pid != nil
        }
        return try #require(pid)
    }

    /// Kills the victims; answers who is dead.
    private func injectFault(
        _ world: TestHost,
        armed: TestHost.RunningCommand,
        hit: pid_t,
        _ judge: inout FailpointChecker
    ) async throws -> Set<pid_t> {
        var dead: Set<pid_t> = []
        if victims.includesShims {
            let shims = world.shimPIDs()
            judge.recordLostShims(shims, isBlind: failpoint.name == "FP-EX-1")
            for shim in shims where kill(shim, SIGKILL) == 0 { dead.insert(shim) }
        }
        if victims.includesReconciler {
            // A keeper first, or it would start another one.
            let kept = children(of: armed.pid).filter { world.readText("/proc/\($0)/comm") == "heroproc\n" }
            for pid in [armed.pid] + kept where kill(pid, SIGKILL) == 0 { dead.insert(pid) }
            _ = try await world.exitCode(of: armed)
        }
        let killed = dead
        try await eventually("the victims are gone") { killed.allSatisfy { !isAlive($0) } }
        return dead
    }

    /// Whether a reconciler lives that has taken up what there is.
    private func isReconcilerReady(_ world: TestHost) async throws -> Bool {
        world.reconcilerPID != nil && access(world.paths.controlSocket, F_OK) == 0
    }
}

/// A port that nobody listens on, and that no outgoing connection is given by itself.
private func unusedPort() throws -> Int {
    for _ in 0..<100 {
        let port = Int.random(in: 10_000..<30_000)
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        if withTCPAddress(port: port, ofAll: true, { bind(descriptor, $0, $1) }) == 0 { return port }
    }
    Issue.record("there is no free port")
    throw ConditionTimeout()
}

extension Duration {
    fileprivate var milliseconds: Int {
        Int(components.seconds) * 1000 + Int(components.attoseconds / 1_000_000_000_000_000)
    }
}
