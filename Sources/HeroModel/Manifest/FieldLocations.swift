/// The locations of the fields of a declaration, by field path (`requires`, `env.PORT`, `actions.server.exec`).
///
/// The entries are stored as they were read, in one list per file and prefix, because lookups are rare.
public struct FieldLocations: Hashable, Sendable {
    /// The location of one field.
    public struct Entry: Hashable, Sendable {
        /// The path of the field, relative to the prefix of its section.
        public var path: String
        /// Line, from 1.
        public var line: Int32
        /// Column in characters, from 1.
        public var column: Int32
        /// The length of the key in characters; 0 if it extends to the end of the line.
        public var length: Int32

        /// Makes an entry.
        public init(_ path: String, line: Int32, column: Int32, length: Int32 = 1) {
            self.path = path
            self.line = line
            self.column = column
            self.length = length
        }
    }

    /// The fields of one file whose paths have a common prefix.
    private struct Section: Hashable {
        var prefix: String
        var file: String
        var entries: [Entry]
        /// The indices of the entries by path, if there are many entries.
        var index: [String: Int]
    }

    private var sections: [Section] = []
    /// The indices of the sections by prefix, if there are many sections.
    private var sectionsByPrefix: [String: [Int]] = [:]
    /// The count from which an index is worth its memory.
    private static let indexThreshold = 48

    /// Makes an empty table with capacity for this number of sections.
    public init(capacity: Int = 0) { sections.reserveCapacity(capacity) }

    /// Makes locations from a table.
    public init(_ locations: [String: ManifestLocation]) {
        for (file, fields) in Dictionary(grouping: locations.sorted { $0.key < $1.key }, by: \.value.file).sorted(by: {
            $0.key < $1.key
        }) {
            add(
                fields.map {
                    Entry($0.key, line: Int32(clamping: $0.value.line), column: Int32(clamping: $0.value.column))
                },
                in: file
            )
        }
    }

    /// Adds fields of one file; their paths follow a prefix.
    ///
    /// A later field overrides an earlier one with the same path.
    public mutating func add(_ entries: [Entry], in file: String, prefix: String = "") {
        guard !entries.isEmpty else { return }
        var index: [String: Int] = [:]
        if entries.count > Self.indexThreshold {
            index = Dictionary(entries.enumerated().map { ($1.path, $0) }, uniquingKeysWith: { $1 })
        }
        if sections.count == Self.indexThreshold {
            for (number, section) in sections.enumerated() {
                sectionsByPrefix[section.prefix, default: []].append(number)
            }
        }
        if sections.count >= Self.indexThreshold { sectionsByPrefix[prefix, default: []].append(sections.count) }
        sections.append(Section(prefix: prefix, file: file, entries: entries, index: index))
    }

    /// The location of the field with exactly this path.
    public subscript(path: some StringProtocol) -> ManifestLocation? {
        if sectionsByPrefix.isEmpty {
            for section in sections.reversed() {
                if let location = location(of: path, in: section) { return location }
            }
            return nil
        }
        // A prefix ends with the dot after an action's name, or is empty.
        let dots = path.indices.filter { path[$0] == "." }.prefix(2)
        let prefixes = dots.count == 2 ? dots.last.map { [String(path[...$0]), ""] } ?? [""] : [""]
        for number in prefixes.flatMap({ sectionsByPrefix[$0] ?? [] }).sorted(by: >) {
            if let location = location(of: path, in: sections[number]) { return location }
        }
        return nil
    }

    private func location(of path: some StringProtocol, in section: Section) -> ManifestLocation? {
        guard path.hasPrefix(section.prefix) || section.prefix.isEmpty else { return nil }
        let rest = path.dropFirst(section.prefix.count)
        let found =
            section.index.isEmpty
            ? section.entries.last { $0.path == rest } : section.index[String(rest)].map { section.entries[$0] }
        return found.map { ManifestLocation(file: section.file, line: Int($0.line), column: Int($0.column)) }
    }

    /// All locations in one table.
    public var table: [String: ManifestLocation] {
        var result: [String: ManifestLocation] = [:]
        for section in sections {
            for entry in section.entries {
                result[section.prefix + entry.path] = ManifestLocation(
                    file: section.file,
                    line: Int(entry.line),
                    column: Int(entry.column)
                )
            }
        }
        return result
    }
}
