/// Where the fields of a declaration are written, by field path (`requires`, `env.PORT`, `actions.server.exec`).
///
/// Kept as it was read, in one list for each file and prefix: nearly nobody asks, and who asks has few questions.
public struct FieldLocations: Hashable, Sendable {
    /// Where one field is written.
    public struct Entry: Hashable, Sendable {
        /// The field's path within its section.
        public var path: String
        /// Line, from 1.
        public var line: Int32
        /// Column in characters, from 1.
        public var column: Int32
        /// Characters that its key takes; 0 where it goes on to the end of the line.
        public var length: Int32

        /// Makes an entry.
        public init(_ path: String, line: Int32, column: Int32, length: Int32 = 1) {
            self.path = path
            self.line = line
            self.column = column
            self.length = length
        }
    }

    /// Fields that are written in one file and whose paths begin alike.
    private struct Section: Hashable {
        var prefix: String
        var file: String
        var entries: [Entry]
        /// The numbers of the entries by path, where there are very many.
        var index: [String: Int]
    }

    private var sections: [Section] = []
    /// The numbers of the sections by prefix, where there are very many.
    private var sectionsByPrefix: [String: [Int]] = [:]
    /// From how many on a table is worth its room.
    private static let indexThreshold = 48

    /// Makes places without fields, with room for so many lists of them.
    public init(capacity: Int = 0) { sections.reserveCapacity(capacity) }

    /// Makes places from a table.
    public init(_ places: [String: ManifestLocation]) {
        for (file, fields) in Dictionary(grouping: places.sorted { $0.key < $1.key }, by: \.value.file).sorted(by: {
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

    /// Adds fields of one file, whose paths are what stands after a prefix; they win over those added before.
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

    /// Where the field of exactly this path is written.
    public subscript(path: some StringProtocol) -> ManifestLocation? {
        if sectionsByPrefix.isEmpty {
            for section in sections.reversed() {
                if let place = location(of: path, in: section) { return place }
            }
            return nil
        }
        // A prefix ends with the dot after an action's name, or is empty.
        let dots = path.indices.filter { path[$0] == "." }.prefix(2)
        let prefixes = dots.count == 2 ? dots.last.map { [String(path[...$0]), ""] } ?? [""] : [""]
        for number in prefixes.flatMap({ sectionsByPrefix[$0] ?? [] }).sorted(by: >) {
            if let place = location(of: path, in: sections[number]) { return place }
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

    /// All of them in one table.
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
