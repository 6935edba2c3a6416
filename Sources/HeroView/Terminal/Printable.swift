import HeroJSON

extension Unicode.Scalar {
    /// The visible form of an unsafe character: `\n`, `\x1b`, `\u{202e}`.
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

    /// The number of terminal columns of the character alone.
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

    /// Wide or full width in Unicode's East Asian Width, or shown as an emoji.
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
    /// The number of terminal columns.
    var columns: Int {
        let width = unicodeScalars.first?.columns ?? 0
        // Variation selector 16 requests the emoji form.
        return width == 1 && unicodeScalars.contains("\u{FE0F}") ? 2 : width
    }
}

extension String {
    /// The text with all unsafe characters in a visible form.
    ///
    /// Untrusted text (names, errors, paths, values) must pass through this before it reaches a terminal.
    public var printable: String {
        let isPlain = utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F }
        guard !isPlain, unicodeScalars.contains(where: \.isTerminalControl) else { return self }
        var result = ""
        for scalar in unicodeScalars {
            if scalar.isTerminalControl {
                result += scalar.visibleEscape
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// The number of terminal columns; the text contains no control characters.
    var columns: Int {
        if utf8.allSatisfy({ $0 < 0x80 }) { return utf8.count }
        return reduce(0) { $0 + $1.columns }
    }

    /// The text cut to a number of columns, with `…` at its end if it was cut.
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

    /// The text padded with spaces to a number of columns.
    func padded(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - columns))
    }

    /// The text padded with leading spaces to a number of columns.
    func leftPadded(to width: Int) -> String {
        String(repeating: " ", count: max(0, width - columns)) + self
    }
}
