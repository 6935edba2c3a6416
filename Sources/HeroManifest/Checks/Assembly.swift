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
            var places: [String: SourcePlace] = Dictionary(minimumCapacity: draft.written.count)
            for (path, place) in defaults { places[path] = place }
            for field in draft.written { places[field.path] = source.place(field.span) }
            desired.actions[draft.name] = Declared(
                draft.spec(under: desired.settings),
                at: source.place(draft.span),
                fieldPlaces: places
            )
        }
        return desired
    }

    /// Where the settings say what actions do that say nothing themselves, by the field of an action.
    private var defaultPlaces: [(path: String, place: SourcePlace)] {
        guard let settings = settings.first else { return [] }
        let source = source(settings.file)
        return settings.defaultPlaces.map { ($0.path, source.place($0.span)) }
    }

    private func service(
        _ number: Int,
        _ settings: Settings,
        _ defaults: [(path: String, place: SourcePlace)]
    ) -> Declared<ServiceSpec> {
        let own = source(services[number].file)
        var spec = services[number].spec
        spec.actions.reserveCapacity(usedActions[number].count)
        var places: [String: SourcePlace] = Dictionary(minimumCapacity: 48)
        for field in services[number].written { places[field.path] = own.place(field.span) }
        for used in usedActions[number] {
            let action = draft(of: used, in: number)
            spec.actions.append(action.spec(under: settings))
            let name = "actions." + action.spec.name
            places[name] = own.place(span(of: used, in: number))
            // A field of an action document is written there, not where the service names it.
            let source = source(action.file)
            let prefix = name + "."
            for (path, place) in defaults { places[prefix + path] = place }
            for field in action.written { places[prefix + field.path] = source.place(field.span) }
        }
        return Declared(spec, at: own.place(services[number].span), fieldPlaces: places)
    }
}
