public import HeroModel
public import HeroPlan
import HeroRandom
import HeroSim

/// A random input of the planner that follows from a seed.
public struct RandomPlanCase: Sendable {
    /// The desired state.
    public private(set) var desired = DesiredState()
    /// The observed state.
    public private(set) var observed = Observed(revision: 7)
    /// The options.
    public private(set) var options: PlanOptions

    /// Makes up to 60 services: declared and undeclared, in every state, changed, with records that may contradict
    /// them.
    public init(seed: UInt64) {
        var generator = SeededGenerator(seed)
        let largest = [4, 8, 16, 60][generator.number(below: 4)]
        let count = 1 + generator.number(below: largest)
        let names = (0..<count).map { number in
            QualifiedName("s\(number)", context: generator.oneIn(6) ? "other" : "core")
        }
        options = Self.options(names, &generator)
        desired.settings.maxDisruption = generator.oneIn(6) ? generator.number(below: 4) : nil
        let declaredOrder = generator.shuffled(names)
        // Mostly the recorded order is the declared one; in some cases it has changed completely.
        let recordedOrder = generator.oneIn(4) ? generator.shuffled(names) : declaredOrder
        let isGarbage = generator.oneIn(8)
        let hasConflicts = generator.oneIn(4)
        let calm = generator.oneIn(3) ? 12 : 4
        for (index, name) in declaredOrder.enumerated() {
            var spec = Self.spec(name, below: declaredOrder[..<index], calm: calm, &generator)
            if hasConflicts && generator.oneIn(5) {
                spec.conflicts = generator.some(2, of: names).filter { $0 != name }
            }
            let isDeclared = !generator.oneIn(8)
            if isDeclared {
                let location = ManifestLocation(file: "services.d/\(name.name).yaml", line: 1, column: 7)
                desired.services[name] = Declared(spec, at: location)
            }
            if generator.oneIn(6) { observed.holders.append(Self.makeHolder(name, &generator)) }
            guard !generator.oneIn(5) || !isDeclared else { continue }
            var recorded = spec
            if generator.oneIn(calm) { Self.change(&recorded, &generator) }
            if recordedOrder != declaredOrder || isGarbage {
                let bound = isGarbage ? count : recordedOrder.firstIndex(of: name) ?? 0
                recorded = Self.withDependencies(recorded, among: recordedOrder[..<bound], &generator)
            }
            observed.services[name] = Self.record(recorded, calm: calm, &generator)
        }
        addStandalone(&generator)
        addHolds(&generator)
        addFiles(&generator)
        addOnce(&generator)
    }

    /// Gives some services files, of which some have changed, and some cannot be compared.
    private mutating func addFiles(_ generator: inout SeededGenerator) {
        guard generator.oneIn(3) else { return }
        let digests: [String?] = ["1", "2", "stat:1:1", nil]
        for name in observed.services.keys.sorted() where generator.oneIn(3) {
            let isShared = generator.oneIn(2)
            let path = "/etc/\(name.name).conf"
            if isShared {
                desired.services[name]?.spec.files = [path]
            } else if desired.services[name]?.spec.actions.isEmpty == false {
                desired.services[name]?.spec.actions[0].files = [path]
            }
            for index in desired.services[name]?.spec.actions.indices ?? 0..<0 where generator.oneIn(2) {
                guard desired.services[name]?.spec.actions[index].isProcess == true else { continue }
                desired.services[name]?.spec.actions[index].reload = .signal(Signal(number: 1))
            }
            // The same list of files was recorded, so only the content can differ.
            if let spec = desired.services[name]?.spec, generator.oneIn(2), var record = observed.services[name] {
                record.canonical = CanonicalSpec(spec)
                record.spec = record.spec == nil ? nil : spec
                observed.services[name] = record
            }
            let action = desired.services[name]?.spec.actions.first?.name ?? "main"
            let reference = ContentReference(path, .file)
            let content = ObservedContent(
                action: action,
                atStart: RecordedContent(reference, generator.pick(digests)),
                now: RecordedContent(reference, generator.pick(digests))
            )
            observed.services[name]?.contents = [content]
        }
    }

