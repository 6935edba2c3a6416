internal import HeroModel

extension ManifestSet {
    /// The desired state of a set without errors.
    func assembled() -> Desired {
        var desired = Desired(settings: settings.first?.settings ?? Settings())
        let defaults = defaultPlaces
        desired.services.reserveCapacity(services.count)
        for number in services.indices {
            let declared = service(number, desired.settings, defaults)
            desired.services[declared.spec.name] = declared
        }
        for draft in actions {
            let source = source(draft.file)
            var places = FieldPlaces()
            if let defaults { places.add(defaults.entries, in: defaults.file) }
            places.add(draft.written.map(\.entry), in: source.file.path)
            desired.actions[draft.name] = Declared(
                draft.spec(under: desired.settings),
                at: source.place(draft.span),
                places: places
            )
        }
        return desired
    }

    /// Where the settings say what actions do that say nothing themselves, by the field of an action.
    private var defaultPlaces: DefaultPlaces? {
        guard let settings = settings.first, !settings.defaultPlaces.isEmpty else { return nil }
        return DefaultPlaces(
            file: source(settings.file).file.path,
            entries: settings.defaultPlaces.map(\.entry)
        )
    }

    /// The fields of `defaults` as fields of an action, and the file they are written in.
    private struct DefaultPlaces {
        var file: String
        var entries: [FieldPlaces.Entry]
    }

    private func service(
        _ number: Int,
        _ settings: Settings,
        _ defaults: DefaultPlaces?
    ) -> Declared<ServiceSpec> {
        let own = source(services[number].file)
        var spec = services[number].spec
        spec.actions.reserveCapacity(usedActions[number].count)
        var places = FieldPlaces()
        var written = services[number].written.map(\.entry)
        for used in usedActions[number] {
            let action = draft(of: used, in: number)
            spec.actions.append(action.spec(under: settings))
            let name = "actions." + action.spec.name
            written.append(Written(path: name, span: span(of: used, in: number)).entry)
            let prefix = name + "."
            if let defaults { places.add(defaults.entries, in: defaults.file, prefix: prefix) }
            // A field of an action document is written there, not where the service names it.
            places.add(action.written.map(\.entry), in: source(action.file).file.path, prefix: prefix)
        }
        places.add(written, in: own.file.path)
        return Declared(spec, at: own.place(services[number].span), places: places)
    }
}
