import FoundationEssentials
import Glibc
import HeroLinux

/// Follows the log of one action: through rotation, restarts, and new jobs.
final class LogFollower {
    /// What is read.
    let reader: LogReader
    /// Where its logs lie.
    let folder: String
    private var job: Int64
    /// When the folder was changed last, as far as it was looked at.
    private var lastModified: Int64?
    /// The files of the last two looks: one that is just being renamed may be missing in a look.
    private var recentFingerprints: (last: Set<LogFile.Fingerprint>, before: Set<LogFile.Fingerprint>) = ([], [])
    /// What has the name of a log and cannot be read as one.
    private var unreadableFiles: Set<LogFile.Identity> = []
    /// How many files have begun, as far as is known, and how many of them were found.
    private var createdCount = 0
    private var foundCount = 0

    /// Goes on where a reader has come to.
    init(_ reader: LogReader, _ source: LogSource) {
        self.reader = reader
        folder = source.folder
        job = source.job
    }

    /// Looks whether the log goes on in other files.
    ///
    /// - Parameter news: What has begun in the folder before this look.
    /// - Returns: How many files were gone before they could be looked at; what they held cannot be shown.
    func readNewFiles(_ news: LogDirectoryWatcher.Changes) -> Int {
        let begun = news.jobsOfNewFiles.filter { $0 >= job }.count
        // What was found and has not begun by now was put there by others.
        foundCount = min(foundCount, self.createdCount + begun)
        self.createdCount += begun
        guard appendNewFiles(evenUnchanged: begun > 0) else { return 0 }
        let lost = news.isComplete ? max(0, self.createdCount - foundCount) : 0
        foundCount = max(foundCount, self.createdCount)
        return lost
    }

    /// Gives the reader the files that are new.
    ///
    /// - Returns: false when the folder is not there, or as it was.
    private func appendNewFiles(evenUnchanged: Bool) -> Bool {
        var status = stat()
        guard stat(folder, &status) == 0 else { return false }
        let time = Int64(status.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_mtim.tv_nsec)
        guard time != lastModified || reader.lastFile == nil || evenUnchanged else { return false }
        // The clock of file systems stands still for a few milliseconds: a second change may carry the same time.
        lastModified = Self.now &- time > 100_000_000 ? time : nil
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        let jobs = names.filter { $0.hasSuffix(".log") }.compactMap { Int64($0.dropLast(4)) }
        var listed: Set<LogFile.Fingerprint> = []
        // The active file of the job may be away for a moment, or have been taken away.
        for one in Set(jobs + [job]).sorted() where one >= job {
            let files = LogFiles.openAll("\(folder)/\(one).log", openLogFile)
            let news = unreadFiles(in: files)
            foundCount += news.count
            reader.append(news)
            listed.formUnion(files.compactMap(\.fingerprint))
            job = one
        }
        recentFingerprints = (listed, recentFingerprints.last)
        return true
    }

    /// Opens a file of the log; what else is there in its place has begun like one, and is found, too.
    private func openLogFile(_ path: String) -> LogFile? {
        if let file = LogFile(path) { return file }
        var status = stat()
        if lstat(path, &status) == 0, unreadableFiles.insert(LogFile.Identity(status)).inserted { foundCount += 1 }
        return nil
    }

    /// Of the files of a log, newest first, those that were not read yet, oldest first.
    private func unreadFiles(in files: [LogFile]) -> [LogFile] {
        var result: [LogFile] = []
        let last = reader.lastFile
        let isListed = files.contains { $0.identity == last?.identity }
        for file in files {
            if isListed, file.identity == last?.identity { break }
            // Where the last one was taken away, what stood behind it is old nevertheless.
            if !isListed, let mark = file.fingerprint,
                recentFingerprints.last.contains(mark) || recentFingerprints.before.contains(mark)
            {
                continue
            }
            result.append(file)
        }
        return result.reversed()
    }

    /// The calendar, in ns.
    private static var now: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }
}
