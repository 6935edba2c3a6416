import CHeroLinux
import Glibc
import HeroKernel
import HeroModel

/// Watches files for changes of their content, through every link on the way to each file.
///
/// A change is reported when no other one has followed for 300 ms, at most 2 s after the first. Only the files that an
/// event concerns are examined again, so an event costs nothing in proportion to all files.
final class ContentWatcher {
    /// Names in a watched directory.
    private enum Names: Hashable {
        /// One name.
        case one(String)
        /// Every name: the directory itself is one of the files.
        case all
    }

    private struct Step: Hashable {
        var watch: Int32
        var names: Names
    }

    private let reactor: Reactor
    private var inotify: Descriptor?
    /// The steps on the way to each file.
    private var steps: [String: Set<Step>] = [:]
    /// The files that depend on each step.
    private var filesByStep: [Step: Set<String>] = [:]
    /// The number of steps of each watched directory; a directory without steps is not watched.
    private var stepsByWatch: [Int32: Int] = [:]
    /// The files of the changes that are not reported yet.
    private var changed: Set<String> = []
    private var firstChange: Moment?

    private static let quietPeriod = Duration.milliseconds(300)
    private static let maximumDelay = Duration.seconds(2)
    /// How many links are followed on the way to one file, as many as the kernel follows.
    private static let maximumLinks = 40
    /// How many entries of one directory may be links that are watched.
    private static let maximumEntries = 1000

    init(_ reactor: Reactor) {
        self.reactor = reactor
    }

    /// Watches these files and directories instead of those before.
    func watch(_ paths: [String]) {
        let wanted = Set(paths)
        for path in steps.keys where !wanted.contains(path) { removeSteps(of: path) }
        changed.formIntersection(wanted)
        guard !wanted.isEmpty else {
            if let inotify { reactor.unwatch(inotify.number) }
            inotify = nil
            steps = [:]
            filesByStep = [:]
            stepsByWatch = [:]
            return
        }
        if inotify == nil {
            let number = hl_watcher_create()
            guard number >= 0 else { return }
            inotify = Descriptor(number)
            reactor.watch(number, EventSource(.contentWatcher))
        }
        for path in wanted.sorted() where steps[path] == nil { addSteps(of: path) }
    }

    // MARK: Steps

    private func addSteps(of path: String) {
        var found: Set<Step> = []
        let real = addSteps(to: path, &found)
        if let real, let names = listDirectory(real), names.count <= Self.maximumEntries {
            add(real, .all, &found)
            for name in names where linkTarget("\(real)/\(name)") != nil { _ = addSteps(to: "\(real)/\(name)", &found) }
        }
        steps[path] = found
        for step in found {
            filesByStep[step, default: []].insert(path)
            stepsByWatch[step.watch, default: 0] += 1
        }
    }

    /// Adds the steps to one path: its last two directories, and each directory with a link on the way.
    ///
    /// - Returns: the path without links if it leads to a directory.
    private func addSteps(to path: String, _ found: inout Set<Step>) -> String? {
        var rest = path.split(separator: "/").map(String.init)[...]
        var folder = ""
        var links = 0
        while let name = rest.popFirst() {
            guard name != "." else { continue }
            if name == ".." {
                folder = folder.lastIndex(of: "/").map { String(folder[..<$0]) } ?? ""
                continue
            }
            let next = "\(folder)/\(name)"
            if let target = linkTarget(next) {
                add(folder, .one(name), &found, isFolder: true)
                links += 1
                guard links <= Self.maximumLinks else { return nil }
                if target.hasPrefix("/") { folder = "" }
                rest = (target.split(separator: "/").map(String.init) + rest)[...]
                continue
            }
            if rest.count < 2 { add(folder, .one(name), &found, isFolder: !rest.isEmpty) }
            var file = stat()
            guard stat(next, &file) == 0 else {
                add(folder, .one(name), &found, isFolder: !rest.isEmpty)
                return nil
            }
            folder = next
            if rest.isEmpty { return file.st_mode & S_IFMT == S_IFDIR ? next : nil }
        }
        return folder.isEmpty ? "/" : folder
    }

    /// Watches names in a directory; of a folder or link only its creation, removal and renaming matter.
    private func add(_ folder: String, _ names: Names, _ found: inout Set<Step>, isFolder: Bool = false) {
        guard let inotify else { return }
        let path = folder.isEmpty ? "/" : folder
        let watch = isFolder ? hl_watcher_add_parent(inotify.number, path) : hl_watcher_add(inotify.number, path)
        // A directory that cannot be watched is one whose changes are found by the next apply.
        if watch >= 0 { found.insert(Step(watch: watch, names: names)) }
    }

    private func removeSteps(of path: String) {
        for step in steps.removeValue(forKey: path) ?? [] {
            filesByStep[step]?.remove(path)
            if filesByStep[step]?.isEmpty ?? false { filesByStep[step] = nil }
            let count = (stepsByWatch[step.watch] ?? 0) - 1
            stepsByWatch[step.watch] = count > 0 ? count : nil
            if count <= 0, let inotify {
                hl_watcher_remove(inotify.number, step.watch)
            }
        }
    }

    // MARK: Events

    /// Reads the inotify events.
    func readChanges() {
        guard let inotify else { return }
        var found = false
        for event in InotifyEvent.readAll(inotify.number) {
            let files = files(concernedBy: event)
            guard !files.isEmpty else { continue }
            found = true
            changed.formUnion(files)
        }
        guard found else { return }
        let now = reactor.now
        let first = firstChange ?? now
        firstChange = first
        reactor.setTimer(EventSource(.contentWatcher), at: min(now + Self.quietPeriod, first + Self.maximumDelay))
    }

    private func files(concernedBy event: InotifyEvent) -> Set<String> {
        if event.isOverflow { return Set(steps.keys) }
        if event.name.isEmpty {
            // The directory itself was moved, removed or changed.
            return Set(filesByStep.filter { $0.key.watch == event.watch }.values.joined())
        }
        return (filesByStep[Step(watch: event.watch, names: .one(event.name))] ?? [])
            .union(filesByStep[Step(watch: event.watch, names: .all)] ?? [])
    }

    /// The changes have ended for now: reports the files.
    func handleTimer() {
        firstChange = nil
        let files = changed.sorted()
        changed = []
        // The new watches come first: a change after the caller has read the file is reported again.
        for path in files {
            let old = steps[path] ?? []
            addAgain(path, old)
        }
        if !files.isEmpty { reactor.emit(.contentChanged(files)) }
    }

    /// Examines the way to a file again; a step that is still on it keeps its watch.
    private func addAgain(_ path: String, _ old: Set<Step>) {
        guard steps[path] != nil else { return }
        addSteps(of: path)
        let new = steps[path] ?? []
        for step in old {
            // Each step was counted again.
            let count = (stepsByWatch[step.watch] ?? 0) - 1
            stepsByWatch[step.watch] = count > 0 ? count : nil
            if !new.contains(step) {
                filesByStep[step]?.remove(path)
                if filesByStep[step]?.isEmpty ?? false { filesByStep[step] = nil }
            }
            if count <= 0, let inotify { hl_watcher_remove(inotify.number, step.watch) }
        }
    }
}
