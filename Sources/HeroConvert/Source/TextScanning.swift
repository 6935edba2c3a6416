extension StringProtocol {
    /// The text without blanks and tabs at its ends.
    var trimmed: String {
        let isBlank = { (character: Character) in character == " " || character == "\t" || character == "\r" }
        guard let start = firstIndex(where: { !isBlank($0) }), let end = lastIndex(where: { !isBlank($0) }) else {
            return ""
        }
        return String(self[start...end])
    }

    /// A whole number of decimal digits up to a limit; nil for anything else.
    var wholeNumber: Int? {
        guard !isEmpty, utf8.count <= 15, utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return Int(self)
    }
}

extension ImportFile {
    /// The lines of the file.
    ///
    /// - Throws: if it is not UTF-8 or contains NUL.
    func lines() throws(ImportError) -> [String] {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw ImportError(path, "the file is not UTF-8", help: "save it as UTF-8")
        }
        guard !bytes.contains(0) else { throw ImportError(path, "the file contains the character NUL") }
        let start = text.unicodeScalars.first == "\u{FEFF}" ? text.unicodeScalars.dropFirst() : text.unicodeScalars[...]
        return String(start).split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }.map {
            $0.last == "\r" ? String($0.dropLast()) : String($0)
        }
    }
}

/// Comments of the source.
enum SourceComments {
    /// Returns the comment lines directly above a line (from 1), without lines that look like configuration.
    static func above(_ line: Int, in lines: [String]) -> [String] {
        var found: [String] = []
        var index = line - 2
        while index >= 0, index < lines.count, found.count < 20 {
            let text = lines[index].trimmed
            guard text.hasPrefix("#") || text.hasPrefix(";") else { break }
            found.append(text.drop { $0 == "#" || $0 == ";" }.trimmed)
            index -= 1
        }
        let prose = found.reversed().filter(isProse)
        return Array(prose)
    }

    private static func isProse(_ line: String) -> Bool {
        let words = line.split(separator: " ")
        guard words.count >= 2, line.utf8.count <= 300, !line.contains("="), !line.hasPrefix("-"),
            line.first?.isLetter == true
        else { return false }
        if let first = words.first, first.hasSuffix(":"), first != "NOTE:", first != "Note:" { return false }
        if Secrets.hasCredentials(line) || line.contains("[") || line.contains("{") { return false }
        return !line.unicodeScalars.contains { $0.value < 32 || (0x7F..<0xA0).contains($0.value) || $0.value == 0xFEFF }
    }
}
