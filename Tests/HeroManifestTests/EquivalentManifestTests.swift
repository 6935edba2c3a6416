import HeroModel
import Testing

@testable import HeroManifest

@Suite("Rewriting")
struct EquivalentManifestTests {
    @Test(
        "order, quotes, comments, blocks, brackets and spelled-out defaults cannot be seen (MF-5)",
        arguments: ManifestCase.all("good")
    )
    func rewrittenManifestIsEqual(_ folder: ManifestCase) throws {
        let files = try folder.files()
        let options = folder.options
        let plain = try #require(Manifests.read(files, options: options).desired)
        // A default that the set itself changes is no default any more when it is spelled out.
        let hasOwnDefaults =
            plain.settings.stop != StopPolicy() || plain.settings.log != LogPolicy()
            || plain.settings.retry != RetryDefaults()
        for seed in 0..<12 {
            var rewriter = ManifestRewriter(seed: UInt64(seed), spellsDefaults: !hasOwnDefaults)
            let rewritten = files.map { file in
                var scope = FileDecoder(fileIndex: 0, file: file)
                var other = file
                other.bytes = Array(rewriter.text(YAMLReader.read(in: &scope)).utf8)
                return other
            }
            let result = Manifests.read(rewritten, options: options)
            let texts = rewritten.map { String(decoding: $0.bytes, as: UTF8.self) }.joined(separator: "\n=====\n")
            let desired = try #require(
                result.desired,
                "seed \(seed)\n\(GoldenText.diagnostics(result.diagnostics))\n\(texts)"
            )
            #expect(desired.services.mapValues(\.spec) == plain.services.mapValues(\.spec), "seed \(seed)\n\(texts)")
            #expect(desired.actions.mapValues(\.spec) == plain.actions.mapValues(\.spec), "seed \(seed)\n\(texts)")
            #expect(desired.settings == plain.settings, "seed \(seed)\n\(texts)")
            for (name, declared) in desired.services {
                #expect(CanonicalSpec(declared.spec) == plain.services[name].map { CanonicalSpec($0.spec) })
            }
        }
    }
}

/// Writes documents in other words with the same meaning, chosen by a seed.
struct ManifestRewriter {
    private var state: UInt64
    private let spellsDefaults: Bool

    init(seed: UInt64, spellsDefaults: Bool) {
        state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1
        self.spellsDefaults = spellsDefaults
    }

    /// The documents as one file.
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

    /// The keys of a map, or of each map of a list, that has a form.
    private func keys(of form: ValueSchema?) -> [Property] {
        switch form {
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

    // MARK: Chance

    private mutating func roll(_ sides: Int) -> Int {
        // Knuth's MMIX constants: a failure can be repeated by its seed.
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int(state >> 33) % sides
    }

    private mutating func shuffled(_ entries: [YAMLEntry]) -> [YAMLEntry] {
        var result = entries
        for index in result.indices.reversed() { result.swapAt(index, roll(index + 1)) }
        return result
    }

    // MARK: Writing

    private mutating func entries(_ entries: [YAMLEntry], _ keys: [Property]) -> [YAMLEntry] {
        var result = entries
        guard spellsDefaults else { return shuffled(result) }
        let written = Set(entries.map(\.key))
        for property in keys where !written.contains(property.key) && roll(2) == 0 {
            guard let value = node(property.defaultValue) else { continue }
            result.append(YAMLEntry(key: property.key, span: .start, value: value))
        }
        return shuffled(result)
    }

    private func node(_ standard: DefaultValue) -> YAMLNode? {
        switch standard {
        case .none, .described: nil
        case .bool, .integer, .number, .text:
            YAMLNode(content: .scalar(standard.text, plain: true), span: .start)
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

    /// What follows a key or a dash: on the same line, or on the lines below.
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
