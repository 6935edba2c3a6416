import HeroKernel
import HeroModel
import HeroSim
import HeroStore

@testable import HeroReconciler

/// The parts of a reconciler without its loop, on a simulated machine, for the tests of single parts.
final class ReconcilerParts {
    let machine = SimMachine(seed: 1)
    let kernel: SimKernel
    let store: StateStore
    let state = RuntimeState()
    let journal: TurnJournal
    let reporter: ApplyReporter
    let storeHealth: StoreHealth
    let jobs: JobController
    let waves: WaveExecutor
    let cleanup: JobCleanup

    init() throws {
        machine.isFaultFree = true
        kernel = SimKernel(machine)
        store = try StateStore.inMemory()
        journal = TurnJournal(clock: kernel)
        reporter = ApplyReporter(clock: kernel, journal: journal)
        storeHealth = StoreHealth(
            store: store,
            kernel: kernel,
            state: state,
            journal: journal,
            recreateStateDirectory: { true }
        )
        jobs = JobController(kernel: kernel, state: state, journal: journal, storeHealth: storeHealth)
        waves = WaveExecutor(
            state: state,
            journal: journal,
            jobs: jobs,
            reporter: reporter,
            storeHealth: storeHealth,
            clock: kernel
        )
        cleanup = JobCleanup(clock: kernel, state: state, journal: journal, storeHealth: storeHealth)
        jobs.onChange = { [unowned self] job in
            if let service = job.service { waves.advance(service) }
        }
    }

    /// Adds a service without jobs.
    @discardableResult
    func addService(_ name: String, requires: [String] = [], state serviceState: ServiceState) -> ServiceEntry {
        var spec = ServiceSpec(
            QualifiedName(name),
            actions: [ActionSpec("run", .exec(["sim", "steady"]), isProcess: true)]
        )
        spec.requires = requires.map { QualifiedName($0) }
        let entry = ServiceEntry(
            ServiceRecord(
                spec: spec,
                canonical: CanonicalSpec(spec),
                state: serviceState,
                since: kernel.wallTime(),
                run: nil,
                revision: 1,
                isStartRequested: serviceState != .stopped
            )
        )
        state.services[entry.name] = entry
        return entry
    }

    /// Performs the effects that replies are, and removes the others.
    func takeReplies() -> [ControlReply] {
        var replies: [ControlReply] = []
        while let effect = journal.effects.takeFirst() {
            if case .reply(_, let reply, isLast: _) = effect { replies.append(reply) }
        }
        return replies
    }

    /// The texts of the recorded events that are not committed yet.
    var events: [String] {
        journal.rows.changes.compactMap { change in
            guard case .event(let event) = change else { return nil }
            return event.text
        }
    }
}
