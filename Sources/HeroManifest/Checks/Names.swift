internal import HeroModel

extension ManifestSet {
    /// Numbers services and actions by name; a name declared twice is an error at the second place.
    mutating func checkNames() {
        serviceNumbers.reserveCapacity(services.count)
        for number in services.indices where services[number].isNamed {
            let draft = services[number]
            if let first = serviceNumbers[draft.spec.name] {
                let earlier = services[first]
                reportDuplicate(
                    "service `\(draft.spec.name)`",
                    in: draft.file,
                    at: draft.span,
                    first: source(earlier.file).note("first declared", at: earlier.span)
                )
            } else {
                serviceNumbers[draft.spec.name] = number
            }
        }
        for (number, draft) in actions.enumerated() {
            let name = QualifiedName(draft.spec.name, context: draft.context)
            if let first = actionNumbers[name] {
                let earlier = actions[first]
                reportDuplicate(
                    "action `\(name)`",
                    in: draft.file,
                    at: draft.span,
                    first: source(earlier.file).note("first declared", at: earlier.span)
                )
            } else {
                actionNumbers[name] = number
            }
        }
    }

    private mutating func reportDuplicate(_ what: String, in file: Int, at span: Span, first: Diagnostic.Note) {
        report(
            .duplicateName,
            "the \(what) is declared twice",
            help: "rename one of them, or remove it",
            in: file,
            at: span,
            notes: [first]
        )
    }

    /// Gathers the actions of each service: those written in place, and copies of the documents it names.
    mutating func resolveActions() {
        usedActions.reserveCapacity(services.count)
        for number in services.indices {
            let service = services[number]
            var used: [UsedAction] = []
            used.reserveCapacity(service.items.count)
            for item in service.items {
                let next: UsedAction
                switch item {
                case .inline(let draft): next = UsedAction(draft: draft, reference: nil)
                case .named(let name, let span):
                    guard let found = actionNumbers[name] else {
                        reportUnknownAction(name, in: service, at: span)
                        continue
                    }
                    next = UsedAction(draft: actions[found], reference: span)
                }
                if let earlier = used.first(where: { $0.draft.spec.name == next.draft.spec.name }) {
                    report(
                        .duplicateAction,
                        "the service `\(service.spec.name.name)` has two actions named `\(next.draft.spec.name)`",
                        help: "rename one of them, or remove it",
                        in: service.file,
                        at: next.reference ?? next.draft.span,
                        notes: [
                            source(service.file).note("first declared", at: earlier.reference ?? earlier.draft.span)
                        ]
                    )
                } else {
                    used.append(next)
                }
            }
            usedActions.append(used)
        }
    }

    private mutating func reportUnknownAction(_ name: QualifiedName, in service: ServiceDraft, at span: Span) {
        guard !unreadNames.contains(name.name) else { return }
        let (suggestion, help) = advice(
            name,
            actionNumbers.keys,
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
    mutating func advice(
        _ name: QualifiedName,
        _ declared: Dictionary<QualifiedName, Int>.Keys,
        in context: String,
        missing: String
    ) -> (suggestion: String, help: String) {
        guard searchesLeft > 0 else { return ("", missing) }
        searchesLeft -= 1
        let elsewhere = declared.filter { $0.name == name.name && $0.context != name.context }.sorted()
        if !elsewhere.isEmpty {
            let places = elsewhere.prefix(3).map { $0.context == context ? $0.name : $0.description }
            return ("", "the name is declared in another context: write \(listed(Array(places)))")
        }
        let names = declared.map { $0.context == context ? $0.name : $0.description }.sorted()
        let wanted = name.context == context ? name.name : name.description
        return (Suggestion.phrase(wanted, names), missing)
    }
}
