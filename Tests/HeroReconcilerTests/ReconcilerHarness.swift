import HeroKernel
import HeroModel
import HeroReconciler
import HeroSim
import Testing

@testable import HeroStore

/// A reconciler with a database on a simulated machine without faults, for one test.
final class ReconcilerHarness {
    let machine: SimMachine
    let store: StateStore
    private(set) var kernel: SimKernel
    private(set) var reconciler: Reconciler
    private var requests: UInt64 = 0
    /// Whether a refused commit or request is expected.
    private var allowsRefusals = false
    /// The setting `settle` of all manifests.
    var settle = "0s"
    /// The text with which the last request was refused; nil when it was not.
    private(set) var refusal: String?

    private let maxStartsPerTurn: Int?

    init(seed: UInt64 = 1, maxStartsPerTurn: Int? = nil) throws {
        self.maxStartsPerTurn = maxStartsPerTurn
        machine = SimMachine(seed: seed)
        machine.isFaultFree = true
        store = try StateStore.inMemory()
        kernel = SimKernel(machine)
        reconciler = try Self.open(kernel, store, maxStartsPerTurn)
    }

    private static func open(
        _ kernel: SimKernel,
        _ store: StateStore,
        _ maxStartsPerTurn: Int?,
        _ safeMode: SafeMode? = nil
    ) throws -> Reconciler {
        var configuration = ReconcilerConfiguration(mode: .keep, directory: nil, requiresCore: false, actor: "test")
        configuration.safeMode = safeMode
        configuration.maxStartsPerTurn = maxStartsPerTurn ?? configuration.maxStartsPerTurn
        let reconciler = try Reconciler(kernel: kernel, store: store, configuration: configuration)
        reconciler.start()
        return reconciler
    }

    // MARK: Actions

    /// Applies manifests, and advances time.
    ///
    /// - Returns: the result of the apply; nil while it is in progress.
    @discardableResult
    func apply(
        _ manifests: String,
        only: [String] = [],
        then duration: Duration = .milliseconds(400)
    ) throws -> ApplyResult? {
        let text = "kind: Settings\nrequired: []\nsettle: \(settle)\n---\n" + manifests
        let file = ControlRequest.File(path: "sim.yaml", folder: "/etc/sim", text: text)
        var request = ControlRequest(.apply, directory: "/etc/sim", files: [file], actor: "test", requiresCore: false)
        request.only = only.map { QualifiedName($0) }
        return try send(request, then: duration)
    }

    @discardableResult
    func down(then duration: Duration = .milliseconds(400)) throws -> ApplyResult? {
        try send(ControlRequest(.down, directory: "/etc/sim", actor: "test"), then: duration)
    }

    /// Posts an apply without advancing time.
    func postApply(_ manifests: String) throws { try apply(manifests, then: .zero) }

    private func send(_ request: ControlRequest, then duration: Duration) throws -> ApplyResult? {
        requests += 1
        kernel.post(.requestReceived(RequestID(number: requests), ControlCoding.line(request)))
        guard duration > .zero else { return nil }
        try advance(duration)
        return try result()
    }

    /// The result of the last apply; nil while it is in progress.
    func result() throws -> ApplyResult? {
        for reply in kernel.replies where reply.request.number == requests {
            switch ControlCoding.reply(reply.message) {
            case .done(let result): return result
            case .refused(let text, _) where allowsRefusals:
                refusal = text
            case .refused(let text, let diagnostics):
                Issue.record("refused: \(text) \(diagnostics.map(\.message))")
            case .accepted, .progress, .settling, .cleaned, nil: break
            }
        }
        return nil
    }

    /// The details of all progress replies.
    var progress: [String] {
        kernel.replies.compactMap { reply in
            guard case .progress(_, _, let detail) = ControlCoding.reply(reply.message) else { return nil }
            return detail
        }
    }

    /// Runs the loop for some time.
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

    /// Runs a number of steps of the loop, so that it can be killed there.
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

    /// Kills a program from outside.
    func killProgram(_ process: ProcessIdentity) { #expect(kernel.signal(process, .kill)) }

    /// Kills the reconciler, advances time without one, and starts a new one.
    func crashReconciler(for duration: Duration = .zero, into safeMode: SafeMode? = nil) throws {
        kernel = SimKernel(machine)
        machine.advanceTime(duration)
        reconciler = try Self.open(kernel, store, maxStartsPerTurn, safeMode)
    }

    /// From now on, a request may be refused.
    func expectRefusals() { allowsRefusals = true }

    /// Posts a change of the services directory.
    func touchFiles() { kernel.post(.filesChanged) }

    /// From now on, the database refuses writes with this error; nil: it takes them.
    func failStore(_ kind: StoreError.Kind?) {
        store.injectedError = kind.map { StoreError($0, "no luck: \($0.rawValue)") }
        allowsRefusals = true
    }

    /// Kills the reconciler, empties the database, and starts a new reconciler.
    func crashWithoutDatabase() throws {
        store.injectedError = nil
        try store.recreate(because: "it was lost", at: machine.wallTime)
        try crashReconciler()
    }

    // MARK: State

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

    /// The texts of the events of a subject, oldest first.
    func events(_ subject: String) throws -> [String] {
        try store.reader.events().filter { $0.subject == subject }.map(\.text)
    }

    /// How often a shim of a label was launched, successfully or not.
    func launches(_ label: String) -> Int {
        machine.trace.actions.filter { action, _ in
            guard case .launched(_, let launched) = action else { return false }
            return launched == label
        }.count
    }

    /// How often the program of a label was executed.
    func executions(_ label: String) -> Int { machine.trace.executions.filter { $0.label == label }.count }
}

extension JobRecord {
    /// A sample: job 7 of the action `server` in the service `web`.
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
