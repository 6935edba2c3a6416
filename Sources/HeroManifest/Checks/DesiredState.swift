internal import HeroModel

extension ManifestSet {
    /// Builds the desired state of a set without errors.
    ///
    /// Drafts are emptied one after another, so that the set and the desired state are never both complete in memory.
    mutating func buildDesired() -> DesiredState {
        var desired = DesiredState(settings: settings.first?.settings ?? Settings())
        let defaults = defaultLocations
        desired.services.reserveCapacity(services.count)
        for index in services.indices {
            let declared = buildService(index, desired.settings, defaults)
            desired.services[declared.spec.name] = declared
        }
        for draft in actions {
            let source = source(draft.file)
            var locations = FieldLocations()
            if let defaults { locations.add(defaults.entries, in: defaults.file) }
            locations.add(draft.writtenFields, in: source.file.path)
            desired.actions[draft.name] = Declared(
                draft.spec(applyingDefaultsOf: desired.settings),
                at: source.location(draft.span),
                locations: locations
            )
        }
        return desired
    }

    /// The locations of the action defaults in the settings; nil if there are none.
    private var defaultLocations: DefaultLocations? {
        guard let settings = settings.first, !settings.defaultFields.isEmpty else { return nil }
        return DefaultLocations(file: source(settings.file).file.path, entries: settings.defaultFields)
    }

    /// The fields of `defaults`, as paths of action fields, with the file that contains them.
    private struct DefaultLocations {
        var file: String
        var entries: [FieldLocations.Entry]
    }

    private mutating func buildService(
        _ index: Int,
        _ settings: Settings,
        _ defaults: DefaultLocations?
    ) -> Declared<ServiceSpec> {
        let used = usedActions[index]
        let draft = services[index]
        services[index] = ServiceDraft(file: draft.file, spec: Self.emptySpec, span: draft.span)
        let own = source(draft.file)
        var spec = draft.spec
        spec.actions.reserveCapacity(used.count)
        var locations = FieldLocations(capacity: used.count + 1)
        var written = draft.writtenFields
        written.reserveCapacity(written.count + used.count)
        for used in used {
            let action: ActionDraft
            let span: Span
            switch used {
            case .inline(let index):
                action = draft.inlineActions[index]
                span = action.span
            case .document(let index, let reference):
                action = actions[index]
                span = reference
            }
            spec.actions.append(action.spec(applyingDefaultsOf: settings))
            let name = "actions." + action.spec.name
            written.append(WrittenField(path: name, span: span))
            let prefix = name + "."
            if let defaults { locations.add(defaults.entries, in: defaults.file, prefix: prefix) }
            // The fields of an action document are located in that document, not in the service.
            locations.add(action.writtenFields, in: source(action.file).file.path, prefix: prefix)
        }
        locations.add(written, in: own.file.path)
        return Declared(spec, at: own.location(draft.span), locations: locations)
    }

    /// The spec that is left in a draft once its content has moved to the desired state.
    private static let emptySpec = ServiceSpec(QualifiedName(""), actions: [])
}
