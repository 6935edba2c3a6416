internal import HeroModel

extension ManifestSet {
    /// Numbers services and actions by name; a name declared twice is an error at the second place.
    mutating func checkNames() {
        serviceIndexByName.reserveCapacity(services.count)
        for number in services.indices where services[number].hasValidName {
            let name = services[number].spec.name
            guard let first = serviceIndexByName.updateValue(number, forKey: name) else { continue }
            serviceIndexByName[name] = first
            reportDuplicateName(
                "service `\(name)`",
                in: services[number].file,
                at: services[number].span,
                first: source(services[first].file).note("first declared", at: services[first].span)
            )
        }
        for number in actions.indices {
            let name = actions[number].name
            guard let first = actionIndexByName.updateValue(number, forKey: name) else { continue }
            actionIndexByName[name] = first
            reportDuplicateName(
                "action `\(name)`",
                in: actions[number].file,
                at: actions[number].span,
                first: source(actions[first].file).note("first declared", at: actions[first].span)
            )
        }
    }

    private mutating func reportDuplicateName(_ what: String, in file: Int, at span: Span, first: Diagnostic.Note) {
        report(
            .duplicateName,
            "the \(what) is declared twice",
            help: "rename one of them, or remove it",
            in: file,
            at: span,
            notes: [first]
        )
    }

    /// Gathers the actions of each service: those written in place, and the documents it names.
    mutating func resolveActions() {
        usedActions.reserveCapacity(services.count)
        for service in services.indices {
            var used: [UsedAction] = []
            used.reserveCapacity(services[service].actionItems.count)
            let isAlone = services[service].actionItems.count == 1
            var names = OrderedSet<String>()
            for item in services[service].actionItems {
                let next: UsedAction
                switch item {
                case .inline(let number): next = .inline(number)
                case .named(let name, let span):
                    guard let found = actionIndexByName[name] else {
                        reportUnknownAction(name, in: services[service], at: span)
                        continue
                    }
                    next = .document(found, span)
                }
                let name = name(of: next, in: service)
                if isAlone || names.append(name) {
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
            help: "rename one of them, or remove it",
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
            missing: "declare it as `kind: Action`, or write the action in place as a map"
        )
        report(
            .unknownReference,
            "`actions` refers to `\(name)`, which is no declared action\(suggestion)",
            help: help,
            in: service.file,
            at: span
        )
    }

    /// What to say about a name that nobody declares: a suggestion, and what to do.
    mutating func unknownNameHelp(
        _ name: QualifiedName,
        _ declared: Dictionary<QualifiedName, Int>.Keys,
        in context: String,
        missing: String
    ) -> (suggestion: String, help: String) {
        guard remainingSuggestionSearches > 0 else { return ("", missing) }
        remainingSuggestionSearches -= 1
        let elsewhere = declared.filter { $0.name == name.name && $0.context != name.context }.sorted()
        if !elsewhere.isEmpty {
            let places = elsewhere.prefix(3).map { $0.context == context ? $0.name : $0.description }
            return ("", "the name is declared in another context: write \(alternatives(Array(places)))")
        }
        let names = declared.map { $0.context == context ? $0.name : $0.description }.sorted()
        let wanted = name.context == context ? name.name : name.description
        return (Suggestion.didYouMean(wanted, names), missing)
    }
}
