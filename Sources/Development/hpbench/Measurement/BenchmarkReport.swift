import Foundation

/// The table for the terminal and for the documentation.
struct BenchmarkReport {
    let results: Measurements
    let sizes: Sizes

    /// The table in Markdown, padded for the terminal.
    var table: String {
        let columns = results.columns
        let header = ["figure"] + columns.map(name) + ["aim", ""]
        let rows = Figure.allCases.map { figure in
            let row = figure.row(sizes)
            return [row.title] + columns.map { cell(figure, $0) } + [row.aim.text, outcome(figure)]
        }
        let widths = header.indices.map { index in
            ([header] + rows).map { $0[index].count }.max() ?? 0
        }
        func line(_ cells: [String]) -> String {
            let padded = zip(cells, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
            return "| " + padded.joined(separator: " | ") + " |"
        }
        let rule = "|" + widths.map { String(repeating: "-", count: $0 + 2) }.joined(separator: "|") + "|"
        return ([line(header), rule] + rows.map(line)).joined(separator: "\n") + "\n"
    }

    /// The figures that miss their aim.
    var missed: [Figure] {
        Figure.allCases.filter { figure in
            results[figure, .heroproc].map { !figure.row(sizes).aim.isMet(by: $0) } ?? false
        }
    }

    /// The section of the page between its markers.
    var section: String {
        let absent = Contender.allCases.filter { !$0.isInstalled }.map(\.rawValue)
        var text = "Measured on \(MachineInfo.date): \(MachineInfo.description).\n\n" + table + "\n"
        for note in results.notes { text += "- \(note)\n" }
        if !absent.isEmpty { text += "- Not installed, so not measured: \(absent.joined(separator: ", ")).\n" }
        return text
    }

    /// Replaces the section between the markers of the page.
    ///
    /// The text around it does not change.
    func write(to path: String) throws {
        let begin = "<!-- hpbench: begin -->\n"
        let end = "<!-- hpbench: end -->"
        guard let page = try? String(contentsOfFile: path, encoding: .utf8),
            let first = page.range(of: begin), let last = page.range(of: end), first.upperBound <= last.lowerBound
        else { throw BenchError("cannot write \(path): it does not contain the lines \(begin)and \(end)") }
        let text = page[..<first.upperBound] + section + page[last.lowerBound...]
        try text.write(toFile: path, atomically: true, encoding: .utf8)
    }

    private func name(_ column: Measurements.Column) -> String {
        switch column {
        case .bareLoop: "bare"
        case .contender(let contender): contender.rawValue
        }
    }

    private func cell(_ figure: Figure, _ column: Measurements.Column) -> String {
        guard let value = results[figure, column] else { return "" }
        return String(format: "%.\(figure.row(sizes).digits)f", value)
    }

    private func outcome(_ figure: Figure) -> String {
        let aim = figure.row(sizes).aim
        guard !aim.text.isEmpty, let value = results[figure, .heroproc] else { return "" }
        return aim.isMet(by: value) ? "met" : "missed"
    }
}
