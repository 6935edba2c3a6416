import HeroKernel
import HeroModel
import HeroReconciler
import HeroSim
import Testing

@testable import HeroStore

/// The real loop and the real store on a simulated machine where everything works, for one test.
final class ReconcilerHarness {
    let machine: SimMachine
    let store: StateStore
    private(set) var kernel: SimKernel
    private(set) var reconciler: Reconciler
    private var requests: UInt64 = 0
    /// Whether rows and requests may be refused.
    private var allowsRefusals = false
    /// What the last request was refused with.
    private(set) var refusal: String?

    init(seed: UInt64 = 1) throws {
        machine = SimMachine(seed: seed)
        machine.isFaultFree = true
        store = try StateStore.inMemory()
        kernel = SimKernel(machine)
        reconciler = try Self.open(kernel, store)
    }

    private static func open(
        _ kernel: SimKernel,
        _ store: StateStore,
        _ safeMode: SafeMode? = nil
    ) throws -> Reconciler {
        var configuration = ReconcilerConfiguration(mode: .keep, directory: nil, requiresCore: false, actor: "test")
        configuration.safeMode = safeMode
        let reconciler = try Reconciler(kernel: kernel, store: store, configuration: configuration)
        reconciler.start()
        return reconciler
    }

    // MARK: What is done

    /// Applies manifests, and lets time pass.
    ///
    /// - Returns: how the apply ended; nil while it goes on.
    @discardableResult
    func apply(_ manifests: String, then duration: Duration = .milliseconds(400)) throws -> ApplyResult? {
        let text = "kind: Settings\nrequired: []\n---\n" + manifests
        let file = ControlRequest.File(path: "sim.yaml", folder: "/etc/sim", text: text)
        return try send(
            ControlRequest(.apply, directory: "/etc/sim", files: [file], actor: "test", requiresCore: false),
            then: duration
        )
    }

    @discardableResult
    func down(then duration: Duration = .milliseconds(400)) throws -> ApplyResult? {
        try send(ControlRequest(.down, directory: "/etc/sim", actor: "test"), then: duration)
    }

    /// Asks for an apply, and lets nothing happen yet.
    func postApply(_ manifests: String) throws { try apply(manifests, then: .zero) }

    private func send(_ request: ControlRequest, then duration: Duration) throws -> ApplyResult? {
        requests += 1
        kernel.post(.requestReceived(RequestID(number: requests), ControlCoding.line(request)))
        guard duration > .zero else { return nil }
        try advance(duration)
        return try result()
    }

    /// How the last apply ended; nil while it goes on.
    func result() throws -> ApplyResult? {
        for reply in kernel.replies where reply.request.number == requests {
            switch ControlCoding.reply(reply.message) {
            case .done(let result): return result
            case .refused(let text, _) where allowsRefusals:
                refusal = text
            case .refused(let text, let diagnostics):
                Issue.record("refused: \(text) \(diagnostics.map(\.message))")
            case .accepted, .progress, .cleaned, nil: break
            }
        }
        return nil
    }

    /// Lets the loop live for a while.
    func advance(_ duration: Duration) throws {
        let end = machine.now + duration
        while true {
            reconciler.prepareTurn()
            try #require(reconciler.commitTurn() || allowsRefusals)
            while reconciler.performNextEffect() {}
            let next = reconciler.nextDeadline.map { min($0, end) } ?? end
            let events = kernel.nextEvents(until: next)
            reconciler.handle(events)
            reconciler.handleDueDeadlines()
            if events.isEmpty, machine.now >= end { return }
        }
    }

    /// Lets the loop do so many of its steps, and no more: a place to kill it at.
    func runSteps(_ count: Int) throws {
        var left = count
        func isOver() -> Bool {
            left -= 1
            return left <= 0
        }
        while true {
            reconciler.prepareTurn()
            if isOver() { return }
            try #require(reconciler.commitTurn())
            if isOver() { return }
            while reconciler.performNextEffect() { if isOver() { return } }
            let next = reconciler.nextDeadline.map { min($0, machine.now + .milliseconds(50)) }
            reconciler.handle(kernel.nextEvents(until: next ?? machine.now + .milliseconds(50)))
            if isOver() { return }
            reconciler.handleDueDeadlines()
        }
    }

    /// Kills a program, as somebody else would.
    func killProgram(_ process: ProcessIdentity) { #expect(kernel.signal(process, .kill)) }

    /// Kills the reconciler, lets time pass without one, and starts the next.
    func crashReconciler(for duration: Duration = .zero, into safeMode: SafeMode? = nil) throws {
        kernel = SimKernel(machine)
        machine.advanceTime(duration)
        reconciler = try Self.open(kernel, store, safeMode)
    }

    /// From here on requests may be refused.
    func expectRefusals() { allowsRefusals = true }

    /// Something has changed in the services directory.
    func touchFiles() { kernel.post(.filesChanged) }

    /// From here on the database refuses what is written; nil: it takes it again.
    func failStore(_ kind: StoreError.Kind?) {
        store.injectedError = kind.map { StoreError($0, "no luck: \($0.rawValue)") }
        allowsRefusals = true
    }

    /// Kills the reconciler, loses all that the database knows, and starts the next.
    func crashWithoutDatabase() throws {
        store.injectedError = nil
        try store.recreate(because: "it was lost", at: machine.wallTime)
        try crashReconciler()
    }

    // MARK: What is there

    /// The jobs of a standalone action, or of a service, oldest first.
    func jobs(_ action: String? = nil, of service: String? = nil) throws -> [JobRecord] {
        try store.reader.jobs(JobFilter(service: service, action: action)).reversed()
    }

    func phases(_ action: String) throws -> [JobPhase] { try jobs(action).map(\.phase) }

    func standalone(_ name: String) throws -> StandaloneSummary? {
        try store.reader.standaloneSummaries().first { $0.name.name == name }
    }

    func state(_ service: String) throws -> ServiceState? {
        try store.reader.serviceSummaries().first { $0.name.name == service }?.state
    }

    /// The texts of the events about a subject, oldest first.
    func events(_ subject: String) throws -> [String] {
        try store.reader.events().filter { $0.subject == subject }.map(\.text)
    }

    /// How often a label's program was executed.
    func executions(_ label: String) -> Int { machine.trace.executions.filter { $0.label == label }.count }
}

extension JobRecord {
    /// The job 7, of the action `server` of the service `web`: for tests that need one and do not mind which.
    static let sample = JobRecord(
        id: 7,
        context: "core",
        service: "web",
        action: "server",
        run: 1,
        revision: 1,
        tags: [],
        createdAt: WallTime(microseconds: 0)
    )
}
