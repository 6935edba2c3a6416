import HeroJSON
import HeroModel
import HeroRandom

@testable import HeroManifest

/// Writes documents in a different style with the same meaning; the seed determines the style.
struct ManifestRewriter {
    private var random: SeededGenerator
    private let writesDefaults: Bool

    init(seed: UInt64, writesDefaults: Bool) {
        random = SeededGenerator(seed)
        self.writesDefaults = writesDefaults
    }

    /// Returns the documents as one file.
    mutating func text(_ documents: [YAMLNode]) -> String {
        var result = ""
        for document in documents {
            result += "---\n" + block(document, keys: keys(of: document), indent: 0) + "\n"
        }
        return result
    }

    private func keys(of document: YAMLNode) -> [Property] {
        guard case .mapping(let entries) = document.content,
            case .scalar(let kind, plain: _)? = entries.first(where: { $0.key == "kind" })?.value.content
        else { return [] }
        switch DocumentKind(rawValue: kind) {
        case .service: return ServiceSpec.fields.map(\.property)
        case .action: return ActionSpec.fields.map(\.property)
        case .settings: return Settings.fields.map(\.property)
        case nil: return []
        }
    }

    /// Returns the keys of a map with a known schema, or of the maps of a list.
    private func keys(of schema: ValueSchema?) -> [Property] {
        switch schema {
        case .object(let object): object.properties
        case .action:
            ActionSpec.fields.map(\.property).filter { $0.key == "name" || ActionDraft.inlineKeyNames.contains($0.key) }
        case .list(let item, atLeast: _): keys(of: item)
        case .either(_, let second): keys(of: second)
        case .bool, .constantTrue, .text, .formatted, .duration, .size, .integer, .number, .enumeration, .signal, .map,
            nil:
            []
        }
    }

    // MARK: Random choices

    private mutating func roll(_ sides: Int) -> Int {
        random.number(below: sides)
    }

    private mutating func shuffled(_ entries: [YAMLEntry]) -> [YAMLEntry] {
        var result = entries
        for index in result.indices.reversed() { result.swapAt(index, roll(index + 1)) }
        return result
    }

    // MARK: Writing

    private mutating func entries(_ entries: [YAMLEntry], _ keys: [Property]) -> [YAMLEntry] {
        var result = entries
        guard writesDefaults else { return shuffled(result) }
        let written = Set(entries.map(\.key))
        for property in keys where !written.contains(property.key) && roll(2) == 0 {
            guard let value = node(property.defaultValue) else { continue }
            result.append(YAMLEntry(key: property.key, span: .start, value: value))
        }
        return shuffled(result)
    }

    private func node(_ defaultValue: DefaultValue) -> YAMLNode? {
        switch defaultValue {
        case .none, .described: nil
        case .bool, .integer, .number, .text:
            YAMLNode(content: .scalar(defaultValue.text, plain: true), span: .start)
        case .list(let items): YAMLNode(content: .sequence(items.compactMap(node)), span: .start)
        }
    }

    private mutating func block(_ node: YAMLNode, keys: [Property], indent: Int) -> String {
        let margin = String(repeating: " ", count: indent)
        switch node.content {
        case .mapping(let pairs) where !pairs.isEmpty && (indent == 0 || roll(3) > 0):
            return entries(pairs, keys).map { entry in
                let property = keys.first { $0.key == entry.key }
                return comment(margin)
                    + "\(margin)\(scalarText(entry.key, isPlain: Scalars.isPlainText(entry.key), inFlow: false)):"
                    + value(entry.value, keys: self.keys(of: property?.valueSchema), indent: indent)
            }.joined(separator: "\n")
        case .sequence(let items) where !items.isEmpty && roll(3) > 0:
            return items.map { item in
                comment(margin) + "\(margin)-" + value(item, keys: keys, indent: indent)
            }.joined(separator: "\n")
        case .mapping, .sequence, .scalar, .invalid:
            return margin + flow(node, keys: keys)
        }
    }

    /// Writes the value after a key or a dash: on the same line, or on the following lines.
    private mutating func value(_ node: YAMLNode, keys: [Property], indent: Int) -> String {
        switch node.content {
        case .scalar, .invalid: return " " + flow(node, keys: keys, isWithin: false) + (roll(5) == 0 ? "   # so" : "")
        case .mapping, .sequence:
            if roll(3) == 0 { return " " + flow(node, keys: keys) }
            return "\n" + block(node, keys: keys, indent: indent + 1 + roll(4))
        }
    }

    private mutating func comment(_ margin: String) -> String {
        switch roll(8) {
        case 0: "\(margin)# a comment: {with, [signs\n"
        case 1: "\n"
        default: ""
        }
    }

    private mutating func flow(_ node: YAMLNode, keys: [Property], isWithin: Bool = true) -> String {
        switch node.content {
        case .scalar(let text, plain: let isPlain): return scalarText(text, isPlain: isPlain, inFlow: isWithin)
        case .sequence(let items):
            return "[" + items.map { flow($0, keys: keys) }.joined(separator: roll(2) == 0 ? ", " : " , ") + "]"
        case .mapping(let pairs):
            let texts = entries(pairs, keys).map { entry in
                let property = keys.first { $0.key == entry.key }
                return scalarText(entry.key, isPlain: Scalars.isPlainText(entry.key), inFlow: true) + ": "
                    + flow(entry.value, keys: self.keys(of: property?.valueSchema))
            }
            return "{" + texts.joined(separator: ", ") + "}"
        case .invalid: return ""
        }
    }

    private mutating func scalarText(_ text: String, isPlain: Bool, inFlow: Bool) -> String {
        if isPlain, !Scalars.isPlainText(text) { return text }
        let isSimple = text.utf8.allSatisfy {
            (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || "_./".utf8.contains($0)
        }
        switch roll(3) {
        case 0 where isPlain && isSimple && !text.isEmpty: return text
        case 1 where text.utf8.allSatisfy { $0 >= 32 && $0 != 127 }:
            return "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") + "'"
        default: return Canonical.quoted(text)
        }
    }
}
