internal import HeroModel

extension ManifestSet {
    /// The desired state of a set without errors.
    func assembled() -> Desired {
        var desired = Desired()
        desired.services.reserveCapacity(services.count)
        for number in services.indices {
            let declared = service(number)
            desired.services[declared.spec.name] = declared
        }
        for draft in actions {
            let source = source(draft.file)
            var places: [String: SourcePlace] = Dictionary(minimumCapacity: draft.written.count)
            for field in draft.written { places[field.path] = source.place(field.span) }
            desired.actions[draft.name] = Declared(draft.spec, at: source.place(draft.span), fieldPlaces: places)
        }
        if let required = settings.first?.required { desired.settings.required = required.map(\.name) }
        return desired
    }

    private func service(_ number: Int) -> Declared<ServiceSpec> {
        let own = source(services[number].file)
        var spec = services[number].spec
        spec.actions.reserveCapacity(usedActions[number].count)
        var places: [String: SourcePlace] = Dictionary(minimumCapacity: 48)
        for field in services[number].written { places[field.path] = own.place(field.span) }
        for used in usedActions[number] {
            let action = draft(of: used, in: number)
            spec.actions.append(action.spec)
            let name = "actions." + action.spec.name
            places[name] = own.place(span(of: used, in: number))
            // A field of an action document is written there, not where the service names it.
            let source = source(action.file)
            let prefix = name + "."
            for field in action.written { places[prefix + field.path] = source.place(field.span) }
        }
        return Declared(spec, at: own.place(services[number].span), fieldPlaces: places)
    }
}
