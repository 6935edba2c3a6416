import FoundationEssentials
import Glibc

/// Follows the log of one action: through rotation, restarts, and new jobs.
final class LogFollower {
    /// What is read.
    let reader: LogReader
    private let folder: String
    private var job: Int64
    /// When the folder was changed last, as far as it was looked at.
    private var changed: Int64?
    /// The files of the last look.
    private var seen: Set<LogFile.Mark> = []

    /// Goes on where a reader has come to.
    init(_ reader: LogReader, _ source: LogSource) {
        self.reader = reader
        folder = source.folder
        job = source.job
    }

    /// Looks whether the log goes on in other files.
    func look() {
        var status = stat()
        guard stat(folder, &status) == 0 else { return }
        let time = Int64(status.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_mtim.tv_nsec)
        guard time != changed || reader.last == nil else { return }
        // The clock of file systems stands still for a few milliseconds: a second change may carry the same time.
        changed = Self.now &- time > 100_000_000 ? time : nil
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        let jobs = names.filter { $0.hasSuffix(".log") }.compactMap { Int64($0.dropLast(4)) }
        var listed: Set<LogFile.Mark> = []
        // The active file of the job may be away for a moment, or have been taken away.
        for found in Set(jobs + [job]).sorted() where found >= job {
            let files = LogFile.all("\(folder)/\(found).log")
            reader.append(news(in: files))
            listed.formUnion(files.compactMap(\.mark))
            job = found
        }
        seen = listed
    }

    /// Of the files of a log, newest first, those that were not read yet, oldest first.
    private func news(in files: [LogFile]) -> [LogFile] {
        var result: [LogFile] = []
        let last = reader.last
        let isListed = files.contains { $0.identity == last?.identity }
        for file in files {
            if isListed, file.identity == last?.identity { break }
            // Where the last one was taken away, what stood behind it is old nevertheless.
            if !isListed, let mark = file.mark, seen.contains(mark) { continue }
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

/// Waits until something in a few folders is written.
final class FolderWatch {
    private let descriptor = inotify_init1(Int32(IN_CLOEXEC) | Int32(IN_NONBLOCK))

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    /// Watches a folder, if it is there; again and again is fine.
    func add(_ folder: String) {
        guard descriptor >= 0 else { return }
        inotify_add_watch(descriptor, folder, UInt32(IN_MODIFY) | UInt32(IN_CREATE) | UInt32(IN_MOVED_TO))
    }

    /// Waits for news, or until nobody reads standard output any more.
    ///
    /// At most a second: a folder may come that could not be watched yet.
    func wait() {
        var entries = [
            pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0), pollfd(fd: 1, events: 0, revents: 0),
        ]
        guard poll(&entries, 2, 1000) > 0 else { return }
        // A burst is one piece of news.
        var bytes = [UInt8](repeating: 0, count: 65_536)
        while read(descriptor, &bytes, bytes.count) > 0 {}
    }
}
