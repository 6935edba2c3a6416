import Foundation

/// The table, as it is printed and as it stands in the documentation.
struct BenchmarkReport {
    let results: Measurements
    let sizes: Sizes

    /// The table in Markdown, padded so that it reads in a terminal too.
    var table: String {
        let columns = results.columns
        let header = ["figure"] + columns.map(name) + ["aim", ""]
        let rows = Figure.allCases.map { figure in
            let line = figure.row(sizes)
            return [line.title] + columns.map { cell(figure, $0) } + [line.aim.text, outcome(figure)]
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

    /// What the page says between its marks.
    var section: String {
        let absent = Contender.allCases.filter { !$0.isInstalled }.map(\.rawValue)
        var text = "Measured on \(MachineInfo.date): \(MachineInfo.description).\n\n" + table + "\n"
        for note in results.notes { text += "- \(note)\n" }
        if !absent.isEmpty { text += "- Not installed, so not measured: \(absent.joined(separator: ", ")).\n" }
        return text
    }

    /// Puts the section into the page, between its marks; what people wrote around it stays.
    func write(to path: String) throws {
        let begin = "<!-- hpbench: begin -->\n"
        let end = "<!-- hpbench: end -->"
        guard let page = try? String(contentsOfFile: path, encoding: .utf8),
            let first = page.range(of: begin), let last = page.range(of: end), first.upperBound <= last.lowerBound
        else { throw BenchError("cannot write \(path): it has no lines \(begin)and \(end) to write between") }
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

/// The machine, as far as it matters to a reader.
enum MachineInfo {
    static var date: String {
        let format = DateFormatter()
        format.locale = Locale(identifier: "en_US_POSIX")
        format.timeZone = TimeZone(identifier: "UTC")
        format.dateFormat = "yyyy-MM-dd"
        return format.string(from: Date())
    }

    static var description: String {
        let memory = ProcessInfo.processInfo.physicalMemory / (1 << 30)
        let cores = ProcessInfo.processInfo.activeProcessorCount
        let virtual = line("/proc/cpuinfo", "flags").contains(" hypervisor") ? ", virtual machine" : ""
        return "\(line("/proc/cpuinfo", "model name")), \(cores) cores, \(memory) GiB\(virtual); "
            + "\(line("/etc/os-release", "PRETTY_NAME")), Linux \(kernel)"
    }

    private static var kernel: String {
        var name = utsname()
        uname(&name)
        return withUnsafeBytes(of: name.release) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }

    /// What stands behind a key and `:` or `=`.
    private static func line(_ path: String, _ key: String) -> String {
        let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix(key) } ?? ""
        let value = line.split(maxSplits: 1) { $0 == ":" || $0 == "=" }.dropFirst().first ?? ""
        return value.trimmingCharacters(in: CharacterSet(charactersIn: " \t\""))
    }
}
