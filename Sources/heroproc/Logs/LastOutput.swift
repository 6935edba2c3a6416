import HeroModel
import HeroView

/// Reads the last output lines of a service or of a standalone action, for reports about a failure.
struct LastOutput {
    /// The longest line that a report shows.
    private static let maxColumns = 200

    let workspace: Workspace

    /// The last lines of each action of the last run.
    func lines(of name: QualifiedName, _ count: Int, _ selection: LogSelection) throws -> [String: [String]] {
        var result: [String: [String]] = [:]
        for source in try LogFinder(workspace: workspace, service: name, action: nil).sources(selection) {
            let reader = LogReader(source, lines: count, form: .assembled)
            var lines: [String] = []
            while let entry = reader.next() ?? reader.finish() {
                let line = String(decoding: entry.text, as: UTF8.self)
                lines.append(line.count > Self.maxColumns ? line.prefix(Self.maxColumns) + "…" : line)
            }
            result[source.action] = lines.suffix(count)
        }
        return result
    }

    /// The last line of an action, or of a standalone action; nil if there is none or it cannot be read.
    ///
    /// The current start may not have written anything yet, so the log of the whole job is read.
    func line(of name: QualifiedName, action: String?) -> String? {
        try? lines(of: name, 1, LogSelection(lines: 1, isPrevious: false))[action ?? name.name]?.last
    }
}
