/// Finds a similar time zone by testing candidates with the function that tests for existing time zones.
enum TimeZoneSuggestion {
    /// Directories of the IANA database that are searched for a city.
    private static let regions = [
        "Europe", "America", "Asia", "Africa", "Australia", "Atlantic", "Pacific", "Indian", "Etc",
    ]
    /// The maximum length of a name in bytes; it limits the index of candidates.
    private static let maxNameBytes = 40

    /// Whether a text has the form of a time zone name, so that no path outside the database is ever tested.
    static func isWellFormedName(_ name: String) -> Bool {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        return name.utf8.count <= maxNameBytes
            && parts.allSatisfy { !$0.isEmpty }
            && name.utf8.allSatisfy {
                (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0)
                    || "/_+-".utf8.contains($0)
            }
    }

    /// Returns an existing name that differs in case, region or one edit; nil if there is none.
    static func nearest(_ name: String, _ exists: (String) -> Bool) -> String? {
        let plain = name.split(separator: " ").joined(separator: "_")
        guard plain.utf8.count <= maxNameBytes else { return nil }
        let spellings = [plain, capitalised(plain), plain.uppercased()]
        let qualified = spellings.prefix(2).flatMap { city in regions.map { "\($0)/\(city)" } }
        return (spellings + qualified).first { isKnown($0, exists) } ?? oneEditAway(capitalised(plain), exists)
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

    /// Capitalises each word, as most names of the database are: `America/New_York`.
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
