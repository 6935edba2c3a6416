import Foundation
import GRDB
import Glibc
import HeroLinux
import Testing

/// One run of a failpoint with one choice of victims: preparation, fault, recovery and check.
struct FailpointRun {
    let failpoint: Failpoint
    let victims: Victims
    let scenario: FailpointScenario
    /// Mechanisms that a positive control disables; empty otherwise.
    var disabledMechanisms: [String] = []
    /// Milliseconds from the start of the next reconciler until the stopped process continues; nil if the process
    /// continues first.
    var resumeDelay: Int? = 0
    /// A failpoint at which the next reconciler is killed, if it reaches it.
    var secondFailpoint: String?
    /// Seconds that a recovery may take.
    ///
    /// The guarantee is 10 s on an idle machine.
    var recoveryTimeout = 60

    init(_ failpoint: Failpoint, _ victims: Victims, _ scenario: FailpointScenario? = nil) throws {
        self.failpoint = failpoint
        self.victims = victims
        self.scenario = try #require(
            scenario ?? FailpointScenario.all[failpoint.name],
            "\(failpoint.name) has no scenario"
        )
    }

    /// Runs the scenario on its own test host.
    func run() async throws -> FailpointResult {
        var result = FailpointResult()
        try await TestHost.with { host in
            result = try await run(in: host)
            guard !disabledMechanisms.isEmpty else { return }
            // A positive control leaves processes behind on purpose. They are no issue of this test.
            await host.killRemainingProcesses()
        }
        return result
    }

    private func run(in host: TestHost) async throws -> FailpointResult {
        let context = FailpointScenario.Context(host: host, port: try unusedPort())
        let bystanders = [try ForeignProcess(), try ForeignProcess("ignore-term")]
        mkdir(host.root + "/hits", 0o700)
        var checker = FailpointChecker(host, scenario)
        try await prepare(context)
        if scenario.killsShim, scenario.trigger == nil { try await killShim(of: host, &checker) }
        let holder = scenario.hasPortHolder ? try ForeignProcess("listen", "\(context.port)") : nil
        if holder != nil { try await eventually("the port holder listens") { isListening(context.port) } }

        // 1. Up to the failpoint.
        let filler = failpoint.name == "FP-DB-2" ? try await fillWriteAheadLog(of: host) : nil
        try scenario.change(context)
        let armed = try host.start(scenario.arguments, environment: armedEnvironment(host))
        if let kick = scenario.trigger {
            _ = try await host.runningInstance("web")
            try await eventually("the reconciler is ready") { try await isReconcilerReady(host) }
            try await kick(context)
            if scenario.killsShim { try await killShim(of: host, &checker) }
        }
        let hit = try await processAtFailpoint(in: host)

        // 2. The fault.
        if scenario.failpointAction == nil { try await eventually("process \(hit) is stopped") { isStopped(hit) } }
        let dead = scenario.failpointAction == nil ? try await injectFault(host, armed: armed, hit: hit, &checker) : []

        // 3. The recovery.
        try filler?.close()
        let began = ContinuousClock.now
        if resumeDelay == nil, !dead.contains(hit) { kill(hit, SIGCONT) }
        var next: RunningCommand?
        if scenario.failpointAction == nil, victims.includesReconciler {
            next = try host.start(
                ["reconcile", "--watch"],
                environment: baseEnvironment.merging(secondFaultEnvironment(host)) { $1 }
            )
            try await eventually("the next reconciler is ready or killed") {
                try await isReconcilerReady(host) || replaceKilledReconciler(after: &next, in: host)
            }
            // This delay is part of the fault: the stopped process gets no CPU time meanwhile.
            if let resumeDelay, !dead.contains(hit) { try await Task.sleep(for: .milliseconds(resumeDelay)) }
        }
        if !dead.contains(hit) { kill(hit, SIGCONT) }
        try scenario.afterFault(context)
        let converged = try await checker.waitForConvergence(within: recoveryTimeout) {
            _ = try replaceKilledReconciler(after: &next, in: host)
        }
        let time = ContinuousClock.now - began
        if let secondFailpoint { disarm(secondFailpoint, in: host) }
        if let holder, converged, holder.isRunning { checker.addViolation("RC", "the holder of the port still runs") }
        await checker.check(bystanders: bystanders.filter(\.isRunning).count == bystanders.count)
        return FailpointResult(
            recoveryMilliseconds: converged ? time.milliseconds : nil,
            violations: checker.violations,
            recentEvents: checker.violations.isEmpty ? "" : await checker.recentEvents()
        )
    }

    /// Starts a third reconciler if the second was killed.
    private func replaceKilledReconciler(after next: inout RunningCommand?, in host: TestHost) throws -> Bool {
        guard secondFailpoint != nil, let running = next, waitpid(running.pid, nil, WNOHANG) == running.pid else {
            return false
        }
        next = try host.start(["reconcile", "--watch"], environment: baseEnvironment)
        return true
    }

    /// The recovery is complete: disables the second failpoint.
    private func disarm(_ failpoint: String, in host: TestHost) {
        _ = FileManager.default.createFile(atPath: "\(host.root)/second/\(failpoint)", contents: nil)
    }

    // MARK: Preparation

    private var baseEnvironment: [String: String] {
        guard !disabledMechanisms.isEmpty else { return scenario.environment }
        return scenario.environment.merging(["HEROPROC_TEST_DISABLE": disabledMechanisms.joined(separator: ",")]) { $1 }
    }

    private func secondFaultEnvironment(_ host: TestHost) -> [String: String] {
        guard let secondFailpoint else { return [:] }
        mkdir(host.root + "/second", 0o700)
        return ["HEROPROC_FP": "\(secondFailpoint)=kill9", "HEROPROC_FP_HITS": host.root + "/second"]
    }

    private func armedEnvironment(_ host: TestHost) -> [String: String] {
        let at = scenario.hitNumber == 1 ? "" : "@\(scenario.hitNumber)"
        var variables = baseEnvironment
        variables["HEROPROC_FP"] = "\(failpoint.name)=\(scenario.failpointAction ?? "stop")\(at)"
        variables["HEROPROC_FP_HITS"] = host.root + "/hits"
        return variables
    }

    /// Starts the initial services with a reconciler that is then killed.
    private func prepare(_ context: FailpointScenario.Context) async throws {
        let host = context.host
        guard !scenario.isFirstUse else { return }
        try await RecordedHistory(of: host).startRecording()
        try FailpointScenario.declareSteady(host)
        try scenario.setUp(context)
        let names = host.declaredServices
        var running = try host.start(["reconcile", "--watch"], environment: baseEnvironment)
        for name in names { _ = try await host.runningInstance(name) }
        try await eventually("all services run") {
            try await isReconcilerReady(host) && names.allSatisfy { host.verifiedState(of: $0) == .running }
        }
        try #require(kill(running.pid, SIGKILL) == 0)
        _ = try await host.exitCode(of: running)
        try await scenario.whileNoReconcilerRuns(context)
        guard let failpoints = scenario.earlierFailpoints else { return }
        try scenario.change(context)
        running = try host.start(
            ["reconcile", "--watch"],
            environment: baseEnvironment.merging(["HEROPROC_FP": failpoints]) { $1 }
        )
        try #require(try await host.exitCode(of: running) == 137)
    }

    /// Fills the write-ahead log so that the next commit makes a checkpoint.
    ///
    /// The caller closes the queue afterwards.
    private func fillWriteAheadLog(of host: TestHost) async throws -> DatabaseQueue {
        var configuration = Configuration()
        configuration.busyMode = .timeout(20)
        configuration.prepareDatabase { try $0.execute(sql: "PRAGMA wal_autocheckpoint = 0") }
        let queue = try DatabaseQueue(path: host.databasePath, configuration: configuration)
        try await queue.write { db in
            try db.execute(sql: "CREATE TABLE filler (bytes)")
            for _ in 0..<1200 { try db.execute(sql: "INSERT INTO filler VALUES (randomblob(4000))") }
        }
        return queue
    }

    private func killShim(of host: TestHost, _ checker: inout FailpointChecker) async throws {
        let shim = try #require(host.shimPID(of: "web"))
        checker.recordLostShims([shim], isBlind: false)
        try #require(kill(shim, SIGKILL) == 0)
        try await eventually("the shim is gone") { !isAlive(shim) }
    }

    // MARK: The fault

    /// The process that reached the failpoint.
    private func processAtFailpoint(in host: TestHost) async throws -> pid_t {
        let path = "\(host.root)/hits/\(failpoint.name)"
        var pid: pid_t?
        try await eventually("\(failpoint.name) is reached", within: 60) {
            pid = pid_t(host.readText(path).split(separator: "\n").first ?? "")
            return pid != nil
        }
        return try #require(pid)
    }

    /// Kills the victims and returns their PIDs.
    private func injectFault(
        _ host: TestHost,
        armed: RunningCommand,
        hit: pid_t,
        _ checker: inout FailpointChecker
    ) async throws -> Set<pid_t> {
        var dead: Set<pid_t> = []
        if victims.includesShims {
            // The fork server is no shim of a job.
            let shims = host.shimPIDs().union(isForkServer(hit) ? [hit] : [])
            checker.recordLostShims(shims, isBlind: failpoint.name == "FP-EX-1")
            for shim in shims where kill(shim, SIGKILL) == 0 { dead.insert(shim) }
        }
        if victims.includesReconciler {
            // The monitor is killed first. Otherwise it would restart the reconciler.
            let kept = children(of: armed.pid).filter { host.readText("/proc/\($0)/comm") == "heroproc\n" }
            for pid in [armed.pid] + kept where kill(pid, SIGKILL) == 0 { dead.insert(pid) }
            _ = try await host.exitCode(of: armed)
        }
        let killed = dead
        try await eventually("the victims are gone") { killed.allSatisfy { !isAlive($0) } }
        return dead
    }

    /// Whether a reconciler runs and has adopted all jobs.
    private func isReconcilerReady(_ host: TestHost) async throws -> Bool {
        host.reconcilerPID != nil && access(host.paths.controlSocket, F_OK) == 0
    }
}

extension Duration {
    fileprivate var milliseconds: Int {
        Int(components.seconds) * 1000 + Int(components.attoseconds / 1_000_000_000_000_000)
    }
}
