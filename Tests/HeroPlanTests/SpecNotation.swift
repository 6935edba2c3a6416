import HeroModel

/// Manifests in short notation: pairs of a key and a value, such as `requires a,b status stop argv 2`.
///
/// `-` is the empty list or no value. `argv` needs a restart, `keep` (of the log) takes effect at the next start, `limit`
/// takes effect in place, `text` costs nothing, `agen` is the action's generation, `once` makes the action a one-shot,
/// `run_once` one with `once: true`, and `shared_port` is a port with `reuseport: true`. All other keys are those of
/// manifests.
enum SpecNotation {
    /// A service that runs a program with the name of the service.
    static func service(_ name: QualifiedName) -> ServiceSpec {
        ServiceSpec(name, actions: [ActionSpec("main", .exec([program(name), "--level", "1"]), isProcess: true)])
    }

    /// A standalone action that runs a program with the name of the action.
    static func action(_ name: QualifiedName) -> ActionSpec {
        ActionSpec(name.name, .exec([program(name), "--level", "1"]))
    }

    private static func program(_ name: QualifiedName) -> String { "/usr/bin/\(name.name)" }

    static func apply(_ words: [String], to spec: inout ServiceSpec) {
        for (key, value) in pairs(words) {
            let names = names(value)
            switch key {
            case "requires": spec.requirements = requirements(value)
            case "after": spec.after = names
            case "wants": spec.wants = names
            case "conflicts": spec.conflicts = names
            case "replace": spec.replacesExistingJobs = value == "true"
            case "protect": spec.isProtected = value == "true"
            case "status": spec.status = DesiredStatus(rawValue: value) ?? .start
            case "class": spec.serviceClass = ServiceClass(rawValue: value) ?? .user
            case "gen": spec.generation = Int(value) ?? 0
            case "text": spec.description = value
            case "hold":
                spec.hold = Int64(value).map { Hold(until: WallTime(microseconds: $0 * 1_000_000), reason: "freeze") }
            case "shared_files": spec.files = value.split(separator: ",").map(String.init)
            case "tags": spec.tags = value == "-" ? [] : value.split(separator: ",").map(String.init)
            case "env": spec.environment["KEY"] = value == "-" ? nil : .text(value)
            case "agen": apply(["gen", value], to: &spec.actions[0], of: spec.name)
            default: apply([key, value], to: &spec.actions[0], of: spec.name)
            }
        }
    }

    /// `db`, `db@started` with what must have been reached, `~db` without a cascade.
    private static func requirements(_ value: String) -> [Requirement] {
        value.split(separator: ",").filter { $0 != "-" }.compactMap { item in
            let parts = item.drop { $0 == "~" }.split(separator: "@")
            guard let name = parts.first.flatMap({ names($0).first }) else { return nil }
            let until = parts.dropFirst().first.flatMap { Requirement.Milestone(rawValue: String($0)) }
            return Requirement(name, until: until ?? .up, cascades: !item.hasPrefix("~"))
        }
    }

    static func apply(_ words: [String], to spec: inout ActionSpec, of name: QualifiedName) {
        for (key, value) in pairs(words) {
            switch key {
            case "argv": spec.program = .exec([program(name), "--level", value])
            case "script": spec.program = .script("exec \(name.name) --level \(value)\n", interpreter: nil)
            case "keep": spec.log.keep = Int(value) ?? 1
            case "link": spec.log.link = value
            case "reload": spec.reload = value == "true" ? .signal(Signal(number: 1)) : nil
            case "files": spec.files = value == "-" ? [] : value.split(separator: ",").map(String.init)
            case "folder": spec.folders = [Folder(value)]
            case "limit": spec.startTimeout = .seconds(Int(value) ?? 1)
            case "run_once":
                spec = ActionSpec(spec.name, spec.program)
                spec.runsOnce = value == "true"
            case "once": spec = ActionSpec(spec.name, spec.program, isProcess: value != "true")
            case "port", "shared_port":
                spec.tcpPorts = value.split(separator: ",").compactMap { TCPEndpoint(String($0)) }
                    .map { BoundPort($0, isShared: key == "shared_port") }
            case "socket": spec.sockets = [value]
            case "kill_others": spec.killsOthers = value == "true"
            case "singleton": spec.singleton = value == "true"
            case "strict_exec": spec.isStrict = value == "true"
            case "schedule": spec.schedule = Int(value).map { Schedule(.every(.seconds(60 * $0))) }
            case "run_on": spec.runOn = RunOn(rawValue: value) ?? .none
            case "gen": spec.generation = Int(value) ?? 0
            case "text": spec.description = value
            default: preconditionFailure("unknown word \(key) in a fixture")
            }
        }
    }

    static func declared(_ spec: ServiceSpec) -> Declared<ServiceSpec> {
        Declared(
            spec,
            at: location(spec.name, 1, 7),
            fieldLocations: locations(
                spec.name,
                [
                    "status": 2, "requires": 3, "generation": 5, "conflicts": 6, "protect": 7, "env": 8, "tags": 9,
                    "description": 10, "after": 11, "wants": 12, "class": 13, "actions.main.start_timeout": 16,
                    "actions.main.generation": 17, "actions.main.tcp_ports": 18, "actions.main.kill_others": 19,
                    "actions.main.singleton": 20, "actions.main.strict_exec": 21, "actions.main.log": 22,
                    "actions.main.folders": 23, "actions.main.exec": 4,
                    "actions.main.script": 4,
                ]
            )
        )
    }

    static func declared(_ spec: ActionSpec, _ name: QualifiedName) -> Declared<ActionSpec> {
        let lines = ["exec": 3, "schedule": 4, "run_on": 5, "generation": 6, "description": 7]
        return Declared(spec, at: location(name, 2, 7), fieldLocations: locations(name, lines))
    }

    static func names(_ value: some StringProtocol) -> [QualifiedName] {
        value == "-" ? [] : value.split(separator: ",").compactMap { QualifiedName(reference: String($0), in: "core") }
    }

    private static func pairs(_ words: [String]) -> [(String, String)] {
        stride(from: 0, to: words.count - 1, by: 2).map { (words[$0], words[$0 + 1]) }
    }

    private static func locations(_ name: QualifiedName, _ lines: [String: Int]) -> [String: ManifestLocation] {
        lines.mapValues { location(name, $0, 1) }
    }

    private static func location(_ name: QualifiedName, _ line: Int, _ column: Int) -> ManifestLocation {
        let folder = name.context == "core" ? "" : name.context + "/"
        return ManifestLocation(file: "services.d/\(folder)\(name.name).yaml", line: line, column: column)
    }
}
