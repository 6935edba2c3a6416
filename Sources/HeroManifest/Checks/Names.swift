internal import HeroModel

extension ManifestSet {
    /// Indexes services and actions by name, and reports the second declaration of a name.
    mutating func checkNames() {
        serviceIndexByName.reserveCapacity(services.count)
        for index in services.indices where services[index].hasValidName {
            let name = services[index].spec.name
            guard let first = serviceIndexByName.updateValue(index, forKey: name) else { continue }
            serviceIndexByName[name] = first
            reportDuplicateName(
                "service `\(name)`",
                in: services[index].file,
                at: services[index].span,
                first: source(services[first].file).note("first declared", at: services[first].span)
            )
        }
        for index in actions.indices {
            let name = actions[index].name
            guard let first = actionIndexByName.updateValue(index, forKey: name) else { continue }
            actionIndexByName[name] = first
            reportDuplicateName(
                "action `\(name)`",
                in: actions[index].file,
                at: actions[index].span,
                first: source(actions[first].file).note("first declared", at: actions[first].span)
            )
        }
    }

    private mutating func reportDuplicateName(_ what: String, in file: Int, at span: Span, first: Diagnostic.Note) {
        report(
            .duplicateName,
            "the \(what) is declared twice",
            help: "rename or remove one of them",
            in: file,
            at: span,
            notes: [first]
        )
    }

    /// Collects the actions of each service: inline actions, and action documents that the service references.
    mutating func resolveActions() {
        usedActions.reserveCapacity(services.count)
        for service in services.indices {
            var used: [UsedAction] = []
            used.reserveCapacity(services[service].actionItems.count)
            let isOnlyAction = services[service].actionItems.count == 1
            var names = OrderedSet<String>()
            for item in services[service].actionItems {
                let next: UsedAction
                switch item {
                case .inline(let index): next = .inline(index)
                case .named(let name, let span):
                    guard let found = actionIndexByName[name] else {
                        reportUnknownAction(name, in: services[service], at: span)
                        continue
                    }
                    next = .document(found, span)
                }
                let name = name(of: next, in: service)
                if isOnlyAction || names.append(name) {
                    used.append(next)
                } else if let earlier = used.first(where: { self.name(of: $0, in: service) == name }) {
                    reportDuplicateAction(name, next, earlier, in: service)
                }
            }
            usedActions.append(used)
        }
    }

    private mutating func reportDuplicateAction(
        _ name: String,
        _ next: UsedAction,
        _ earlier: UsedAction,
        in service: Int
    ) {
        let file = services[service].file
        report(
            .duplicateAction,
            "the service `\(services[service].spec.name.name)` has two actions named `\(name)`",
            help: "rename or remove one of them",
            in: file,
            at: span(of: next, in: service),
            notes: [source(file).note("first declared", at: span(of: earlier, in: service))]
        )
    }

    private mutating func reportUnknownAction(_ name: QualifiedName, in service: ServiceDraft, at span: Span) {
        guard !possiblyDeclaredNames.contains(name.name) else { return }
        let (suggestion, help) = unknownNameHelp(
            name,
            actionIndexByName.keys,
            in: service.spec.name.context,
            otherwise: "declare it as `kind: Action`, or write the action here as a map"
        )
        report(
            .unknownReference,
            "`actions` refers to `\(name)`, which is not a declared action\(suggestion)",
            help: help,
            in: service.file,
            at: span
        )
    }

    /// Returns a suggestion and a help text for a name that is not declared.
    mutating func unknownNameHelp(
        _ name: QualifiedName,
        _ declared: Dictionary<QualifiedName, Int>.Keys,
        in context: String,
        otherwise: String
    ) -> (suggestion: String, help: String) {
        guard remainingSuggestionSearches > 0 else { return ("", otherwise) }
        remainingSuggestionSearches -= 1
        let elsewhere = declared.filter { $0.name == name.name && $0.context != name.context }.sorted()
        if !elsewhere.isEmpty {
            let names = elsewhere.prefix(3).map { $0.context == context ? $0.name : $0.description }
            return ("", "the name exists in another context: write \(alternatives(Array(names)))")
        }
        let names = declared.map { $0.context == context ? $0.name : $0.description }.sorted()
        let wanted = name.context == context ? name.name : name.description
        return (Suggestion.didYouMean(wanted, names), otherwise)
    }
}
