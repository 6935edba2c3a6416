/// Quotes a text of the author in a message: at most 60 characters, on one line, without control characters.
func quoted(_ text: some StringProtocol) -> String {
    var result = ""
    var count = 0
    for scalar in text.unicodeScalars {
        guard count < 60 else { return "`\(result)...`" }
        let isControl = scalar.value < 32 || (127..<160).contains(scalar.value)
        if ConfusableCharacter.isInvisible(scalar) {
            result += "<\(ConfusableCharacter.codePoint(scalar))>"
        } else {
            result.unicodeScalars.append(isControl ? "\u{FFFD}" : scalar)
        }
        count += 1
    }
    return "`\(result)`"
}

/// Joins names with "or": `a`, `b` or `c`.
func alternatives(_ names: [String]) -> String { joined(names, "or") }

/// Joins names with "and": `a`, `b` and `c`.
func listed(_ names: [String]) -> String { joined(names, "and") }

private func joined(_ names: [String], _ conjunction: String) -> String {
    guard let last = names.last, names.count > 1 else { return names.map { "`\($0)`" }.joined() }
    return names.dropLast().map { "`\($0)`" }.joined(separator: ", ") + " \(conjunction) `\(last)`"
}
