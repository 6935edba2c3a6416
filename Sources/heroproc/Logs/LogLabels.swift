import HeroModel
import HeroView

/// The names before the lines of several logs: `web | `, or `web.migrate | ` where a service has several actions.
struct LogLabels {
    private let isSingleName: Bool
    private let isForTerminal: Bool
    private let showsTimestamps: Bool
    private let style: OutputStyle
    private var sources: [LogSource] = []
    private var views: [String: LogView] = [:]

    /// The colors of names, one after another.
    private static let colors: [TextStyle] = [.cyan, .green, .yellow, .magenta, .blue, .red]

    /// Creates labels.
    ///
    /// With a single name the lines are those of one service, whose name is left out.
    init(isSingleName: Bool, isForTerminal: Bool, showsTimestamps: Bool, style: OutputStyle) {
        self.isSingleName = isSingleName
        self.isForTerminal = isForTerminal
        self.showsTimestamps = showsTimestamps
        self.style = style
    }

    /// Adds logs; the width of the names may grow.
    mutating func add(_ added: [LogSource]) {
        sources += added
        let counts = Dictionary(grouping: sources) { source in
            source.isStandalone ? "_\(source.name)" : source.name.description
        }.mapValues(\.count)
        let labels = sources.map { source -> String in
            if isSingleName { return source.action }
            guard !source.isStandalone, counts[source.name.description, default: 0] > 1 else {
                return source.name.displayName
            }
            return "\(source.name.displayName).\(source.action)"
        }
        let prefixes = isSingleName ? LogView.prefixes(for: labels) : LogView.prefixes(for: labels, always: true)
        var names: [QualifiedName] = []
        for source in sources where !names.contains(source.name) { names.append(source.name) }
        for (source, prefix) in zip(sources, prefixes) {
            let index = isSingleName ? 0 : names.firstIndex(of: source.name) ?? 0
            let color = Self.colors[index % Self.colors.count]
            views[source.folder] = LogView(
                isForTerminal: isForTerminal,
                showsTimestamps: showsTimestamps,
                prefix: isSingleName ? prefix : style.paint(prefix, color)
            )
        }
    }

    /// The note that the lines of some files cannot be shown, because rotation or another process removed the files.
    static func lostFilesText(_ files: Int, of source: LogSource) -> String {
        let gone = files == 1 ? "a log file was" : "\(files) log files were"
        return "\(source.name.displayName), \(source.action): \(gone) removed before they could be read; "
            + "lines are missing"
    }

    /// How the lines of a log are written.
    func view(of source: LogSource) -> LogView? { views[source.folder] }
}
