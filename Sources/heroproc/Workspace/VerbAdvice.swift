import ArgumentParser
import HeroManifest
import HeroModel

/// A verb of other supervisors.
enum ImperativeVerb: String {
    case start
    case stop
    case restart
    case up
    case reload
    case kill
}

/// What to change in which file instead of a verb.
struct VerbAdvice {
    let workspace: Workspace
    let verb: ImperativeVerb

    /// One sentence for each name; without a name, what the verb would do to all services.
    func sentences(for names: [String]) -> [String] {
        guard !names.isEmpty else { return [generalSentence] }
        let read = try? workspace.readManifests(VariableOptions.parse([]))
        return names.map { sentence(for: $0, read?.result.desired) }
    }

    private var generalSentence: String {
        switch verb {
        case .start, .up: "`heroproc apply` starts everything that \(workspace.displayDirectory) declares"
        case .stop, .kill:
            "`heroproc down` stops everything; to stop one service, write `status: stop` into its manifest, "
                + "then run `heroproc apply`"
        case .restart:
            "to restart a service, raise `generation` in its manifest, then run `heroproc apply`; "
                + "`heroproc restart NAME` names the line"
        case .reload: "`heroproc apply` makes what has changed in \(workspace.displayDirectory) take effect"
        }
    }

    private func sentence(for argument: String, _ desired: DesiredState?) -> String {
        guard let desired else {
            return "\(generalSentence); the manifests cannot be read now: `heroproc validate` tells why"
        }
        guard let name = QualifiedName(reference: argument, in: QualifiedName.defaultContext) else {
            return "`\(argument)` is not the name of a service; \(generalSentence)"
        }
        if let service = desired.services[name] { return sentence(for: name, service, service.spec.generation) }
        if let action = desired.actions[name], action.spec.isStandalone { return sentence(for: name, action) }
        let near = Suggestion.nearest(name.displayName, desired.services.keys.sorted().map(\.displayName))
        let help = near.map { "did you mean `\($0)`?" } ?? "`heroproc status` lists all services"
        return "there is no service \(name.displayName) in \(workspace.displayDirectory); \(help)"
    }

    private func sentence(for name: QualifiedName, _ service: Declared<ServiceSpec>, _ generation: Int) -> String {
        let label = name.displayName
        switch verb {
        case .start, .up:
            guard service.spec.status != .start else {
                let place = place(of: nil, in: service)
                return "\(label) is declared with `status: start` in \(place); `heroproc apply` starts it"
            }
            return "to start \(label), \(change("status", "start", service)), then run `heroproc apply`"
        case .stop: return "to stop \(label), \(change("status", "stop", service)), then run `heroproc apply`"
        case .kill:
            return "to stop \(label), \(change("status", "stop", service)), then run `heroproc apply`; "
                + "what still runs after its `stop.timeout` is killed"
        case .restart: return "to restart \(label), \(raise(service, generation)), then run `heroproc apply`"
        case .reload:
            return "`heroproc apply` makes what has changed in \(place(of: nil, in: service)) take effect; "
                + "to restart \(label) nevertheless, \(raise(service, generation))"
        }
    }

    private func sentence(for name: QualifiedName, _ action: Declared<ActionSpec>) -> String {
        let label = name.displayName
        switch verb {
        case .start, .up, .restart, .reload:
            return "to run \(label) again, \(raise(action, action.spec.generation)), then run `heroproc apply`"
        case .stop, .kill:
            let key = action.spec.schedule == nil ? "run_on" : "schedule"
            return "to run \(label) no more, remove `\(key)` in \(place(of: key, in: action)), "
                + "then run `heroproc apply`"
        }
    }

    private func raise<Spec>(_ declared: Declared<Spec>, _ generation: Int) -> String {
        let next = generation < .max ? generation + 1 : generation
        guard declared.fieldLocations["generation"] != nil else {
            return "write `generation: \(next)` below `name` in \(place(of: nil, in: declared))"
        }
        return "raise `generation: \(generation)` in \(place(of: "generation", in: declared))"
    }

    private func change(_ key: String, _ value: String, _ service: Declared<ServiceSpec>) -> String {
        guard service.fieldLocations[key] != nil else {
            return "write `\(key): \(value)` below `name` in \(place(of: nil, in: service))"
        }
        return "change it to `\(key): \(value)` in \(place(of: key, in: service))"
    }

    /// The file and line of a field, or of the name.
    private func place<Spec>(of field: String?, in declared: Declared<Spec>) -> String {
        let location = field.map { declared.location(of: $0) } ?? declared.location
        return "\(location.file):\(location.line)"
    }
}
