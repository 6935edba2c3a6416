/// Finds a name that is similar to an unknown one.
public enum Suggestion {
    /// Returns the candidate within a few edits; nil if there is none.
    ///
    /// A candidate with the opposite meaning is never returned: `max_delay` for `min_delay`, `protect` for `unprotect`.
    public static func nearest(_ name: String, _ candidates: some Sequence<String>) -> String? {
        let bytes = words(name)
        guard (1...64).contains(bytes.count) else { return nil }
        var best: (name: String, distance: Int)?
        for candidate in candidates {
            let limit = min(best.map { $0.distance - 1 } ?? .max, max(1, min(bytes.count, candidate.utf8.count) / 3))
            guard abs(candidate.utf8.count - bytes.count) <= limit, limit >= 0 else { continue }
            let other = words(candidate)
            let distance = editDistance(bytes, other)
            if distance <= limit, !isOpposite(bytes, other) { best = (candidate, distance) }
        }
        return best?.name
    }

    /// Returns `; did you mean ...?`, or an empty string if no candidate is similar.
    static func didYouMean(_ name: String, _ candidates: some Sequence<String>) -> String {
        nearest(name, candidates).map { "; did you mean `\($0)`?" } ?? ""
    }

    /// Returns the lower-case bytes, with `_` for `-`.
    private static func words(_ name: String) -> [UInt8] {
        name.lowercased().utf8.map { $0 == UInt8(ascii: "-") ? UInt8(ascii: "_") : $0 }
    }

    private static let oppositeWords: [(String, String)] = [
        ("start", "stop"), ("min", "max"), ("before", "after"), ("pre", "post"), ("enable", "disable"),
        ("enabled", "disabled"), ("allow", "deny"), ("include", "exclude"), ("soft", "hard"), ("up", "down"),
        ("on", "off"), ("success", "failure"), ("successes", "failures"), ("first", "last"), ("read", "write"),
    ]
    private static let negations = [
        "un", "dis", "non", "no_", "not_", "pre_", "post_", "pre", "post", "never_", "skip_", "without_",
    ]

    /// Whether two names differ by a word and its opposite, or by a prefix that negates or moves the meaning.
    private static func isOpposite(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        for prefix in negations where left.starts(with: prefix.utf8) != right.starts(with: prefix.utf8) {
            let (longer, shorter) = left.starts(with: prefix.utf8) ? (left, right) : (right, left)
            let rest = Array(longer.dropFirst(prefix.utf8.count))
            if !rest.isEmpty, editDistance(rest, shorter) < editDistance(longer, shorter) { return true }
        }
        let underscore = UInt8(ascii: "_")
        let (leftWords, rightWords) = (left.split(separator: underscore), right.split(separator: underscore))
        guard leftWords.count == rightWords.count else { return false }
        return zip(leftWords, rightWords).contains { leftWord, rightWord in
            oppositeWords.contains { first, second in
                (leftWord.elementsEqual(first.utf8) && rightWord.elementsEqual(second.utf8))
                    || (leftWord.elementsEqual(second.utf8) && rightWord.elementsEqual(first.utf8))
            }
        }
    }

    /// Returns the smallest number of characters to insert, remove, replace or swap with a neighbour.
    private static func editDistance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var before: [Int] = []
        var above = Array(0...right.count)
        for (row, letter) in left.enumerated() {
            var current = [row + 1]
            for (column, other) in right.enumerated() {
                var cost = min(above[column] + (letter == other ? 0 : 1), above[column + 1] + 1, current[column] + 1)
                if row > 0, column > 0, letter == right[column - 1], left[row - 1] == other {
                    cost = min(cost, before[column - 1] + 1)
                }
                current.append(cost)
            }
            before = above
            above = current
        }
        return above[right.count]
    }
}

/// Values of other tools.
enum ForeignValue {
    /// The values of heroproc with the same meaning, by key.
    private static let synonyms: [String: [String: String]] = [
        "status": [
            "running": "start", "started": "start", "up": "start", "enabled": "start", "on": "start", "true": "start",
            "stopped": "stop", "down": "stop", "disabled": "stop", "off": "stop", "false": "stop",
            "manual": "ignore", "unmanaged": "ignore",
        ],
        "restart": [
            "unless-stopped": "always", "yes": "always", "true": "always", "no": "never", "false": "never",
            "none": "never", "on_error": "on_failure", "unexpected": "on_failure", "on-abnormal": "on_failure",
        ],
        "class": ["root": "system"],
        "overlap": ["kill": "replace", "forbid": "skip", "wait": "queue"],
    ]

    /// Returns the value of heroproc that means the same; nil if the value is not known from another tool.
    static func find(_ value: String, of key: some StringProtocol) -> String? {
        synonyms[String(key)]?[value.lowercased()]
    }
}
