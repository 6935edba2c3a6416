import FoundationEssentials
import HeroModel

/// The log directories below the state directory: `logs/CONTEXT/SERVICE/ACTION`, for standalone actions
/// `logs/CONTEXT/_/ACTION`.
struct LogDirectories {
    /// The root directory of all logs.
    let root: String
    let watch: LogDirectoryWatcher

    /// Finds the log directories of all actions, and watches for new ones.
    ///
    /// - Parameters:
    ///   - startsAtEnd: whether only lines after this moment are wanted; the newest job of each action is then the
    ///     first one.
    ///   - isKnown: whether a log directory is known already.
    /// - Returns: the logs that are not known yet.
    func sources(startsAtEnd: Bool, isKnown: (String) -> Bool) -> [LogSource] {
        var result: [LogSource] = []
        for context in entries(root) where QualifiedName.isValid(context) {
            for service in entries("\(root)/\(context)") {
                for action in entries("\(root)/\(context)/\(service)") {
                    let folder = "\(root)/\(context)/\(service)/\(action)"
                    guard !isKnown(folder) else { continue }
                    let jobs = list(folder).filter { $0.hasSuffix(".log") }.compactMap { JobID($0.dropLast(4)) }
                    let isStandalone = service == "_"
                    result.append(
                        LogSource(
                            name: QualifiedName(isStandalone ? action : service, context: context),
                            isStandalone: isStandalone,
                            action: action,
                            folder: folder,
                            job: (startsAtEnd ? jobs.max() : jobs.min()) ?? 0,
                            from: nil,
                            until: nil,
                            starts: []
                        )
                    )
                }
            }
        }
        return result
    }

    /// Watches a directory and lists it; in this order, so that no new entry is missed.
    private func entries(_ folder: String) -> [String] {
        watch.addDirectory(folder)
        return list(folder)
    }

    private func list(_ folder: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
    }
}
