internal import HeroModel

extension ManifestSet {
    /// Reports services that list a standalone action.
    ///
    /// Such an action would run twice and would stop with the service.
    mutating func checkStandaloneActions() {
        for index in services.indices {
            for case .document(let action, let reference) in usedActions[index] {
                let draft = actions[action]
                let key = draft.spec.runOn == .none ? "schedule" : "run_on"
                guard draft.spec.isStandalone, let keySpan = draft.span(of: key) else { continue }
                report(
                    .standaloneInService,
                    "the service `\(services[index].spec.name)` cannot list `\(draft.name)`, "
                        + "which is standalone (`\(key)`)",
                    help: "remove it from `actions`; to run the program in both ways, declare a second action",
                    in: services[index].file,
                    at: reference,
                    notes: [source(draft.file).note("`\(key)`", at: keySpan)]
                )
            }
        }
    }

    /// Reports schedules with a time zone that the machine does not have.
    mutating func checkTimeZones(_ exists: @Sendable (String) -> Bool) {
        var known: Set<String> = ["UTC"]
        for index in actions.indices {
            guard let (name, span) = actions[index].timeZone, !known.contains(name) else { continue }
            if TimeZoneSuggestion.isWellFormedName(name), exists(name) {
                known.insert(name)
                continue
            }
            var suggestion: String?
            if remainingSuggestionSearches > 0 {
                remainingSuggestionSearches -= 1
                suggestion = TimeZoneSuggestion.nearest(name, exists)
            }
            report(
                .unknownTimeZone,
                "the time zone \(quoted(name)) is unknown\(suggestion.map { "; did you mean `\($0)`?" } ?? "")",
                help: "write a name of the IANA time zone database, such as `Europe/Brussels` or `UTC`",
                in: actions[index].file,
                at: span
            )
        }
    }
}
