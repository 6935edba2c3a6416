import HeroLinux
import HeroModel

/// The log of one action, and the range of it to show.
struct LogSource {
    /// The service, or the standalone action.
    let name: QualifiedName
    /// Whether the action belongs to no service.
    let isStandalone: Bool
    /// The action.
    let action: String
    /// The log directory of the action.
    let folder: String
    /// The job.
    let job: JobID
    /// The start of the range; nil for the beginning of the log.
    let from: WallTime?
    /// The end of the range, exclusive; nil for the end of the log.
    let until: WallTime?
    /// The time of each start.
    ///
    /// An incomplete line of one start does not continue in the next.
    let starts: [WallTime]

    /// The path of the active log file.
    var activePath: String { "\(folder)/\(job).log" }

    /// Opens the files that may contain a part of the range, oldest first.
    func files() -> [LogFile] {
        var found: [LogFile] = []
        for file in LogFiles.openAll(activePath, LogFile.init) {
            // The clock of file systems lags behind the wall clock by a tick.
            if let from, file.modifiedAt < from.earlier(by: .seconds(1)) { break }
            let first = file.firstTimestamp
            if let until, let first, first >= until { continue }
            found.append(file)
            if let from, let first, first < from { break }
        }
        return found.reversed()
    }
}
