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
            let name = QualifiedName(draft.spec.name, context: draft.context)
            let source = source(draft.file)
            var places: [String: SourcePlace] = Dictionary(minimumCapacity: draft.written.count)
            for field in draft.written { places[field.path] = source.place(field.span) }
            desired.actions[name] = Declared(draft.spec, at: source.place(draft.span), fieldPlaces: places)
        }
        if let required = settings.first?.required { desired.settings.required = required.map(\.name) }
        return desired
    }

    private func service(_ number: Int) -> Declared<ServiceSpec> {
        let draft = services[number]
        let used = usedActions[number]
        let own = source(draft.file)
        var spec = draft.spec
        spec.actions = used.map(\.draft.spec)
        let count = used.reduce(draft.written.count) { $0 + $1.draft.written.count + 1 }
        var places: [String: SourcePlace] = Dictionary(minimumCapacity: count)
        for field in draft.written { places[field.path] = own.place(field.span) }
        for action in used {
            let prefix = "actions." + action.draft.spec.name
            places[prefix] = own.place(action.reference ?? action.draft.span)
            // A field of an action document is written there, not where the service names it.
            let source = source(action.draft.file)
            for field in action.draft.written { places[prefix + "." + field.path] = source.place(field.span) }
        }
        return Declared(spec, at: own.place(draft.span), fieldPlaces: places)
    }
}
