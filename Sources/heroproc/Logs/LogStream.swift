import HeroModel
import HeroView

/// Follows several logs and delivers their new lines, merged by time.
///
/// The cost of a change is that of the logs that have changed. Once a second all logs are checked, because a
/// directory may have been replaced.
final class LogStream {
    private let watch: LogDirectoryWatcher
    private var followers: [LogFollower] = []
    private var indexes: [String: Int] = [:]
    /// The logs that were added since the last check.
    private var added: Set<String> = []
    private var lastFullCheck: ContinuousClock.Instant?

    /// Creates a stream without logs.
    init(_ watch: LogDirectoryWatcher) {
        self.watch = watch
    }

    /// Continues at the position of a reader; does nothing if the log is followed already.
    func add(_ reader: LogReader) {
        guard indexes[reader.source.folder] == nil else { return }
        indexes[reader.source.folder] = followers.count
        followers.append(LogFollower(reader, reader.source))
        added.insert(reader.source.folder)
        watch.addDirectory(reader.source.folder)
    }

    /// Whether a log is followed.
    func contains(_ folder: String) -> Bool { indexes[folder] != nil }

    /// Delivers the new lines, and the number of files of a log that were removed before they could be read.
    ///
    /// With `readsToEnd`, an incomplete line at the end of a log is delivered too.
    func readNewLines(
        _ print: (LogEntry, LogReader) -> Void,
        reportLostFiles: (Int, LogSource) -> Void,
        readsToEnd: Bool = false
    ) {
        let now = ContinuousClock.now
        let isFull = readsToEnd || lastFullCheck.map { now - $0 >= .seconds(1) } ?? true
        if isFull {
            lastFullCheck = now
            for follower in followers { watch.addDirectory(follower.folder) }
        }
        let changed = watch.takeChangedDirectories().union(added)
        added = []
        let selected =
            isFull ? followers : changed.compactMap { indexes[$0] }.sorted().map { followers[$0] }
        for follower in selected {
            let lost = follower.readNewFiles(watch.takeChanges(follower.folder))
            if lost > 0 { reportLostFiles(lost, follower.reader.source) }
        }
        var merger = LogMerger(selected.map(\.reader), readsToEnd: readsToEnd)
        while let (entry, reader) = merger.next() { print(entry, reader) }
    }
}
