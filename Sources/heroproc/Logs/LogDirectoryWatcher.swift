import Glibc
import HeroLinux

/// Waits for changes in log directories, and counts the log files that are created there.
final class LogDirectoryWatcher {
    /// The changes in one directory.
    struct Changes {
        /// The jobs of the created log files, once for each file.
        var jobsOfNewFiles: [Int64] = []
        /// Whether every created file is counted since the directory was added.
        var isComplete = true
    }

    private let descriptor = inotify_init1(Int32(IN_CLOEXEC) | Int32(IN_NONBLOCK))
    private var directories: [Int32: String] = [:]
    private var changes: [String: Changes] = [:]
    /// The directories with any change since the last call of `takeChangedDirectories`.
    private var changedDirectories: Set<String> = []
    private var hasNewDirectory = true

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    /// Watches a directory if it exists.
    ///
    /// A directory may be added several times.
    func addDirectory(_ folder: String) {
        guard descriptor >= 0 else { return }
        let watch = inotify_add_watch(descriptor, folder, UInt32(IN_MODIFY) | UInt32(IN_CREATE) | UInt32(IN_MOVED_TO))
        guard watch >= 0, directories[watch] != folder else { return }
        // The directory is new to this watcher, or was replaced: files created before this moment are not counted.
        directories = directories.filter { $0.value != folder }
        directories[watch] = folder
        changes[folder, default: Changes()].isComplete = false
    }

    /// Returns the directories with any change since the last call.
    func takeChangedDirectories() -> Set<String> {
        readEvents()
        defer { changedDirectories = [] }
        return changedDirectories
    }

    /// Returns whether a directory was created in a watched one since the last call; true at the first call.
    func takeHasNewDirectory() -> Bool {
        readEvents()
        defer { hasNewDirectory = false }
        return hasNewDirectory
    }

    /// Returns the changes in a directory since the last call.
    func takeChanges(_ folder: String) -> Changes {
        readEvents()
        return changes.removeValue(forKey: folder) ?? Changes()
    }

    private func readEvents() {
        for event in InotifyEvent.readAll(descriptor) { add(event) }
    }

    /// Waits for changes, or until the reader of standard output is gone or another descriptor is readable.
    ///
    /// Waits at most one second, because a directory may appear that could not be watched before.
    func waitForChanges(or other: Int32 = -1) {
        var entries = [
            pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
            // With another descriptor to wait for, this thread does not write to standard output.
            other < 0 ? pollfd(fd: 1, events: 0, revents: 0) : pollfd(fd: other, events: Int16(POLLIN), revents: 0),
        ]
        _ = poll(&entries, 2, 1000)
    }

    private func add(_ event: InotifyEvent) {
        if event.isOverflow {
            for folder in directories.values { changes[folder, default: Changes()].isComplete = false }
            changedDirectories.formUnion(directories.values)
            hasNewDirectory = true
        }
        guard let folder = directories[event.watch] else { return }
        changedDirectories.insert(folder)
        if event.isDirectory { hasNewDirectory = true }
        guard event.mask & UInt32(IN_CREATE) != 0, !event.isDirectory, event.name.hasSuffix(".log"),
            let job = Int64(event.name.dropLast(4))
        else { return }
        changes[folder, default: Changes()].jobsOfNewFiles.append(job)
    }
}
