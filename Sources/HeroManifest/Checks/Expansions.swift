internal import HeroModel

/// Checks that no `expand` of an environment uses another one.
extension ManifestSet {
    /// One layer of an environment, with the file and the spans of its variables.
    private struct Layer {
        var values: [String: EnvironmentValue]
        var file: Int
        var prefix: String
        var fields: [WrittenField]
    }

    /// A place that is reported once, although several actions use it.
    private struct Place: Hashable {
        var file: Int
        var span: Span
    }

    /// Reports each `expand` that uses a variable with an `expand` of its own.
    mutating func checkExpansions() {
        var reported: Set<Place> = []
        var base: [Layer] = []
        if let settings = settings.first, !settings.settings.execution.environment.isEmpty {
            base.append(
                Layer(
                    values: settings.settings.execution.environment,
                    file: settings.file,
                    prefix: "defaults.env.",
                    fields: settings.writtenFields
                )
            )
        }
        for index in services.indices {
            let service = services[index]
            let own = Layer(
                values: service.spec.environment,
                file: service.file,
                prefix: "env.",
                fields: service.writtenFields
            )
            for used in usedActions[index] {
                let action: ActionDraft
                switch used {
                case .inline(let number): action = service.inlineActions[number]
                case .document(let number, _): action = actions[number]
                }
                checkExpansions(base + [own, Self.layer(of: action)], &reported)
            }
        }
        for action in actions where action.spec.isStandalone {
            checkExpansions(base + [Self.layer(of: action)], &reported)
        }
    }

    private static func layer(of action: ActionDraft) -> Layer {
        Layer(values: action.spec.environment, file: action.file, prefix: "env.", fields: action.writtenFields)
    }

    private mutating func checkExpansions(_ layers: [Layer], _ reported: inout Set<Place>) {
        var weaker: [String: EnvironmentValue] = [:]
        var final: [String: (value: EnvironmentValue, weaker: EnvironmentValue?, layer: Layer)] = [:]
        for layer in layers {
            for (name, value) in layer.values { final[name] = (value, weaker[name], layer) }
            weaker.merge(layer.values) { $1 }
        }
        for (name, entry) in final.sorted(by: { $0.key < $1.key }) {
            guard case .expand(let text) = entry.value, let template = try? EnvironmentTemplate(text) else { continue }
            let other = template.names.first { used in
                let value = used == name ? entry.weaker : final[used]?.value
                if case .expand? = value { return true }
                return false
            }
            guard let other,
                let span = entry.layer.fields.first(where: { $0.path == entry.layer.prefix + name })?.span,
                reported.insert(Place(file: entry.layer.file, span: span)).inserted
            else { continue }
            report(
                .nestedExpansion,
                "the `expand` of `\(name)` uses `${\(other)}`, which has an `expand` of its own",
                help: "write the parts of `\(other)` here, because the order of variables has no meaning",
                in: entry.layer.file,
                at: span
            )
        }
    }
}
