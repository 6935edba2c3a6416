public import HeroModel
public import HeroPlan
import HeroSim

/// One planning made from a number: what is wanted, what is there, what is asked, and the judgement of the plan.
public struct RandomPlanCase: Sendable {
    /// What the manifests say.
    public private(set) var desired = DesiredState()
    /// What is there.
    public private(set) var observed = Observed(revision: 7)
    /// What else is asked.
    public let options: PlanOptions

    /// Up to 60 services: declared and not, in every state, changed, with records that may contradict them.
    public init(seed: UInt64) {
        var dice = SeededGenerator(seed)
        let largest = [4, 8, 16, 60][dice.number(below: 4)]
        let count = 1 + dice.number(below: largest)
        let names = (0..<count).map { number in
            QualifiedName("s\(number)", context: dice.oneIn(6) ? "other" : "core")
        }
        options = Self.options(names, &dice)
        desired.settings.maxDisruption = dice.oneIn(6) ? dice.number(below: 4) : nil
        let declaredOrder = dice.shuffled(names)
        // Mostly what is recorded is what is declared; some worlds were turned upside down since.
        let recordedOrder = dice.oneIn(4) ? dice.shuffled(names) : declaredOrder
        let isGarbage = dice.oneIn(8)
        let hasConflicts = dice.oneIn(4)
        let calm = dice.oneIn(3) ? 12 : 4
        for (place, name) in declaredOrder.enumerated() {
            var spec = Self.spec(name, below: declaredOrder[..<place], calm: calm, &dice)
            if hasConflicts && dice.oneIn(5) { spec.conflicts = dice.some(2, of: names).filter { $0 != name } }
            let isDeclared = !dice.oneIn(8)
            if isDeclared {
                let file = ManifestLocation(file: "services.d/\(name.name).yaml", line: 1, column: 7)
                desired.services[name] = Declared(spec, at: file)
            }
            if dice.oneIn(6) { observed.holders.append(Self.makeHolder(name, &dice)) }
            guard !dice.oneIn(5) || !isDeclared else { continue }
            var recorded = spec
            if dice.oneIn(calm) { Self.change(&recorded, &dice) }
            if recordedOrder != declaredOrder || isGarbage {
                let bound = isGarbage ? count : recordedOrder.firstIndex(of: name) ?? 0
                recorded = Self.withDependencies(recorded, among: recordedOrder[..<bound], &dice)
            }
            observed.services[name] = Self.record(recorded, calm: calm, &dice)
        }
        addStandalone(&dice)
    }

    /// Plans, and asks every law.
    public func verified() -> (plan: Plan, violations: [PlanViolation]) {
        PlanInvariants.planAndVerify(desired, observed, options)
    }

    private static func options(_ names: [QualifiedName], _ dice: inout SeededGenerator) -> PlanOptions {
        let downs: [PlanOptions.Down] = [.none, .none, .none, .none, .userServices, .allServices]
        return PlanOptions(
            prunes: !dice.oneIn(4),
            retriesFailed: !dice.oneIn(3),
            down: downs[dice.number(below: downs.count)],
            only: dice.oneIn(4) ? dice.some(3, of: names + [QualifiedName("ghost")]) : [],
            allowsReclaims: !dice.oneIn(4),
            allowsProtected: dice.oneIn(3),
            allowsDisruption: dice.oneIn(3)
        )
    }

    private static func spec(
        _ name: QualifiedName,
        below: ArraySlice<QualifiedName>,
        calm: Int,
        _ dice: inout SeededGenerator
    ) -> ServiceSpec {
        let isProcess = !dice.oneIn(4)
        var action = ActionSpec("main", .exec(["/bin/run"]), isProcess: isProcess)
        action.killsOthers = dice.oneIn(2)
        action.singleton = dice.oneIn(3)
        var spec = ServiceSpec(name, actions: [action])
        if dice.oneIn(calm) { spec.status = dice.pick(DesiredStatus.allCases) }
        if dice.oneIn(5) { spec.serviceClass = .system }
        spec.isProtected = dice.oneIn(8)
        spec.replacesExistingJobs = !dice.oneIn(4)
        return withDependencies(spec, among: below, &dice)
    }

    private static func withDependencies(
        _ spec: ServiceSpec,
        among names: ArraySlice<QualifiedName>,
        _ dice: inout SeededGenerator
    ) -> ServiceSpec {
        var spec = spec
        spec.requires = dice.some(3, of: names)
        spec.after = dice.some(1, of: names)
        spec.wants = dice.some(1, of: names)
        return spec
    }

    private static func change(_ spec: inout ServiceSpec, _ dice: inout SeededGenerator) {
        switch dice.number(below: 7) {
        case 0: spec.actions[0].program = .exec(["/bin/run", "--old"])
        case 1: spec.actions[0].startTimeout = .seconds(7)
        case 2: spec.description = "old"
        case 3: spec.generation = dice.number(below: 3) - 1
        case 4: spec.status = .stop
        case 5: spec.conflicts = []
        default: spec.environment["KEY"] = .text("old")
        }
    }

    private static func record(_ spec: ServiceSpec, calm: Int, _ dice: inout SeededGenerator) -> ObservedService {
        let isProcess = spec.actions.contains(where: \.isProcess)
        var state: ServiceState = isProcess ? .running : .exited
        if dice.oneIn(calm) { state = dice.pick(ServiceState.allCases) }
        var isActive = [.starting, .running, .degraded, .backingOff, .stopping].contains(state)
        if dice.oneIn(20) { isActive.toggle() }
        var service = ObservedService(spec, state, isActive: isActive)
        if dice.oneIn(10) { service.drift = [.processGone(spec.name, "main", pid: 1)] }
        if dice.oneIn(10) { service.drift.append(.programReplaced(spec.name, "main", path: "/bin/run")) }
        if state == .running, dice.oneIn(10) { service.unhealthy = "its health probe fails" }
        return service
    }

    private static func makeHolder(_ name: QualifiedName, _ dice: inout SeededGenerator) -> ObservedHolder {
        ObservedHolder(
            service: name,
            action: "main",
            resource: .tcp(TCPEndpoint(port: 8080)),
            pid: Int32(100 + dice.number(below: 900)),
            exe: "/usr/sbin/other",
            isInstance: dice.oneIn(3),
            protection: dice.oneIn(4) ? .pidOne : nil
        )
    }

    private mutating func addStandalone(_ dice: inout SeededGenerator) {
        for number in 0..<dice.number(below: 5) {
            // Some carry the name of a service.
            let name = QualifiedName(dice.oneIn(3) ? "s\(number)" : "t\(number)")
            var spec = ActionSpec(name.name, .exec(["/bin/once"]))
            if dice.oneIn(2) { spec.runOn = .apply }
            if dice.oneIn(2) { spec.schedule = Schedule(.every(.seconds(60))) }
            if !dice.oneIn(5) {
                desired.actions[name] = Declared(spec, at: ManifestLocation(file: "tasks.yaml", line: 1, column: 7))
            }
            guard !dice.oneIn(3) else { continue }
            switch dice.number(below: 5) {
            case 0: spec.program = .exec(["/bin/once", "--old"])
            case 1: spec.generation = dice.number(below: 3) - 1
            case 2: spec.description = "old"
            case 3: spec.runOn = .none
            default: break
            }
            observed.standalone[name] = ObservedStandalone(
                canonical: CanonicalSpec(standalone: spec),
                isActive: dice.oneIn(2),
                isScheduled: spec.schedule != nil && !dice.oneIn(3),
                isRunPending: dice.oneIn(6)
            )
        }
    }
}
