/// Characters that look like other characters or are invisible; editors and chats insert them into manifests.
enum ConfusableCharacter {
    /// The name of each character, and the character to write instead; nil if it only has to be removed.
    private static let descriptions: [Unicode.Scalar: (name: String, instead: String?)] = [
        "\u{A0}": ("a no-break space", "a space"), "\u{2007}": ("a figure space", "a space"),
        "\u{202F}": ("a narrow no-break space", "a space"), "\u{3000}": ("an ideographic space", "a space"),
        "\u{AD}": ("a soft hyphen", nil), "\u{200B}": ("a zero-width space", nil),
        "\u{200C}": ("a zero-width non-joiner", nil), "\u{200D}": ("a zero-width joiner", nil),
        "\u{2060}": ("a word joiner", nil), "\u{FEFF}": ("a byte order mark", nil),
        "\u{FF1A}": ("a full-width colon", "`:`"), "\u{FF0C}": ("a full-width comma", "`,`"),
        "\u{201C}": ("a typographic quote", "`\"`"), "\u{201D}": ("a typographic quote", "`\"`"),
        "\u{201E}": ("a typographic quote", "`\"`"), "\u{2018}": ("a typographic quote", "`'`"),
        "\u{2019}": ("a typographic quote", "`'`"), "\u{2013}": ("an en dash", "`-`"),
        "\u{2014}": ("an em dash", "`-`"),
    ]

    /// Returns the help for the first such character of a line that cannot be parsed; nil if there is none.
    static func help(forLine line: String?) -> String? {
        for scalar in (line ?? "").unicodeScalars {
            guard let (name, instead) = descriptions[scalar] else { continue }
            let action = instead.map { "write \($0) instead" } ?? "remove it"
            return "this line contains \(codePoint(scalar)), \(name): \(action)"
        }
        return nil
    }

    /// Whether the character is invisible or looks like a space.
    static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0xA0, 0xAD, 0x061C, 0x2007, 0x200B...0x200F, 0x2028...0x202F, 0x2060...0x206F, 0x3000, 0xFEFF: true
        default: false
        }
    }

    /// Names the first character that is not allowed in a name, as the end of a help text; empty if there is none.
    static func invalidCharacterHint(in name: String) -> String {
        for scalar in name.unicodeScalars {
            switch scalar {
            case "a"..."z", "0"..."9", "_", "-": continue
            case let other where other.isASCII: return other.value < 33 ? "" : "; `\(other)` is not allowed"
            case let other where isInvisible(other):
                return "; the invisible character \(codePoint(other)) is not allowed"
            case let other: return "; `\(other)` (\(codePoint(other))) is not allowed"
            }
        }
        return ""
    }

    /// Returns the code point, such as `U+200B`.
    static func codePoint(_ scalar: Unicode.Scalar) -> String {
        let digits = String(scalar.value, radix: 16, uppercase: true)
        return "U+" + String(repeating: "0", count: max(0, 4 - digits.utf8.count)) + digits
    }
}
