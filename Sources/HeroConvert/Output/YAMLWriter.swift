internal import HeroModel

/// Writes maps as YAML in the style of the examples: short lists and maps in one line, long ones as blocks.
struct YAMLWriter {
    /// The text so far.
    private(set) var text = ""

    private static let width = 100

    /// Writes a comment of one line.
    mutating func comment(_ line: String, indent: Int = 0) {
        text += Self.spaces(indent) + (line.isEmpty ? "#\n" : "# \(line)\n")
    }

    /// Writes the entries of a map as a block.
    mutating func entries(_ entries: [ManifestMap.Entry], indent: Int) {
        for entry in entries {
            text += Self.spaces(indent) + Self.scalar(entry.key, inFlow: false) + ":"
            value(entry.value, of: entry.key, indent: indent)
        }
    }

    /// Writes the value after a key, up to the end of its last line.
    private mutating func value(_ value: ManifestValue, of key: String, indent: Int) {
        let prefix = indent + key.utf8.count + 2
        switch value {
        case .plain(let word): text += " \(word)\n"
        case .text(let string): text += " " + Self.scalar(string, inFlow: false) + "\n"
        case .block(let script): block(script, indent: indent)
        case .list(let items):
            if let line = Self.flow(value), prefix + line.utf8.count <= Self.width || items.isEmpty {
                text += " \(line)\n"
                return
            }
            text += "\n"
            for item in items { self.item(item, indent: indent + 2) }
        case .map(let map):
            let isShort = map.entries.count <= 3 || key == "retry"
            if isShort, let line = Self.flow(value), prefix + line.utf8.count <= Self.width {
                text += " \(line)\n"
                return
            }
            text += "\n"
            entries(map.entries, indent: indent + 2)
        }
    }

    /// Writes one item of a list that is a block.
    private mutating func item(_ item: ManifestValue, indent: Int) {
        switch item {
        case .plain(let word): text += Self.spaces(indent) + "- \(word)\n"
        case .text(let string): text += Self.spaces(indent) + "- " + Self.scalar(string, inFlow: false) + "\n"
        case .block, .list: text += Self.spaces(indent) + "- " + (Self.flow(item) ?? "[]") + "\n"
        case .map(let map):
            if let line = Self.flow(item), indent + line.utf8.count <= Self.width {
                text += Self.spaces(indent) + "- \(line)\n"
                return
            }
            var inner = YAMLWriter()
            inner.entries(map.entries, indent: indent + 2)
            // The first line of the block begins with the dash.
            text += Self.spaces(indent) + "- " + inner.text.dropFirst(indent + 2)
        }
    }

    private mutating func block(_ script: String, indent: Int) {
        let lines = script.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let needsQuotes =
            lines.first?.first == " " || lines.first?.isEmpty == true || lines.first?.first == "\t"
            || script.unicodeScalars.contains { $0 != "\n" && $0 != "\t" && Self.mustEscape($0) }
        if needsQuotes {
            text += " " + Self.quoted(script) + "\n"
            return
        }
        if lines.count == 1 {
            text += " " + Self.scalar(script, inFlow: false) + "\n"
            return
        }
        var body = lines
        while body.last?.isEmpty == true { body.removeLast() }
        text += body.count == lines.count ? " |-\n" : " |\n"
        for line in body { text += line.isEmpty ? "\n" : Self.spaces(indent + 2) + line + "\n" }
    }

    // MARK: One line

    /// Returns a value in one line; nil if it has a block or is nested too deep.
    private static func flow(_ value: ManifestValue, depth: Int = 0) -> String? {
        guard depth < 4 else { return nil }
        switch value {
        case .plain(let word): return word
        case .text(let string): return scalar(string, inFlow: true)
        case .block: return nil
        case .list(let items):
            let texts = items.compactMap { flow($0, depth: depth + 1) }
            return texts.count == items.count ? "[\(texts.joined(separator: ", "))]" : nil
        case .map(let map):
            let texts = map.entries.compactMap { entry in
                flow(entry.value, depth: depth + 1).map { "\(scalar(entry.key, inFlow: true)): \($0)" }
            }
            return texts.count == map.entries.count ? "{\(texts.joined(separator: ", "))}" : nil
        }
    }

    /// Returns a text as a scalar: plain if YAML reads it as the same text, else quoted.
    static func scalar(_ text: String, inFlow: Bool) -> String {
        guard let first = text.utf8.first, let last = text.utf8.last else { return "\"\"" }
        let isLetter = { (byte: UInt8) in (65...90).contains(byte) || (97...122).contains(byte) }
        let startsPlain =
            isLetter(first) || first == UInt8(ascii: "/") || first == UInt8(ascii: "_")
            || (first == UInt8(ascii: ".") && text.utf8.dropFirst().first.map { $0 == 46 || $0 == 47 } == true)
            || (first == UInt8(ascii: "-") && text.utf8.dropFirst().first.map { isLetter($0) || $0 == 45 } == true)
            || (first == UInt8(ascii: "$") && !inFlow)
        let letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
        let allowed = Set((letters + " _./:@+=-%^~$();<>*'\"\\!?&|").utf8)
        let isSafe =
            text.utf8.allSatisfy { allowed.contains($0) || (!inFlow && "{},".utf8.contains($0)) }
            && last != UInt8(ascii: ":") && last != UInt8(ascii: " ")
            && !text.contains(": ") && !(inFlow && text.contains(":?"))
            && !(inFlow && text.contains(":") && text.contains(" "))
        let words: Set<String> = [
            "null", "true", "false", "yes", "no", "on", "off", "y", "n", ".inf", ".nan", "-.inf", "---", "...",
        ]
        let isWord = words.contains(text.lowercased()) || text.hasPrefix("---")
        return startsPlain && isSafe && !isWord ? text : quoted(text)
    }

    private static func mustEscape(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7F..<0xA0, 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF: true
        default: false
        }
    }

    private static func spaces(_ count: Int) -> String { String(repeating: " ", count: count) }

    /// Returns a text in double quotes.
    static func quoted(_ text: String) -> String { Canonical.quoted(text, escaping: mustEscape) }
}
