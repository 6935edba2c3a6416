import HeroJSON
import HeroModel

/// The methods of hero_proc that command instead of declaring: they exist no more, and their error names the remedy.
enum RetiredMethods {
    /// The remedy for each method.
    private static let remedies: [String: Remedy] = [
        "service.start": .key("status: start"),
        "service.stop": .key("status: stop"),
        "service.restart": .generation,
        "service.kill": .key("status: stop"),
        "service.set": .manifest,
        "service.delete": .removal,
        "service.start_all": .sentence("set `status: start` in the manifests, then apply"),
        "service.stop_all": .sentence("run `heroproc down`, or set `status: stop` in the manifests and apply"),
        "action.set": .manifest,
        "action.delete": .removal,
        "job.create": .sentence("declare `kind: Action` with a `schedule` in a manifest, then apply"),
        "job.cancel": .sentence("set `status: stop` in the manifest of its service, then apply"),
        "job.retry": .sentence("raise `generation` in the manifest of its service, then apply"),
        "job.delete": .sentence("call `jobs.cleanup` with a tag"),
    ]

    private enum Remedy {
        case key(String)
        case generation
        case manifest
        case removal
        case sentence(String)
    }

    /// The sentence for a retired method; nil for any other name.
    static func answer(_ method: String, _ params: JSONValue?, _ data: ServerData) -> String? {
        guard let remedy = method.hasPrefix("quick_service.") ? .manifest : remedies[method] else { return nil }
        return "\(method) does not exist, because the manifests declare the services: \(sentence(remedy, params, data))"
    }

    private static func sentence(_ remedy: Remedy, _ params: JSONValue?, _ data: ServerData) -> String {
        let place = place(params, data)
        return switch remedy {
        case .key(let key): "set `\(key)` in \(place), then apply"
        case .generation: "raise `generation` in \(place), then apply"
        case .manifest: "edit \(place), then apply"
        case .removal: "remove the document from \(place), then apply"
        case .sentence(let text): text
        }
    }

    /// The file and line of the manifest that the parameters name.
    private static func place(_ params: JSONValue?, _ data: ServerData) -> String {
        for key in ["name", "service", "service_id", "action"] {
            guard case .string(let text) = params?[key], let name = QualifiedName(reference: text, in: "core") else {
                continue
            }
            if let report = try? data.why(name), case .string(let place) = report["at"] { return place }
            return "the manifest of \(name)"
        }
        return "its manifest"
    }
}