    /// Lets some one-shots run once; some have succeeded, and of some it is unknown.
    private mutating func addOnce(_ generator: inout SeededGenerator) {
        guard generator.oneIn(3) else { return }
        options.goesBack = generator.oneIn(5)
        observed.once.isLost = generator.oneIn(10)
        for name in desired.services.keys.sorted() {
            guard var spec = desired.services[name]?.spec, !spec.actions[0].isProcess, generator.oneIn(2) else {
                continue
            }
            spec.actions[0].runsOnce = true
            desired.services[name]?.spec = spec
            guard !generator.oneIn(3) else { continue }
            observed.once.insert(
                OnceRecord(
                    OnceRecord.Subject(service: name, action: "main"),
                    digest: OnceHistory.digest(of: spec.actions[0], in: spec),
                    generator.oneIn(2) ? .unknown : .succeeded,
                    time: WallTime(microseconds: 1)
                )
            )
        }
    }

    /// Holds some services, in some cases; some holds have ended, and some are recorded only.
    private mutating func addHolds(_ generator: inout SeededGenerator) {
        guard generator.oneIn(3) else { return }
        options.time = WallTime(microseconds: 1000)
        let names = Set(desired.services.keys).union(observed.services.keys).sorted()
        let times: [Int64] = [500, 2000, 3000]
        for name in names where generator.oneIn(3) {
            let hold = Hold(until: WallTime(microseconds: generator.pick(times)), reason: "freeze")
            desired.services[name]?.spec.hold = hold
            if generator.oneIn(2) { observed.services[name]?.hold = hold }
            if generator.oneIn(4) { observed.services[name]?.wanted = generator.pick(DesiredStatus.allCases) }
            if generator.oneIn(8) { observed.services[name]?.wanted = nil }
        }
    }

    /// Makes the plan, and verifies every invariant.
    public func verified() -> (plan: Plan, violations: [PlanViolation]) {
        PlanInvariants.planAndVerify(desired, observed, options)
    }

    private static func options(_ names: [QualifiedName], _ generator: inout SeededGenerator) -> PlanOptions {
        let downs: [PlanOptions.Down] = [.none, .none, .none, .none, .userServices, .allServices]
        return PlanOptions(
            prunes: !generator.oneIn(4),
            retriesFailed: !generator.oneIn(3),
            down: downs[generator.number(below: downs.count)],
            only: generator.oneIn(4) ? generator.some(3, of: names + [QualifiedName("ghost")]) : [],
            allowsReclaims: !generator.oneIn(4),
            allowsProtected: generator.oneIn(3),
            allowsDisruption: generator.oneIn(3)
        )
    }

    private static func spec(
        _ name: QualifiedName,
        below: ArraySlice<QualifiedName>,
        calm: Int,
        _ generator: inout SeededGenerator
    ) -> ServiceSpec {
        let isProcess = !generator.oneIn(4)
        var action = ActionSpec("main", .exec(["/bin/run"]), isProcess: isProcess)
        action.killsOthers = generator.oneIn(2)
        action.singleton = generator.oneIn(3)
        var spec = ServiceSpec(name, actions: [action])
        if generator.oneIn(calm) { spec.status = generator.pick(DesiredStatus.allCases) }
        if generator.oneIn(5) { spec.serviceClass = .system }
        spec.isProtected = generator.oneIn(8)
        spec.replacesExistingJobs = !generator.oneIn(4)
        return withDependencies(spec, among: below, &generator)
    }

