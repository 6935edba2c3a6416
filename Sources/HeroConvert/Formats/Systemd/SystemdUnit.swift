/// One key of a unit file.
struct SystemdEntry {
    /// The section without brackets.
    var section: String
    /// The key.
    var key: String
    /// The value.
    var value: String
    /// The place.
    var place: SourcePlace
}

/// One unit with the keys of its drop-ins.
struct SystemdUnit {
    /// The kinds of units that are imported.
    enum Kind: String {
        /// A service.
        case service
        /// A timer.
        case timer
        /// A socket.
        case socket
        /// A group of units.
        case target
    }

    /// The name without the suffix, with escapes decoded.
    var name: String
    /// The kind.
    var kind: Kind
    /// The place of the first section.
    var place: SourcePlace
    /// The keys in order.
    var entries: [SystemdEntry] = []
    /// Comments above the first section.
    var comments: [String] = []

    /// The part before `@`.
    var prefix: String { String(name.split(separator: "@", omittingEmptySubsequences: false).first ?? "") }

    /// The part after `@`; nil without one, empty for a template.
    var instance: String? {
        guard let at = name.firstIndex(of: "@") else { return nil }
        return String(name[name.index(after: at)...])
    }

    /// The last value of a key.
    func value(_ key: String) -> String? { entries.last { $0.key == key }?.value }

    /// All values of a key that is a list: an empty value removes the earlier ones.
    func values(_ key: String) -> [SystemdEntry] {
        var result: [SystemdEntry] = []
        for entry in entries where entry.key == key {
            if entry.value.isEmpty { result = [] } else { result.append(entry) }
        }
        return result
    }

    /// Reads the units of all files, and adds the keys of drop-ins to their units.
    static func read(_ state: inout ImportState) throws(ImportError) -> [SystemdUnit] {
        var units: [SystemdUnit] = []
        var dropIns: [(unit: String, entries: [SystemdEntry])] = []
        for index in state.request.files.indices {
            let file = state.request.files[index]
            let (entries, line, comments) = try parse(file, index)
            let place = SourcePlace(file: index, line: line, key: "(unit)")
            if file.name.hasSuffix(".conf") {
                let folder = file.path.split(separator: "/").dropLast().last.map(String.init) ?? ""
                guard folder.hasSuffix(".d") else {
                    state.report(place, .notRead, "not read: a drop-in is in a folder such as `web.service.d`")
                    continue
                }
                dropIns.append((String(folder.dropLast(2)), entries))
                continue
            }
            guard let dot = file.name.lastIndex(of: "."),
                let kind = Kind(rawValue: String(file.name[file.name.index(after: dot)...]))
            else {
                state.report(place, .notRead, "not read: only service, timer, socket and target units are imported")
                continue
            }
            let name = unescaped(String(file.name[..<dot]))
            units.append(SystemdUnit(name: name, kind: kind, place: place, entries: entries, comments: comments))
        }
        for dropIn in dropIns {
            let index = units.firstIndex { "\($0.name).\($0.kind.rawValue)" == unescaped(dropIn.unit) }
            if let index {
                units[index].entries += dropIn.entries
            } else if let place = dropIn.entries.first?.place {
                state.report(place, .outsideReference, "not read: the unit `\(dropIn.unit)` is not given")
            }
        }
        return units
    }

    private static func parse(
        _ file: ImportFile,
        _ index: Int
    ) throws(ImportError) -> (entries: [SystemdEntry], line: Int, comments: [String]) {
        let lines = try file.lines()
        var entries: [SystemdEntry] = []
        var section = ""
        var firstSection = 1
        var comments: [String] = []
        var number = 0
        while number < lines.count {
            let start = number
            var text = lines[number].trimmed
            number += 1
            if text.isEmpty || text.hasPrefix("#") || text.hasPrefix(";") { continue }
            if text.hasPrefix("["), text.hasSuffix("]") {
                if section.isEmpty {
                    firstSection = start + 1
                    comments = SourceComments.above(start + 1, in: lines)
                }
                section = String(text.dropFirst().dropLast())
                continue
            }
            while text.hasSuffix("\\"), number < lines.count {
                let next = lines[number].trimmed
                number += 1
                // Comments between continued lines are skipped.
                if next.hasPrefix("#") || next.hasPrefix(";") { continue }
                text = text.dropLast() + " " + next
                guard text.utf8.count <= ImportLimits.valueBytes else { break }
            }
            guard text.utf8.count <= ImportLimits.valueBytes else {
                throw ImportError(file.path, line: start + 1, "the value is longer than 32 KiB")
            }
            guard let equal = text.firstIndex(of: "="), equal != text.startIndex, !section.isEmpty else {
                throw ImportError(
                    file.path,
                    line: start + 1,
                    "the line is neither a section nor `Key=value` in a section",
                    help: "is this a unit file of systemd?"
                )
            }
            guard entries.count < ImportLimits.keys else {
                throw ImportError(file.path, line: start + 1, "the file has more than \(ImportLimits.keys) keys")
            }
            let key = text[..<equal].trimmed
            let place = SourcePlace(file: index, line: start + 1, key: "[\(section)] \(key)")
            let value = text[text.index(after: equal)...].trimmed
            entries.append(SystemdEntry(section: section, key: key, value: value, place: place))
        }
        return (entries, firstSection, comments)
    }

    /// Decodes `\x2d` in the name of a unit.
    static func unescaped(_ name: String) -> String {
        guard name.contains("\\x") else { return name }
        var result: [UInt8] = []
        let bytes = Array(name.utf8)
        var index = 0
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "\\"), index + 3 < bytes.count, bytes[index + 1] == UInt8(ascii: "x"),
                let code = UInt8(String(decoding: bytes[(index + 2)...(index + 3)], as: UTF8.self), radix: 16)
            {
                result.append(code)
                index += 4
            } else {
                result.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}
