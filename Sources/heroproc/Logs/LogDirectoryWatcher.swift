import Glibc

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
        var bytes = [UInt8](repeating: 0, count: 65_536)
        while case let count = read(descriptor, &bytes, bytes.count), count > 0 {
            bytes.withUnsafeBytes { parseEvents(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
        }
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

    /// Parses inotify events; the file name follows each event (inotify(7)).
    private func parseEvents(_ bytes: UnsafeRawBufferPointer) {
        let size = MemoryLayout<inotify_event>.size
        var offset = 0
        while offset + size <= bytes.count {
            let event = bytes.loadUnaligned(fromByteOffset: offset, as: inotify_event.self)
            let end = offset + size + Int(event.len)
            guard end <= bytes.count else { return }
            let name = String(decoding: bytes[(offset + size)..<end].prefix { $0 != 0 }, as: UTF8.self)
            offset = end
            if event.mask & UInt32(IN_Q_OVERFLOW) != 0 {
                for folder in directories.values { changes[folder, default: Changes()].isComplete = false }
                changedDirectories.formUnion(directories.values)
                hasNewDirectory = true
            }
            guard let folder = directories[event.wd] else { continue }
            changedDirectories.insert(folder)
            if event.mask & UInt32(IN_ISDIR) != 0 { hasNewDirectory = true }
            guard event.mask & UInt32(IN_CREATE) != 0,
                event.mask & UInt32(IN_ISDIR) == 0, name.hasSuffix(".log"), let job = Int64(name.dropLast(4))
            else { continue }
            changes[folder, default: Changes()].jobsOfNewFiles.append(job)
        }
    }
}
