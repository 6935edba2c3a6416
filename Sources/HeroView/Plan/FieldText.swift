import HeroModel
import HeroPlan

/// The values of a changed field as a plan shows them.
struct FieldText {
    /// The columns of a value above which the common prefix of both values is cut.
    private static let limit = 60
    /// The characters of the common prefix that are kept.
    private static let keptPrefix = 12

    /// The recorded value, `30s (default)` or `unset`.
    private(set) var before: String
    /// The declared value.
    private(set) var after: String

    /// Renders a field of a service or, with `isStandalone`, of a standalone action, whose paths have no
    /// `actions.NAME`.
    init(_ field: FieldDiff, isStandalone: Bool = false) {
        guard field.file == nil else {
            before = Self.digestText(field.before)
            after = Self.digestText(field.after)
            return
        }
        let path = isStandalone ? "actions._.\(field.path)" : field.path
        let shape = ValueStyle(of: path)
        var (old, new) = (field.before?.printable, field.after?.printable)
        if let oldText = old, let newText = new, max(oldText.columns, newText.columns) > Self.limit {
            let common = zip(oldText, newText).prefix { $0 == $1 }.count
            let cut = max(0, common - Self.keptPrefix)
            old = Self.shortened(oldText, from: cut)
            new = Self.shortened(newText, from: cut)
        } else {
            old = old.map { Self.shortened($0, from: 0) }
            new = new.map { Self.shortened($0, from: 0) }
        }
        let missing = CanonicalSpec.defaultText(of: path).map { "\($0) (default)" } ?? "unset"
        before = old.map(shape.format) ?? missing
        after = new.map(shape.format) ?? missing
    }

    /// The beginning of a digest; the content itself where no digest is shown.
    private static func digestText(_ digest: String?) -> String { digest.map { String($0.prefix(19)) } ?? "content" }

    private static func shortened(_ text: String, from cut: Int) -> String {
        (cut > 0 ? "…" : "") + String(text.dropFirst(cut)).truncated(to: limit)
    }

    /// How a value is delimited in text.
    private enum ValueStyle {
        /// Undelimited: numbers, durations, keywords.
        case bare
        /// In double quotes.
        case quoted
        /// In brackets.
        case listed

        init(of path: String) {
            var parts = path.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
            var type: String?
            if parts.count >= 3, parts[0] == "actions" {
                parts.removeFirst(2)
                type = ActionSpec.fields.first { $0.key == parts[0] }?.type
            } else {
                type = ServiceSpec.fields.first { $0.key == parts.first }?.type
            }
            guard let type else {
                self = .quoted
                return
            }
            let isText = ["text", "path", "name", "map of"].contains { type.hasPrefix($0) }
            self = type.hasPrefix("list") ? .listed : (isText ? .quoted : .bare)
        }

        func format(_ text: String) -> String {
            switch self {
            case .bare: text
            // Canonical text with more than one plain word is already quoted.
            case .quoted: text.hasPrefix("\"") ? text : "\"\(text)\""
            case .listed: "[\(text)]"
            }
        }
    }
}
