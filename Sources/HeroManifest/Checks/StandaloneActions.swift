internal import HeroModel

extension ManifestSet {
    /// Reports services that list an action which runs by itself: it would run twice, and stop with its service.
    mutating func checkStandaloneActions() {
        for number in services.indices {
            for case .document(let action, let reference) in usedActions[number] {
                let draft = actions[action]
                let key = draft.spec.runOn == .none ? "schedule" : "run_on"
                guard draft.spec.isStandalone, let place = draft.span(of: key) else { continue }
                report(
                    .standaloneInService,
                    "`\(draft.name)` runs by itself (`\(key)`): the service `\(services[number].spec.name)` cannot list it",
                    help: "remove it from `actions`; to run the same program in both ways, write a second action",
                    in: services[number].file,
                    at: reference,
                    notes: [source(draft.file).note("`\(key)`", at: place)]
                )
            }
        }
    }

    /// Reports schedules on clocks that the machine does not know.
    mutating func checkTimeZones(_ exists: @Sendable (String) -> Bool) {
        var known: Set<String> = ["UTC"]
        for number in actions.indices {
            guard let (name, span) = actions[number].timeZone, !known.contains(name) else { continue }
            if TimeZoneSuggestion.isWellFormedName(name), exists(name) {
                known.insert(name)
                continue
            }
            var meant: String?
            if remainingSuggestionSearches > 0 {
                remainingSuggestionSearches -= 1
                meant = TimeZoneSuggestion.nearest(name, exists)
            }
            report(
                .unknownTimeZone,
                "the time zone \(quoted(name)) is unknown\(meant.map { "; did you mean `\($0)`?" } ?? "")",
                help: "write a name of the IANA time zone database, such as `Europe/Brussels` or `UTC`",
                in: actions[number].file,
                at: span
            )
        }
    }
}

/// Finds the time zone that was probably meant, by asking which ones there are.
enum TimeZoneSuggestion {
    /// Folders of the database that a city is looked for in.
    private static let regions = [
        "Europe", "America", "Asia", "Africa", "Australia", "Atlantic", "Pacific", "Indian", "Etc",
    ]
    /// More questions than a name of usual length needs.
    private static let maxNameBytes = 40

    /// Whether a name can be one at all: no file outside of the database is ever asked for.
    static func isWellFormedName(_ name: String) -> Bool {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        return name.utf8.count <= maxNameBytes
            && parts.allSatisfy { !$0.isEmpty }
            && name.utf8.allSatisfy {
                (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0)
                    || "/_+-".utf8.contains($0)
            }
    }

    /// A name that exists and is a slip away; nil when there is none.
    static func nearest(_ name: String, _ exists: (String) -> Bool) -> String? {
        let plain = name.split(separator: " ").joined(separator: "_")
        guard plain.utf8.count <= maxNameBytes else { return nil }
        let spelt = [plain, capitalised(plain), plain.uppercased()]
        let placed = spelt.prefix(2).flatMap { city in regions.map { "\($0)/\(city)" } }
        return (spelt + placed).first { isKnown($0, exists) } ?? oneEditAway(capitalised(plain), exists)
    }

    private static func isKnown(_ name: String, _ exists: (String) -> Bool) -> Bool {
        isWellFormedName(name) && exists(name)
    }

    private static func oneEditAway(_ name: String, _ exists: (String) -> Bool) -> String? {
        let letters = Array(name)
        let alphabet = Array("abcdefghijklmnopqrstuvwxyz_/")
        for index in letters.indices {
            var without = letters
            without.remove(at: index)
            var variants = [without]
            if index > 0 {
                var swapped = letters
                swapped.swapAt(index, index - 1)
                variants.append(swapped)
            }
            for letter in alphabet {
                var replaced = letters
                replaced[index] = letter
                var inserted = letters
                inserted.insert(letter, at: index)
                variants += [replaced, inserted]
            }
            if let found = variants.lazy.map({ capitalised(String($0)) }).first(where: { isKnown($0, exists) }) {
                return found
            }
        }
        return alphabet.lazy.map { name + String($0) }.first { isKnown($0, exists) }
    }

    /// Each word of a name with a capital, as the database writes nearly all of them: `America/New_York`.
    private static func capitalised(_ name: String) -> String {
        var isFirst = true
        var result = ""
        for character in name.lowercased() {
            result += isFirst ? character.uppercased() : String(character)
            isFirst = character == "/" || character == "_" || character == "-"
        }
        return result
    }
}