    private static func withDependencies(
        _ spec: ServiceSpec,
        among names: ArraySlice<QualifiedName>,
        _ generator: inout SeededGenerator
    ) -> ServiceSpec {
        var spec = spec
        for name in generator.some(3, of: names) {
            let until: Requirement.Milestone = generator.oneIn(4) ? generator.pick(Requirement.Milestone.allCases) : .up
            spec.requirements.append(Requirement(name, until: until, cascades: !generator.oneIn(5)))
        }
        spec.after = generator.some(1, of: names)
        spec.wants = generator.some(1, of: names)
        return spec
    }

    private static func change(_ spec: inout ServiceSpec, _ generator: inout SeededGenerator) {
        switch generator.number(below: 7) {
        case 0: spec.actions[0].program = .exec(["/bin/run", "--old"])
        case 1: spec.actions[0].startTimeout = .seconds(7)
        case 2: spec.description = "old"
        case 3: spec.generation = generator.number(below: 3) - 1
        case 4: spec.status = .stop
        case 5: spec.conflicts = []
        default: spec.environment["KEY"] = .text("old")
        }
    }

    private static func record(_ spec: ServiceSpec, calm: Int, _ generator: inout SeededGenerator) -> ObservedService {
        let isProcess = spec.actions.contains(where: \.isProcess)
        var state: ServiceState = isProcess ? .running : .exited
        if generator.oneIn(calm) { state = generator.pick(ServiceState.allCases) }
        var isActive = [.starting, .running, .degraded, .backingOff, .stopping].contains(state)
        if generator.oneIn(20) { isActive.toggle() }
        var service = ObservedService(spec, state, isActive: isActive)
        if generator.oneIn(10) { service.drift = [.processGone(spec.name, "main", pid: 1)] }
        if generator.oneIn(10) { service.drift.append(.programReplaced(spec.name, "main", path: "/bin/run")) }
        if generator.oneIn(10) { service.notRunning = "process 1 is gone, and no reconciler is running" }
        let hasEnded = !isProcess && generator.oneIn(3)
        service.milestones = ReachedMilestones(hasStarted: isActive && generator.oneIn(3), hasEnded: hasEnded)
        if state == .running, generator.oneIn(10) { service.unhealthy = "its health probe fails" }
        return service
    }

    private static func makeHolder(_ name: QualifiedName, _ generator: inout SeededGenerator) -> ObservedHolder {
        ObservedHolder(
            service: name,
            action: "main",
            resource: .tcp(TCPEndpoint(port: 8080)),
            pid: Int32(100 + generator.number(below: 900)),
            exe: "/usr/sbin/other",
            isInstance: generator.oneIn(3),
            protection: generator.oneIn(4) ? .pidOne : nil
        )
    }

    private mutating func addStandalone(_ generator: inout SeededGenerator) {
        for number in 0..<generator.number(below: 5) {
            // Some have the name of a service.
            let name = QualifiedName(generator.oneIn(3) ? "s\(number)" : "t\(number)")
            var spec = ActionSpec(name.name, .exec(["/bin/once"]))
            if generator.oneIn(2) { spec.runOn = .apply }
            if generator.oneIn(2) { spec.schedule = Schedule(.every(.seconds(60))) }
            if !generator.oneIn(5) {
                desired.actions[name] = Declared(spec, at: ManifestLocation(file: "tasks.yaml", line: 1, column: 7))
            }
            guard !generator.oneIn(3) else { continue }
            switch generator.number(below: 5) {
            case 0: spec.program = .exec(["/bin/once", "--old"])
            case 1: spec.generation = generator.number(below: 3) - 1
            case 2: spec.description = "old"
            case 3: spec.runOn = .none
            default: break
            }
            observed.standalone[name] = ObservedStandalone(
                canonical: CanonicalSpec(standalone: spec),
                isActive: generator.oneIn(2),
                isScheduled: spec.schedule != nil && !generator.oneIn(3),
                requestedRun: generator.oneIn(6) ? .pending : generator.oneIn(5) ? .begun : .none,
                hasFailed: generator.oneIn(4)
            )
        }
    }
}
