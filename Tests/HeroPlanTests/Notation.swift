import HeroModel
import HeroPlan

/// Worlds in a few words: one line for each service, what its file says before the colon, what is recorded after it.
///
///     db argv 2: running argv 1      declared with argv 2, running with argv 1
///     web requires db after log      declared, never up
///     ~old requires web: running     no manifest declares it, it was started as requiring web
///
/// What the record does not say otherwise is as declared. Words of both sides: `requires a,b`, `after`, `wants`, `status`,
/// `class`, `gen`, `agen` (the action's generation), `argv` (needs a restart), `limit` (in place), `text` (costs
/// nothing), `env`. After the colon: the state, `idle` or `active` where the state leaves it open, `drift`.
struct World {
    var desired = Desired()
    var observed = Observed(revision: 7)

    init(_ text: String) {
        for (index, line) in text.split(separator: "\n").enumerated() {
            add(String(line), number: index + 1)
        }
    }

    private mutating func add(_ line: String, number: Int) {
        let sides = line.split(separator: ":", maxSplits: 1).map { $0.split(separator: " ").map(String.init) }
        guard var declared = sides.first, !declared.isEmpty else { return }
        var word = declared.removeFirst()
        let isDeclared = !word.hasPrefix("~")
        if !isDeclared { word.removeFirst() }
        guard let name = QualifiedName(reference: word, in: "core") else { return }
        var spec = ServiceSpec(name, actions: [ActionSpec("main", .exec(["/bin/true", "1"]), isProcess: true)])
        Self.apply(&declared, to: &spec)
        if isDeclared {
            let place = SourcePlace(file: "services.d/\(name.name).yaml", line: 1, column: 7)
            let fields = ["status": 2, "requires": 3, "actions.main.exec": 4, "generation": 5]
            desired.services[name] = Declared(
                spec,
                at: place,
                fieldPlaces: fields.mapValues { SourcePlace(file: place.file, line: $0, column: 1) }
            )
        }
        guard sides.count > 1 else { return }
        var words = sides[1]
        guard let state = words.first.flatMap(ServiceState.init(rawValue:)) else { return }
        words.removeFirst()
        let flags = ["idle", "active", "drift"].filter(words.contains)
        words.removeAll { flags.contains($0) }
        var recorded = spec
        Self.apply(&words, to: &recorded)
        var isActive = [.starting, .running, .degraded, .backingOff, .stopping].contains(state)
        if flags.contains("idle") { isActive = false }
        if flags.contains("active") { isActive = true }
        observed.services[name] = ObservedService(recorded, state, isActive: isActive)
        if flags.contains("drift") {
            observed.services[name]?.drift = [.processGone(name, "main", pid: Int32(number))]
        }
    }

    private static func apply(_ words: inout [String], to spec: inout ServiceSpec) {
        var rest = words[...]
        while let key = rest.popFirst(), let value = rest.popFirst() {
            let names =
                value == "-"
                ? []
                : value.split(separator: ",").compactMap {
                    QualifiedName(reference: String($0), in: "core")
                }
            switch key {
            case "requires": spec.requires = names
            case "after": spec.after = names
            case "wants": spec.wants = names
            case "status": spec.status = WantedStatus(rawValue: value) ?? .start
            case "conflicts": spec.conflicts = names
            case "protect": spec.isProtected = value == "true"
            case "class": spec.serviceClass = ServiceClass(rawValue: value) ?? .user
            case "gen": spec.generation = Int(value) ?? 0
            case "agen": spec.actions[0].generation = Int(value) ?? 0
            case "argv": spec.actions[0].program = .exec(["/bin/true", value])
            case "limit": spec.actions[0].startTimeout = .seconds(Int(value) ?? 1)
            case "text": spec.description = value
            case "env": spec.environment["KEY"] = value == "-" ? nil : .text(value)
            default: preconditionFailure("unknown word \(key) in a test's world")
            }
        }
    }
}

extension Plan {
    /// One line for each change but `keep`: `± web cascade<db -1 +0` stops in wave 1 and starts in wave 0.
    var inShort: String {
        changes.filter { $0.action != .keep }.map { change in
            var words = [change.action.symbol, change.service.short, change.reason.code.rawValue]
            if let cause = change.cause { words[2] += "<" + cause.short }
            if !change.blockedBy.isEmpty {
                words[2] += "(" + change.blockedBy.map(\.short).joined(separator: ",") + ")"
            }
            if let wave = change.stopWave { words.append("-\(wave)") }
            if let wave = change.startWave { words.append("+\(wave)") }
            return words.joined(separator: " ")
        }.joined(separator: "\n")
    }

    /// The change of a service of context core.
    func change(_ name: String) -> Change? { changes.first { $0.service == QualifiedName(name) } }
}

extension QualifiedName {
    fileprivate var short: String { context == "core" ? name : description }
}
