import CHeroLinux
import Glibc
import HeroModel

/// Notices that the run directory was removed while this reconciler uses it, for example by a program that cleans up
/// after a login session.
final class RunDirectoryWatcher {
    /// The file at a path; nil if there is none.
    private struct FileNumber: Equatable {
        var device: UInt
        var inode: UInt

        init?(_ path: String) {
            var file = stat()
            guard lstat(path, &file) == 0 else { return nil }
            device = file.st_dev
            inode = file.st_ino
        }
    }

    private let reactor: Reactor
    private let paths: RuntimePaths
    private var inotify: Descriptor?
    /// The directories and the control socket as this reconciler created them.
    private var expected: [FileNumber?] = []

    /// The time from an event to the check: the directory may be in the middle of its removal.
    private static let delay = Duration.milliseconds(100)
    /// The time between two checks if the kernel reports no events, or the directory cannot be created again.
    private static let pollInterval = Duration.seconds(5)

    /// Watches a complete run directory.
    init(_ reactor: Reactor, _ paths: RuntimePaths) {
        self.reactor = reactor
        self.paths = paths
        watch()
    }

    private var current: [FileNumber?] { [paths.run, paths.jobs, paths.controlSocket].map { FileNumber($0) } }

    /// Whether the directories and the control socket are the watched ones.
    var isIntact: Bool { current == expected }

    /// Watches the directory as it is now.
    func watch() {
        if let inotify { reactor.unwatch(inotify.number) }
        inotify = nil
        expected = current
        let number = hl_watcher_create()
        if number >= 0 {
            let created = Descriptor(number)
            if hl_watcher_add(number, paths.run) >= 0, reactor.watch(number, EventSource(.runDirectory)) {
                inotify = created
                return
            }
        }
        checkLater()
    }

    /// Checks the directory again after a while.
    func checkLater() { reactor.setTimer(EventSource(.runDirectory), at: reactor.now + Self.pollInterval) }

    /// Whether the kernel reports changes of the directory.
    var hasEvents: Bool { inotify != nil }

    /// Something has changed in the directory: it is checked in a moment.
    func readEvents() {
        guard let inotify else { return }
        var buffer = [UInt8](repeating: 0, count: 4096)
        while buffer.withUnsafeMutableBytes({ read(inotify.number, $0.baseAddress, $0.count) }) > 0 {}
        reactor.setTimer(EventSource(.runDirectory), at: reactor.now + Self.delay)
    }
}
