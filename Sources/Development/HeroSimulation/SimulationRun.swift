import HeroKernel
import HeroModel
import HeroPlan
import HeroRandom
import HeroReconciler
import HeroSim
import HeroStore

/// The simulation of one seed, from the first apply to the report.
public struct SimulationRun {
    /// The result of a run.
    public struct Report: Sendable {
        /// The seed that replays the run.
        public let seed: UInt64
        /// Invariants that were violated, as messages; empty when none was.
        public let violations: [String]
        /// How many turns of the loop were made.
        public let steps: Int
        /// How many reconcilers were killed.
        public let crashes: Int
        /// How many programs were executed.
        public let executions: Int
    }

    private let seed: UInt64
    private let machine: SimMachine
    private let store: StateStore
    private var generator: SeededGenerator
    private var kernel: SimKernel
    private var reconciler: Reconciler
    private var scenario: Scenario
    private var checker: OutcomeChecker
    private var steps = 0
    private var crashes = 0
    private var requests: UInt64 = 0
    private var log: (String) -> Void

    /// Runs the simulation of a seed.
    ///
    /// - Parameters:
    ///   - seed: The seed.
    ///   - log: Receives every event and every action, to explain a failure.
    /// - Returns: the report; a failure of the store is a violation too.
    public static func run(seed: UInt64, log: @escaping (String) -> Void = { _ in }) -> Report {
        do {
            var run = try SimulationRun(seed, log)
            try run.runScenario()
            return run.makeReport()
        } catch {
            return Report(
                seed: seed,
                violations: ["the store failed: \(error)"],
                steps: 0,
                crashes: 0,
                executions: 0
            )
        }
    }

    private init(_ seed: UInt64, _ log: @escaping (String) -> Void) throws {
        self.seed = seed
        self.log = log
        generator = SeededGenerator(seed ^ 0x5EED)
        machine = SimMachine(seed: seed)
        store = try StateStore.inMemory()
        kernel = SimKernel(machine)
        reconciler = try Self.open(kernel, store, machine, seed, log)
        scenario = Scenario(&generator)
        checker = OutcomeChecker()
    }

    private static func open(
        _ kernel: SimKernel,
        _ store: StateStore,
        _ machine: SimMachine,
        _ seed: UInt64,
        _ log: @escaping (String) -> Void
    ) throws -> Reconciler {
        var configuration = ReconcilerConfiguration(mode: .keep, directory: nil, requiresCore: false, actor: "sim")
        // The sets are small: with fewer starts per turn, crashes happen between the starts of one wave too.
        if !seed.isMultiple(of: 3) { configuration.maxStartsPerTurn = seed % 3 == 1 ? 1 : 2 }
        let reconciler = try Reconciler(kernel: kernel, store: store, configuration: configuration)
        reconciler.log = { log("\(machine.now.nanoseconds / 1000) \($0.level.rawValue) \($0.subject) \($0.text)") }
        reconciler.start()
        return reconciler
    }

    // MARK: The scenario

    private mutating func runScenario() throws {
        apply()
        for _ in 0..<generator.number(1...5) {
            try runLoop(steps: generator.number(1...60), mayCrash: true)
            try checker.checkHistory(store)
            switch generator.number(0...11) {
            case 0...4:
                scenario.edit(&generator)
                apply()
            case 5: machine.killAnyShim()
            case 6: if generator.chance(30) { try reboot() }
            case 7: down()
            case 8: try crash()
            case 9: setClock()
            case 10:
                store.injectedError = StoreError(generator.chance(50) ? .full : .busy, "sim: nothing can be written")
            default: try runLoop(steps: 40, mayCrash: false)
            }
        }
        // From here on no faults are injected, and everything must reach its declared state.
        machine.isFaultFree = true
        store.injectedError = nil
        scenario.startAll()
        apply()
        try runLoop(steps: 200, mayCrash: false)
        let moment = machine.now
        try runLoop(steps: 200, mayCrash: false)
        checker.checkIntervals(scenario, since: moment, machine)
        scenario.removeSchedules()
        apply()
        var hasSettled = try runLoop(steps: 4000, mayCrash: false, quiet: .seconds(20))
        // Programs that began while faults were injected may have ended since, so that an essential service gave up.
        for _ in 0..<3 where try store.reader.revision()?.isDown ?? false {
            apply()
            hasSettled = try runLoop(steps: 4000, mayCrash: false, quiet: .seconds(20))
        }
        if !hasSettled { checker.fail("did not settle") }
        try checker.checkSettledState(scenario, machine, store)
    }

