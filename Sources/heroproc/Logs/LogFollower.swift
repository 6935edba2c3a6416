import FoundationEssentials
import Glibc
import HeroLinux

/// Follows the log of one action across rotation, restarts and new jobs.
final class LogFollower {
    /// Reads the lines.
    let reader: LogReader
    /// The log directory of the action.
    let folder: String
    private var job: Int64
    /// The modification time of the directory at the last check, in nanoseconds.
    private var lastModified: Int64?
    /// The files of the last two checks.
    ///
    /// A file that is being renamed may be missing in one check.
    private var recentFingerprints: (last: Set<LogFile.Fingerprint>, before: Set<LogFile.Fingerprint>) = ([], [])
    /// Files with the name of a log that cannot be read as a log.
    private var unreadableFiles: Set<LogFile.Identity> = []
    /// The number of files that are known to have been created, and the number of them that were found.
    private var createdCount = 0
    private var foundCount = 0

    /// Continues at the position of a reader.
    init(_ reader: LogReader, _ source: LogSource) {
        self.reader = reader
        folder = source.folder
        job = source.job
    }

    /// Appends files that were created since the last check to the reader.
    ///
    /// - Parameter changes: The changes in the directory since the last check.
    /// - Returns: the number of files that were removed before they could be read.
    func readNewFiles(_ changes: LogDirectoryWatcher.Changes) -> Int {
        let created = changes.jobsOfNewFiles.filter { $0 >= job }.count
        // A file that was found but never reported as created was put there by another program.
        foundCount = min(foundCount, createdCount + created)
        createdCount += created
        guard appendNewFiles(evenIfUnchanged: created > 0) else { return 0 }
        let lost = changes.isComplete ? max(0, createdCount - foundCount) : 0
        foundCount = max(foundCount, createdCount)
        return lost
    }

    /// Appends new files to the reader.
    ///
    /// - Returns: false when the directory does not exist or has not changed.
    private func appendNewFiles(evenIfUnchanged: Bool) -> Bool {
        var status = stat()
        guard stat(folder, &status) == 0 else { return false }
        let time = Int64(status.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_mtim.tv_nsec)
        guard time != lastModified || reader.lastFile == nil || evenIfUnchanged else { return false }
        // File systems update their clock every few milliseconds, so a second change may have the same time.
        lastModified = Self.now &- time > 100_000_000 ? time : nil
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        let jobs = names.filter { $0.hasSuffix(".log") }.compactMap { Int64($0.dropLast(4)) }
        var listed: Set<LogFile.Fingerprint> = []
        // The active file of the job may be missing for a moment, or may have been removed.
        for one in Set(jobs + [job]).sorted() where one >= job {
            let files = LogFiles.openAll("\(folder)/\(one).log", openLogFile)
            let newFiles = unreadFiles(in: files)
            foundCount += newFiles.count
            reader.append(newFiles)
            listed.formUnion(files.compactMap(\.fingerprint))
            job = one
        }
        recentFingerprints = (listed, recentFingerprints.last)
        return true
    }

    /// Opens a file of the log.
    ///
    /// Anything else in its place was reported as created and counts as found, too.
    private func openLogFile(_ path: String) -> LogFile? {
        if let file = LogFile(path) { return file }
        var status = stat()
        if lstat(path, &status) == 0, unreadableFiles.insert(LogFile.Identity(status)).inserted { foundCount += 1 }
        return nil
    }

    /// Returns the files that were not read yet, oldest first; the parameter has the newest file first.
    private func unreadFiles(in files: [LogFile]) -> [LogFile] {
        var result: [LogFile] = []
        let last = reader.lastFile
        let isListed = files.contains { $0.identity == last?.identity }
        for file in files {
            if isListed, file.identity == last?.identity { break }
            // If the last file was removed, the files behind it are old nevertheless.
            if !isListed, let mark = file.fingerprint,
                recentFingerprints.last.contains(mark) || recentFingerprints.before.contains(mark)
            {
                continue
            }
            result.append(file)
        }
        return result.reversed()
    }

    /// The wall clock, in nanoseconds.
    private static var now: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }
}
