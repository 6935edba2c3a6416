import HeroModel
import HeroPlan

/// Numbers from a seed, the same on every machine (SplitMix64; Steele, Lea and Flood 2014).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// True once in so many.
    mutating func oneIn(_ count: Int) -> Bool { Int.random(in: 0..<count, using: &self) == 0 }
}

extension World {
    /// A world of up to 60 services: declared and not, in every state, changed, with records that may contradict them.
    init(seed: UInt64) {
        self.init("")
        var dice = SeededGenerator(seed: seed)
        let largest = [4, 8, 16, 60][Int.random(in: 0..<4, using: &dice)]
        let count = Int.random(in: 1...largest, using: &dice)
        let names = (0..<count).map { number in
            QualifiedName("s\(number)", context: dice.oneIn(6) ? "other" : "core")
        }
        let declaredOrder = names.shuffled(using: &dice)
        // Mostly what is recorded is what is declared; some worlds were turned upside down since.
        let recordedOrder = dice.oneIn(4) ? names.shuffled(using: &dice) : declaredOrder
        let isGarbage = dice.oneIn(8)
        let calm = dice.oneIn(3) ? 12 : 4
        for (place, name) in declaredOrder.enumerated() {
            let spec = Self.spec(name, below: declaredOrder[..<place], calm: calm, &dice)
            let isDeclared = !dice.oneIn(8)
            if isDeclared {
                let file = SourcePlace(file: "services.d/\(name.name).yaml", line: 1, column: 7)
                desired.services[name] = Declared(spec, at: file)
            }
            guard !dice.oneIn(5) || !isDeclared else { continue }
            var recorded = spec
            if dice.oneIn(calm) { Self.change(&recorded, &dice) }
            if recordedOrder != declaredOrder || isGarbage {
                let bound = isGarbage ? count : recordedOrder.firstIndex(of: name) ?? 0
                recorded = Self.withDependencies(recorded, among: recordedOrder[..<bound], &dice)
            }
            observed.services[name] = Self.record(recorded, calm: calm, &dice)
        }
    }

    private static func spec(
        _ name: QualifiedName,
        below: ArraySlice<QualifiedName>,
        calm: Int,
        _ dice: inout SeededGenerator
    ) -> ServiceSpec {
        let isProcess = !dice.oneIn(4)
        var spec = ServiceSpec(name, actions: [ActionSpec("main", .exec(["/bin/run"]), isProcess: isProcess)])
        if dice.oneIn(calm) { spec.status = WantedStatus.allCases.randomElement(using: &dice) ?? .start }
        if dice.oneIn(5) { spec.serviceClass = .system }
        return withDependencies(spec, among: below, &dice)
    }

    private static func withDependencies(
        _ spec: ServiceSpec,
        among names: ArraySlice<QualifiedName>,
        _ dice: inout SeededGenerator
    ) -> ServiceSpec {
        func some(_ most: Int, _ dice: inout SeededGenerator) -> [QualifiedName] {
            let count = Int.random(in: 0...most, using: &dice)
            return Array(Set((0..<count).compactMap { _ in names.randomElement(using: &dice) })).sorted()
        }
        var spec = spec
        spec.requires = some(3, &dice)
        spec.after = some(1, &dice)
        spec.wants = some(1, &dice)
        return spec
    }

    private static func change(_ spec: inout ServiceSpec, _ dice: inout SeededGenerator) {
        switch Int.random(in: 0..<6, using: &dice) {
        case 0: spec.actions[0].program = .exec(["/bin/run", "--old"])
        case 1: spec.actions[0].startTimeout = .seconds(7)
        case 2: spec.description = "old"
        case 3: spec.generation = Int.random(in: -1...1, using: &dice)
        case 4: spec.status = .stop
        default: spec.environment["KEY"] = "old"
        }
    }

    private static func record(_ spec: ServiceSpec, calm: Int, _ dice: inout SeededGenerator) -> ObservedService {
        let isProcess = spec.actions.contains(where: \.isProcess)
        var state: ServiceState = isProcess ? .running : .exited
        if dice.oneIn(calm) { state = ServiceState.allCases.randomElement(using: &dice) ?? state }
        var isActive = [.starting, .running, .degraded, .backingOff, .stopping].contains(state)
        if dice.oneIn(20) { isActive.toggle() }
        var service = ObservedService(spec, state, isActive: isActive)
        if dice.oneIn(10) { service.drift = [Drift(service: spec.name, action: "main", text: "process 1 is gone")] }
        return service
    }

    /// Some options, mostly those of an apply.
    static func options(seed: UInt64) -> PlanOptions {
        var dice = SeededGenerator(seed: ~seed)
        let downs: [PlanOptions.Down] = [.none, .none, .none, .userServices, .allServices]
        return PlanOptions(
            prunes: !dice.oneIn(4),
            retriesFailed: !dice.oneIn(3),
            down: downs[Int.random(in: 0..<downs.count, using: &dice)]
        )
    }
}
