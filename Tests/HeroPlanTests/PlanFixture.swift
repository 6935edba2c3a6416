import HeroModel
import HeroPlan

/// A desired and an observed state in short notation: one line per service, `declared words: recorded words`.
///
///     db argv 2: running argv 1      declared with argv 2, running with argv 1
///     web requires db after log      declared, never started
///     ~old requires web: running     declared by no manifest; it required web when it was started
///
/// Fields without a recorded word are recorded as declared. After the colon: the state, `idle` or `active` where the
/// state leaves that open, and `drift`. The words of both sides are those of `SpecNotation`.
struct PlanFixture {
    var desired = DesiredState()
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
        var spec = SpecNotation.service(name)
        SpecNotation.apply(declared, to: &spec)
        if isDeclared { desired.services[name] = SpecNotation.declared(spec) }
        guard sides.count > 1 else { return }
        var words = sides[1]
        guard let state = words.first.flatMap(ServiceState.init(rawValue:)) else { return }
        words.removeFirst()
        let flags = ["idle", "active", "drift", "executed", "ended"].filter(words.contains)
        words.removeAll { flags.contains($0) }
        var recorded = spec
        SpecNotation.apply(words, to: &recorded)
        observed.services[name] = ObservedService(recorded, state, flags)
        observed.services[name]?.hold = recorded.hold
        if flags.contains("drift") {
            observed.services[name]?.drift = [.processGone(name, "main", pid: Int32(number))]
        }
    }
}

extension ObservedService {
    /// The record of a service in a state; `idle` and `active` set what the state leaves open, `executed` and `ended`
    /// what it has reached.
    init(_ spec: ServiceSpec, _ state: ServiceState, _ flags: [String]) {
        var isActive = [.starting, .running, .degraded, .backingOff, .stopping].contains(state)
        if flags.contains("idle") { isActive = false }
        if flags.contains("active") { isActive = true }
        self.init(spec, state, isActive: isActive)
        milestones = ReachedMilestones(hasStarted: flags.contains("executed"), hasEnded: flags.contains("ended"))
    }
}

extension Plan {
    /// Every change except keeps, one line each: symbol, service, reason code with its cause or blockers, waves.
    var compactText: String {
        changes.filter { $0.action != .keep }.map { change in
            var words = [change.action.symbol, change.service.shortName, change.reason.code.rawValue]
            if let cause = change.cause { words[2] += "<" + cause.shortName }
            if !change.blockedBy.isEmpty {
                words[2] += "(" + change.blockedBy.map(\.shortName).joined(separator: ",") + ")"
            }
            if let wave = change.stopWave { words.append("-\(wave)") }
            if let wave = change.startWave { words.append("+\(wave)") }
            return words.joined(separator: " ")
        }.joined(separator: "\n")
    }

    /// The change of a service of context core.
    func change(_ name: String) -> Change? {
        changes.first { $0.service == QualifiedName(name) && !$0.isStandalone }
    }
}

extension QualifiedName {
    fileprivate var shortName: String { context == "core" ? name : description }
}
