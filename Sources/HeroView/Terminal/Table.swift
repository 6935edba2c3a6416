/// Rows under headings, aligned by terminal columns.
struct Table {
    /// The alignment of the texts in a column.
    enum Alignment {
        case left
        case right
    }

    /// A heading, and the layout of the texts below it.
    struct Column {
        var heading: String
        var alignment = Alignment.left
        /// Whether the column is cut if a row does not fit.
        var isElastic = false
    }

    /// A text and its style; the text is made printable.
    struct Cell {
        var text: String
        var style: TextStyle?

        init(_ text: String, _ style: TextStyle? = nil) {
            self.text = text.printable
            self.style = style
        }
    }

    /// The minimum width of an elastic column; a row that needs more overflows.
    private static let minimumWidth = 12
    private static let gap = "  "

    var columns: [Column]
    var rows: [[Cell]] = []

    init(_ columns: [Column]) {
        self.columns = columns
    }

    /// The lines, headings first; each is ended by a line feed.
    func text(_ style: OutputStyle) -> String {
        let widths = widths(within: style.width)
        var result = line(columns.map { Cell($0.heading, .bold) }, widths, style)
        for row in rows { result += line(row, widths, style) }
        return result
    }

    private func widths(within limit: Int?) -> [Int] {
        var widths = columns.map(\.heading.columns)
        for row in rows {
            for (index, cell) in row.enumerated() where index < widths.count {
                widths[index] = max(widths[index], cell.text.columns)
            }
        }
        guard let limit, let elastic = columns.firstIndex(where: \.isElastic) else { return widths }
        let total = widths.reduce(0, +) + Self.gap.columns * max(0, columns.count - 1)
        if total > limit {
            widths[elastic] = max(min(widths[elastic], Self.minimumWidth), widths[elastic] - (total - limit))
        }
        return widths
    }

    private func line(_ cells: [Cell], _ widths: [Int], _ style: OutputStyle) -> String {
        var result = ""
        var blanks = ""
        for (index, (cell, width)) in zip(cells, widths).enumerated() {
            let text = columns[index].isElastic ? cell.text.truncated(to: width) : cell.text
            let filling = String(repeating: " ", count: max(0, width - text.columns))
            if columns[index].alignment == .right { blanks += filling }
            if !text.isEmpty {
                // Spaces are written only before further text, so that no line ends with a space.
                result += blanks + style.paint(text, cell.style)
                blanks = ""
            }
            if columns[index].alignment == .left { blanks += filling }
            blanks += Self.gap
        }
        return result + "\n"
    }
}
