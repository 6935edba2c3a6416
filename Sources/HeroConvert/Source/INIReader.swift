/// One key of an INI file.
struct INIEntry {
    /// The key.
    var key: String
    /// The value; continued lines are separated by line feeds.
    var value: String
    /// The line of the key, from 1.
    var line: Int
}

/// One section of an INI file.
struct INISection {
    /// The name between the brackets.
    var name: String
    /// The line of the name, from 1.
    var line: Int
    /// The keys in order.
    var entries: [INIEntry] = []

    /// The last value of a key.
    func value(_ key: String) -> String? { entries.last { $0.key == key }?.value }
}

/// Reads INI files as the ConfigParser of Python does: `key = value` or `key: value`, comments with `;` and `#`, and
/// continued lines that begin with a blank.
enum INIReader {
    /// Returns the sections of a file.
    ///
    /// - Throws: the first line that is neither a section, a key, a comment nor a continued value.
    static func read(_ file: ImportFile) throws(ImportError) -> [INISection] {
        var sections: [INISection] = []
        var count = 0
        for (index, line) in try file.lines().enumerated() {
            let text = uncommented(line)
            if text.isEmpty { continue }
            let isContinued = line.first == " " || line.first == "\t"
            if let last = sections.indices.last, let entry = sections[last].entries.indices.last, isContinued {
                sections[last].entries[entry].value += "\n" + text
                guard sections[last].entries[entry].value.utf8.count <= ImportLimits.valueBytes else {
                    throw ImportError(file.path, line: index + 1, "the value is longer than 32 KiB")
                }
                continue
            }
            if text.hasPrefix("["), let end = text.lastIndex(of: "]") {
                let name = text[text.index(after: text.startIndex)..<end]
                sections.append(INISection(name: name.trimmed, line: index + 1))
                continue
            }
            guard let separator = text.firstIndex(where: { $0 == "=" || $0 == ":" }), separator != text.startIndex,
                !sections.isEmpty
            else {
                throw ImportError(
                    file.path,
                    line: index + 1,
                    sections.isEmpty ? "a key is outside of any section" : "the line is neither a section nor a key",
                    help: "is this a file of another format?"
                )
            }
            count += 1
            guard count <= ImportLimits.keys else {
                throw ImportError(file.path, line: index + 1, "the file has more than \(ImportLimits.keys) keys")
            }
            let value = text[text.index(after: separator)...].trimmed
            guard value.utf8.count <= ImportLimits.valueBytes else {
                throw ImportError(file.path, line: index + 1, "the value is longer than 32 KiB")
            }
            sections[sections.count - 1].entries.append(
                INIEntry(key: text[..<separator].trimmed.lowercased(), value: value, line: index + 1)
            )
        }
        return sections
    }

    /// Removes a comment: a whole line, or the part after a blank and `;` or `#`.
    private static func uncommented(_ line: String) -> String {
        let text = line.trimmed
        if text.hasPrefix(";") || text.hasPrefix("#") { return "" }
        var previous: UInt8 = 0
        for index in text.utf8.indices {
            let byte = text.utf8[index]
            if byte == UInt8(ascii: ";") || byte == UInt8(ascii: "#"), previous == 32 || previous == 9 {
                return text[..<index].trimmed
            }
            previous = byte
        }
        return text
    }
}
