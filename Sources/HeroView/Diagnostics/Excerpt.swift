import HeroJSON

/// A line of a manifest with a caret below it.
///
/// The line is untrusted: tabs become spaces up to the next tab stop, control characters become visible escapes, wide
/// characters count two columns, and a long line is cut around the caret. The caret stays below its character.
struct Excerpt {
    /// A tab is shown as spaces up to the next multiple of this.
    private static let tabStop = 4
    /// The columns that are shown without a terminal.
    private static let maximumWidth = 160

    /// The line as it is shown.
    private(set) var text: String
    /// The caret line: spaces, then `^~~~`.
    private(set) var caret: String

    /// Lays out a line.
    ///
    /// - Parameters:
    ///   - line: the line without its line break.
    ///   - column: the column of the caret in characters, from 1.
    ///   - length: the number of underlined characters, at least 1.
    ///   - width: the number of available columns.
    init(_ line: String, column: Int, length: Int, width: Int?) {
        let pieces = Self.displayedCharacters(line)
        // A location behind the end of its line (a missing value) is shown directly behind the line.
        let start = min(max(1, column) - 1, pieces.count)
        let end = start + max(1, min(length, pieces.count - start))
        let limit = max(20, min(Self.maximumWidth, width ?? Self.maximumWidth))
        let window = Self.window(pieces, around: start, limit: limit)
        text = (window.lowerBound > 0 ? "…" : "") + pieces[window].map(\.text).joined()
        if window.upperBound < pieces.count { text += "…" }
        while text.last == " " { text.removeLast() }

        func columns(_ range: Range<Int>) -> Int { pieces[range.clamped(to: window)].reduce(0) { $0 + $1.columns } }
        let before = columns(window.lowerBound..<max(window.lowerBound, start)) + (window.lowerBound > 0 ? 1 : 0)
        let underlined = max(1, columns(start..<max(start, end)))
        caret = String(repeating: " ", count: before) + "^" + String(repeating: "~", count: underlined - 1)
    }

    /// One character of the line as it is shown.
    private struct DisplayedCharacter {
        var text: String
        var columns: Int
    }

    private static func displayedCharacters(_ line: String) -> [DisplayedCharacter] {
        var result: [DisplayedCharacter] = []
        var column = 0
        for scalar in line.unicodeScalars {
            var piece: DisplayedCharacter
            if scalar == "\t" {
                let blanks = tabStop - column % tabStop
                piece = DisplayedCharacter(text: String(repeating: " ", count: blanks), columns: blanks)
            } else if scalar.isTerminalControl {
                let escape = scalar.visibleEscape
                piece = DisplayedCharacter(text: escape, columns: escape.utf8.count)
            } else {
                piece = DisplayedCharacter(text: String(scalar), columns: scalar.columns)
            }
            column += piece.columns
            result.append(piece)
        }
        return result
    }

    /// The characters that are shown: all, or as many around the caret as fit.
    private static func window(_ pieces: [DisplayedCharacter], around start: Int, limit: Int) -> Range<Int> {
        guard pieces.reduce(0, { $0 + $1.columns }) > limit else { return 0..<pieces.count }
        // Up to two thirds of the width before the caret, the rest behind it, with an ellipsis on both sides.
        let available = limit - 2
        var lower = start
        var used = 0
        while lower > 0, used + pieces[lower - 1].columns <= available * 2 / 3 {
            lower -= 1
            used += pieces[lower].columns
        }
        var upper = start
        while upper < pieces.count, used + pieces[upper].columns <= available {
            used += pieces[upper].columns
            upper += 1
        }
        return lower..<upper
    }
}
