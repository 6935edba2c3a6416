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
            if let defaults { locations.add(defaults.ofService + defaults.ofActions, in: defaults.file) }
            locations.add(draft.writtenFields, in: source.file.path)
            let spec = draft.spec(applyingDefaultsOf: desired.settings)
            desired.actions[draft.name] = Declared(
                spec.isStandalone ? desired.settings.execution.applied(toStandalone: spec) : spec,
                at: source.location(draft.span),
                locations: locations
            )
        }
        return desired
    }

    /// The locations of the defaults in the settings; nil if there are none.
    private var defaultLocations: DefaultLocations? {
        guard let settings = settings.first else { return nil }
        var result = DefaultLocations(file: source(settings.file).file.path)
        for entry in settings.defaultFields {
            let key = entry.path.prefix { $0 != "." }
            if ["env", "env_file", "user", "group", "cwd"].contains(key) {
                result.ofService.append(entry)
            } else {
                result.ofActions.append(entry)
            }
        }
        return result.ofService.isEmpty && result.ofActions.isEmpty ? nil : result
    }

    /// The fields of `defaults` with the file that contains them.
    private struct DefaultLocations {
        var file: String
        /// The fields that apply to a service, or to a standalone action.
        var ofService: [FieldLocations.Entry] = []
        /// The fields that apply to each action.
        var ofActions: [FieldLocations.Entry] = []
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
        var spec = settings.execution.applied(to: draft.spec)
        spec.actions.reserveCapacity(used.count)
        var locations = FieldLocations(capacity: used.count + 1)
        if let defaults { locations.add(defaults.ofService, in: defaults.file) }
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
            if let defaults { locations.add(defaults.ofActions, in: defaults.file, prefix: prefix) }
            // The fields of an action document are located in that document, not in the service.
            locations.add(action.writtenFields, in: source(action.file).file.path, prefix: prefix)
        }
        locations.add(written, in: own.file.path)
        return Declared(spec, at: own.location(draft.span), locations: locations)
    }

    /// The spec that is left in a draft once its content has moved to the desired state.
    private static let emptySpec = ServiceSpec(QualifiedName(""), actions: [])
}