    private mutating func apply() {
        let request = ControlRequest(
            .apply,
            directory: Scenario.directory,
            files: scenario.files.map {
                .init(path: $0.path, folder: $0.baseDirectory, text: String(decoding: $0.bytes, as: UTF8.self))
            },
            actor: "sim",
            requiresCore: false
        )
        log("\(machine.now.nanoseconds / 1000) apply\n\(request.files.first?.text ?? "")")
        checker.scenarioApplied(scenario)
        send(request)
    }

    private mutating func down() {
        log("\(machine.now.nanoseconds / 1000) down")
        send(ControlRequest(.down, directory: Scenario.directory, actor: "sim", all: generator.chance(50)))
    }

    /// Sets the calendar by a little, as time servers do, or by a lot, as people do.
    private mutating func setClock() {
        let milliseconds =
            generator.chance(50) ? generator.number(-3000...3000) : generator.number(-20_000_000...20_000_000)
        log("\(machine.now.nanoseconds / 1000) set the clock by \(milliseconds) ms")
        machine.setCalendar(by: .milliseconds(milliseconds) + .microseconds(generator.number(1...999)))
    }

    private mutating func send(_ request: ControlRequest) {
        requests += 1
        kernel.post(.requestReceived(RequestID(number: requests), ControlCoding.line(request)))
    }

    /// Runs turns of the loop; between any two steps the reconciler may be killed and replaced.
    ///
    /// - Returns: whether it has settled: nothing is waited for, or only probes whose results change nothing.
    @discardableResult
    private mutating func runLoop(steps count: Int, mayCrash: Bool, quiet: Duration? = nil) throws -> Bool {
        let began = machine.now
        turns: for _ in 0..<count {
            steps += 1
            reconciler.prepareTurn()
            if try checkAndMaybeCrash(mayCrash) { continue }
            _ = reconciler.commitTurn()
            if try checkAndMaybeCrash(mayCrash) { continue }
            while reconciler.performNextEffect() {
                if try checkAndMaybeCrash(mayCrash) { continue turns }
            }
            let events = kernel.nextEvents(until: reconciler.nextDeadline)
            if events.isEmpty, kernel.isIdle { return true }
            if let quiet, machine.now - max(began, machine.trace.actions.last?.at ?? began) > quiet { return true }
            if try checkAndMaybeCrash(mayCrash) { continue }
            reconciler.handle(events)
            if try checkAndMaybeCrash(mayCrash) { continue }
            reconciler.handleDueDeadlines()
        }
        return false
    }

    private mutating func checkAndMaybeCrash(_ mayCrash: Bool) throws -> Bool {
        try checker.checkActions(machine, store, isDegraded: reconciler.hasStoreOutage)
        if store.injectedError != nil, generator.chance(2) { store.injectedError = nil }
        guard mayCrash, generator.chance(1) else { return false }
        try crash()
        return true
    }

    /// Kills the reconciler: whatever it has not stored or done is lost.
    private mutating func crash() throws {
        log("\(machine.now.nanoseconds / 1000) kill -9")
        crashes += 1
        kernel = SimKernel(machine)
        machine.advanceTime(generator.milliseconds(0...150))
        reconciler = try Self.open(kernel, store, machine, seed, log)
    }

    private mutating func reboot() throws {
        log("\(machine.now.nanoseconds / 1000) reboot")
        machine.reboot()
        try crash()
    }

    private func makeReport() -> Report {
        for (action, moment) in machine.trace.actions { log("\(moment.nanoseconds / 1000) action \(action)") }
        for execution in machine.trace.executions {
            let end = execution.outcome.map { " \($0)" } ?? " runs"
            log("executed \(execution.start.job)#\(execution.start.generation) \(execution.label)\(end)")
        }
        return Report(
            seed: seed,
            violations: checker.violations + machine.trace.violations,
            steps: steps,
            crashes: crashes,
            executions: machine.trace.executions.count
        )
    }
}
