import HeroKernel
import HeroModel
import HeroPlan
import HeroReconciler
import HeroSim
import HeroStore

/// One seed, from the first apply to the verdict.
public struct SimulationRun {
    /// What came of it.
    public struct Report: Sendable {
        /// The seed it replays from.
        public let seed: UInt64
        /// Laws that were broken, in words; empty when all held.
        public let violations: [String]
        /// Steps of the loop.
        public let steps: Int
        /// Reconcilers that were killed.
        public let crashes: Int
        /// Programs that were executed.
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

    /// Runs one seed and says what came of it.
    ///
    /// - Parameters:
    ///   - number: the seed.
    ///   - log: gets every event and every deed of the machine, to replay a failure.
    /// - Returns: the verdict; a store that fails is a broken law too.
    public static func run(seed number: UInt64, log: @escaping (String) -> Void = { _ in }) -> Report {
        do {
            var trial = try SimulationRun(number, log)
            try trial.runScenario()
            return trial.makeReport()
        } catch {
            return Report(
                seed: number,
                violations: ["the store failed: \(error)"],
                steps: 0,
                crashes: 0,
                executions: 0
            )
        }
    }

    private init(_ number: UInt64, _ log: @escaping (String) -> Void) throws {
        self.seed = number
        self.log = log
        generator = SeededGenerator(number ^ 0x5EED)
        machine = SimMachine(seed: number)
        store = try StateStore.inMemory()
        kernel = SimKernel(machine)
        reconciler = try Self.open(kernel, store, machine, log)
        scenario = Scenario(&generator)
        checker = OutcomeChecker()
    }

    private static func open(
        _ kernel: SimKernel,
        _ store: StateStore,
        _ machine: SimMachine,
        _ log: @escaping (String) -> Void
    ) throws -> Reconciler {
        let reconciler = try Reconciler(
            kernel: kernel,
            store: store,
            configuration: ReconcilerConfiguration(mode: .keep, directory: nil, requiresCore: false, actor: "sim")
        )
        reconciler.log = { log("\(machine.now.nanoseconds / 1000) \($0.level.rawValue) \($0.subject) \($0.text)") }
        reconciler.start()
        return reconciler
    }

    // MARK: The play

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
        // From here on everything works, and all must come to rest as it is declared.
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
        let rests = try runLoop(steps: 4000, mayCrash: false, quiet: .seconds(20))
        if !rests { checker.fail("did not come to rest") }
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

    /// A little, as time servers do, or a lot, as people do.
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

    /// Steps through the loop; between any two steps the reconciler may be killed, and the next one begins at the first.
    ///
    /// - Returns: whether it came to rest: nothing is waited for, or nothing but answers to questions that change nothing.
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

    /// The reconciler is killed where it stands; what it had not stored or done is gone.
    private mutating func crash() throws {
        log("\(machine.now.nanoseconds / 1000) kill -9")
        crashes += 1
        kernel = SimKernel(machine)
        machine.advanceTime(generator.milliseconds(0...150))
        reconciler = try Self.open(kernel, store, machine, log)
    }

    private mutating func reboot() throws {
        log("\(machine.now.nanoseconds / 1000) reboot")
        machine.reboot()
        try crash()
    }

    private func makeReport() -> Report {
        for (deed, moment) in machine.trace.actions { log("\(moment.nanoseconds / 1000) deed \(deed)") }
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
