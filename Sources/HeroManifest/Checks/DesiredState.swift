internal import HeroModel

extension ManifestSet {
    /// The desired state of a set without errors; takes the drafts apart, so that nothing is held twice.
    mutating func buildDesired() -> DesiredState {
        var desired = DesiredState(settings: settings.first?.settings ?? Settings())
        let defaults = defaultPlaces
        desired.services.reserveCapacity(services.count)
        for number in services.indices {
            let declared = buildService(number, desired.settings, defaults)
            desired.services[declared.spec.name] = declared
        }
        for draft in actions {
            let source = source(draft.file)
            var places = FieldLocations()
            if let defaults { places.add(defaults.entries, in: defaults.file) }
            places.add(draft.writtenFields, in: source.file.path)
            desired.actions[draft.name] = Declared(
                draft.spec(applyingDefaultsOf: desired.settings),
                at: source.place(draft.span),
                locations: places
            )
        }
        return desired
    }

    /// Where the settings say what actions do that say nothing themselves, by the field of an action.
    private var defaultPlaces: DefaultPlaces? {
        guard let settings = settings.first, !settings.defaultPlaces.isEmpty else { return nil }
        return DefaultPlaces(file: source(settings.file).file.path, entries: settings.defaultPlaces)
    }

    /// The fields of `defaults` as fields of an action, and the file they are written in.
    private struct DefaultPlaces {
        var file: String
        var entries: [FieldLocations.Entry]
    }

    private mutating func buildService(
        _ number: Int,
        _ settings: Settings,
        _ defaults: DefaultPlaces?
    ) -> Declared<ServiceSpec> {
        let used = usedActions[number]
        let draft = services[number]
        services[number] = ServiceDraft(file: draft.file, spec: Self.emptySpec, span: draft.span)
        let own = source(draft.file)
        var spec = draft.spec
        spec.actions.reserveCapacity(used.count)
        var places = FieldLocations(capacity: used.count + 1)
        var written = draft.writtenFields
        written.reserveCapacity(written.count + used.count)
        for used in used {
            let action: ActionDraft
            let span: Span
            switch used {
            case .inline(let number):
                action = draft.inlineActions[number]
                span = action.span
            case .document(let number, let reference):
                action = actions[number]
                span = reference
            }
            spec.actions.append(action.spec(applyingDefaultsOf: settings))
            let name = "actions." + action.spec.name
            written.append(WrittenField(path: name, span: span))
            let prefix = name + "."
            if let defaults { places.add(defaults.entries, in: defaults.file, prefix: prefix) }
            // A field of an action document is written there, not where the service names it.
            places.add(action.writtenFields, in: source(action.file).file.path, prefix: prefix)
        }
        places.add(written, in: own.file.path)
        return Declared(spec, at: own.place(draft.span), locations: places)
    }

    /// What stays of a draft that was taken apart.
    private static let emptySpec = ServiceSpec(QualifiedName(""), actions: [])
}
