import FoundationEssentials
import Glibc
import HeroLinux

/// Follows the log of one action: through rotation, restarts, and new jobs.
final class LogFollower {
    /// What is read.
    let reader: LogReader
    private let folder: String
    private var job: Int64
    private var changed: Int64?

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
        changed = time
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        let jobs = names.filter { $0.hasSuffix(".log") }.compactMap { Int64($0.dropLast(4)) }
        for found in jobs.sorted() where found >= job {
            let files = LogFiles.list("\(folder)/\(found).log").compactMap { LogFile($0) }
            let known = reader.last?.identity
            // Newest first: what stands before the file that we know is news.
            let news = files.prefix { $0.identity != known }
            reader.append(news.reversed())
            job = found
        }
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
