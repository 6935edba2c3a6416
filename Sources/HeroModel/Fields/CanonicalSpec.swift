/// The spec of a service as lines of `path TAB value` without default values: equal specs have equal texts.
///
/// The database stores this text for a started service, and a later manifest is compared with it. So formatting, the
/// order of keys and explicit default values do not count as changes. The commit in a path of a checkout does not count
/// either.
public struct CanonicalSpec: Hashable, Sendable, Codable {
    /// The lines, sorted by path; each ends with a line feed.
    public var text: String

    /// Makes a spec from stored lines.
    public init(text: String) {
        self.text = text
    }

    /// Whether both texts have the same bytes.
    public static func == (left: Self, right: Self) -> Bool { left.text.utf8.elementsEqual(right.text.utf8) }

    /// Hashes the bytes.
    public func hash(into hasher: inout Hasher) { hasher.combine(ByteText(text)) }

    /// Renders the spec of a service.
    public init(_ spec: ServiceSpec) {
        var lines: [String] = []
        Self.append(spec, ServiceSpec.fields, prefix: "", to: &lines)
        for action in spec.actions {
            Self.append(action, ActionSpec.fields, prefix: "actions.\(action.name).", to: &lines)
        }
        text = lines.sorted().joined()
    }

    /// Renders the spec of a standalone action; its paths begin with the key.
    public init(standalone spec: ActionSpec) {
        var lines: [String] = []
        Self.append(spec, ActionSpec.fields, prefix: "", to: &lines)
        text = lines.sorted().joined()
    }

    private static func append<Subject>(
        _ subject: Subject,
        _ fields: [Field<Subject>],
        prefix: String,
        to lines: inout [String]
    ) {
        // By index, because copying a field would retain all its texts.
        for number in fields.indices {
            switch fields[number].value(subject) {
            case .byDefault: break
            case .text(let text): lines.append(line(prefix + fields[number].key, text))
            case .map(let entries):
                for (name, text) in entries { lines.append(line(prefix + fields[number].key + "." + name, text)) }
            }
        }
    }

    /// Appending is much faster than interpolation, and a plan renders every declared service.
    private static func line(_ path: String, _ rawValue: String) -> String {
        let value = CheckoutPath.withoutCommits(rawValue)
        var line = path
        line.reserveCapacity(path.utf8.count + value.utf8.count + 2)
        line += "\t"
        line += value
        line += "\n"
        return line
    }

    /// The values by path.
    public var values: Values {
        var result: Values = [:]
        // As bytes: a combining mark at the beginning of a value would join the tab before it to one character.
        for line in text.utf8.split(separator: UInt8(ascii: "\n")) {
            guard let tab = line.firstIndex(of: UInt8(ascii: "\t")) else { continue }
            result[ByteText(String(Substring(line[..<tab])))] = ByteText(
                String(Substring(line[line.index(after: tab)...]))
            )
        }
        return result
    }

    /// The cost of a change at a path; an unknown field (of a newer version) costs a restart.
    public static func cost(of path: String) -> CostOfChange {
        field(of: path)?.cost ?? .restart
    }

    /// The default at a path as written in a manifest; nil if there is none.
    public static func defaultText(of path: String) -> String? {
        guard let text = field(of: path)?.property?.defaultValue.text, !text.isEmpty else { return nil }
        return text
    }

    private static func field(of path: String) -> (cost: CostOfChange, property: Property?)? {
        var parts = path.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        if parts.count >= 3, parts[0] == "actions" {
            parts.removeFirst(2)
            return parts.first.flatMap { actionFields[$0] }.map { facts(of: $0, parts.dropFirst()) }
        }
        return parts.first.flatMap { serviceFields[$0] }.map { facts(of: $0, parts.dropFirst()) }
    }

    private static func facts<Subject>(
        of field: Field<Subject>,
        _ parts: ArraySlice<String>
    ) -> (cost: CostOfChange, property: Property?) {
        (field.cost(ofPart: parts.first), field.property.descendant(parts))
    }

    private static let serviceFields = byKey(ServiceSpec.fields)
    private static let actionFields = byKey(ActionSpec.fields)

    private static func byKey<Subject>(_ fields: [Field<Subject>]) -> [String: Field<Subject>] {
        Dictionary(fields.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
    }
}

extension Property {
    /// The nested key at the rest of a path; nil if the path leads into a map with names chosen by the author.
    fileprivate func descendant(_ path: ArraySlice<String>) -> Property? {
        guard let key = path.first else { return self }
        guard case .object(let object) = valueSchema else { return nil }
        return object.properties.first { $0.key == key }?.descendant(path.dropFirst())
    }
}
