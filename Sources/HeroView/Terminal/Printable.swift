extension Unicode.Scalar {
    /// Whether a terminal would obey it instead of showing it.
    ///
    /// Controls (C0, DEL, C1), separators of lines and paragraphs, and characters that turn the direction of what
    /// follows: all of them can make a text look like another one (CVE-2021-25743, CVE-2021-42574).
    var isUnsafeToShow: Bool {
        switch value {
        case 0..<0x20, 0x7F..<0xA0: true
        case 0x061C, 0x200E...0x200F, 0x2028...0x202E, 0x2066...0x2069: true
        default: false
        }
    }

    /// The visible form of a character that is unsafe to show: `\n`, `\x1b`, `\u{202e}`.
    var visibleEscape: String {
        switch self {
        case "\n": return "\\n"
        case "\r": return "\\r"
        case "\t": return "\\t"
        default:
            let digits = String(value, radix: 16)
            guard value < 0x100 else { return "\\u{\(digits)}" }
            return "\\x" + (digits.count < 2 ? "0" : "") + digits
        }
    }

    /// Columns of a terminal it takes by itself.
    var columns: Int {
        switch value {
        case 0x20..<0x7F: return 1
        case 0..<0x300: return 1
        default: break
        }
        switch properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format: return 0
        default: break
        }
        return isWide ? 2 : 1
    }

    /// Wide or full width in Unicode's East Asian Width, or shown as a picture.
    private var isWide: Bool {
        switch value {
        case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x4DBF, 0x4E00...0xA4CF, 0xA960...0xA97F, 0xAC00...0xD7A3,
            0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF01...0xFF60, 0xFFE0...0xFFE6, 0x1B000...0x1B2FF,
            0x20000...0x3FFFD:
            true
        default: properties.isEmojiPresentation
        }
    }
}

extension Character {
    /// Columns of a terminal it takes.
    var columns: Int {
        let width = unicodeScalars.first?.columns ?? 0
        // Variation selector 16 asks for the picture.
        return width == 1 && unicodeScalars.contains("\u{FE0F}") ? 2 : width
    }
}

extension String {
    /// The text with everything that a terminal would obey in a visible form.
    ///
    /// Nothing from outside (names, errors, paths, values) reaches a terminal without it.
    public var printable: String {
        let isPlain = utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F }
        guard !isPlain, unicodeScalars.contains(where: \.isUnsafeToShow) else { return self }
        var result = ""
        for scalar in unicodeScalars {
            if scalar.isUnsafeToShow {
                result += scalar.visibleEscape
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// Columns of a terminal it takes; it holds no control characters.
    var columns: Int {
        if utf8.allSatisfy({ $0 < 0x80 }) { return utf8.count }
        return reduce(0) { $0 + $1.columns }
    }

    /// The text cut to a number of columns, with `…` at its end where something was cut.
    func truncated(to limit: Int) -> String {
        guard columns > limit else { return self }
        guard limit > 1 else { return limit == 1 ? "…" : "" }
        var result = ""
        var used = 0
        for character in self {
            let width = character.columns
            guard used + width <= limit - 1 else { break }
            result.append(character)
            used += width
        }
        return result + "…"
    }

    /// The text with blanks up to a number of columns.
    func padded(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - columns))
    }

    /// The text with blanks before it up to a number of columns.
    func leftPadded(to width: Int) -> String {
        String(repeating: " ", count: max(0, width - columns)) + self
    }
}
