/// Characters that look like others, or like nothing: word processors, chats and keyboards put them into manifests.
enum ConfusableCharacter {
    /// What each is called, and what was meant.
    private static let descriptions: [Unicode.Scalar: (name: String, instead: String)] = [
        "\u{A0}": ("a no-break space", "a blank"), "\u{2007}": ("a figure space", "a blank"),
        "\u{202F}": ("a narrow no-break space", "a blank"), "\u{3000}": ("an ideographic space", "a blank"),
        "\u{AD}": ("a soft hyphen", "nothing"), "\u{200B}": ("a zero-width space", "nothing"),
        "\u{200C}": ("a zero-width non-joiner", "nothing"), "\u{200D}": ("a zero-width joiner", "nothing"),
        "\u{2060}": ("a word joiner", "nothing"), "\u{FEFF}": ("a byte order mark", "nothing"),
        "\u{FF1A}": ("a full-width colon", "`:`"), "\u{FF0C}": ("a full-width comma", "`,`"),
        "\u{201C}": ("a typographic quote", "`\"`"), "\u{201D}": ("a typographic quote", "`\"`"),
        "\u{201E}": ("a typographic quote", "`\"`"), "\u{2018}": ("a typographic quote", "`'`"),
        "\u{2019}": ("a typographic quote", "`'`"), "\u{2013}": ("an en dash", "`-`"),
        "\u{2014}": ("an em dash", "`-`"),
    ]

    /// What to do about the first one in a line that cannot be read; nil when there is none.
    static func help(forLine line: String?) -> String? {
        for scalar in (line ?? "").unicodeScalars {
            guard let (name, instead) = descriptions[scalar] else { continue }
            return "this line contains \(codePoint(scalar)), \(name): write \(instead) in its place"
        }
        return nil
    }

    /// Whether nobody sees it, or sees only a blank.
    static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0xA0, 0xAD, 0x061C, 0x2007, 0x200B...0x200F, 0x2028...0x202F, 0x2060...0x206F, 0x3000, 0xFEFF: true
        default: false
        }
    }

    /// The first character that no name can have, to be added to a sentence that says which ones can.
    static func invalidCharacterHint(in name: String) -> String {
        for scalar in name.unicodeScalars {
            switch scalar {
            case "a"..."z", "0"..."9", "_", "-": continue
            case let other where other.isASCII: return other.value < 33 ? "" : "; `\(other)` is none of these"
            case let other where isInvisible(other): return "; \(codePoint(other)), which nobody sees, is none of these"
            case let other: return "; `\(other)` (\(codePoint(other))) is none of these"
            }
        }
        return ""
    }

    /// `U+200B`.
    static func codePoint(_ scalar: Unicode.Scalar) -> String {
        let digits = String(scalar.value, radix: 16, uppercase: true)
        return "U+" + String(repeating: "0", count: max(0, 4 - digits.utf8.count)) + digits
    }
}
