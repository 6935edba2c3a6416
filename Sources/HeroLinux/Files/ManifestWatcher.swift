import CHeroLinux
import Glibc
import HeroKernel
import HeroModel

/// Combines the file changes of editors into single events.
///
/// A change is reported when no other one has followed for 300 ms, at most 2 s after the first. While a manifest is
/// open for writing, the change is reported after that file is closed, at most 60 s after the first. A comparison of
/// file times every 30 s finds changes that inotify does not report (network file systems, lost events) (MF-2).
final class ManifestWatcher {
    private enum TimerKind: UInt64 {
        case debounce
        case resync
    }

    private let reactor: Reactor
    private var directory: String?
    private var inotify: Descriptor?
    /// The watches on folders above the directory; only changes of these names are relevant there.
    private var parentWatches: [Int32: Set<String>] = [:]
    /// Names that are relevant because a manifest is a link that leads through them.
    private var linkNames: Set<String> = []
    /// Files of variables, which matter as the manifests do.
    private var variableFiles: [String] = []
    private var variableFileNames: Set<String> = []
    private var fingerprint: [String] = []
    private var firstChange: Moment?
    /// Whether a change is not reported yet because a manifest is still open for writing.
    private var isWaitingForWriter = false

    private static let quietPeriod = Duration.milliseconds(300)
    private static let maximumDelay = Duration.seconds(2)
    private static let maximumWriterWait = Duration.seconds(60)
    private let resyncInterval: Duration

    init(_ reactor: Reactor, resync: Duration = .seconds(30)) throws(LinuxError) {
        self.reactor = reactor
        self.resyncInterval = resync
    }

    /// Watches a directory instead of the one before.
    func watch(_ directory: String?) {
        if let inotify { reactor.unwatch(inotify.number) }
        inotify = nil
        firstChange = nil
        isWaitingForWriter = false
        reactor.cancelTimer(EventSource(.manifestWatcher, TimerKind.debounce.rawValue))
        reactor.cancelTimer(EventSource(.manifestWatcher, TimerKind.resync.rawValue))
        self.directory = directory.map { ManifestFiles.absoluteDirectory($0) }
        guard let directory = self.directory else { return }
        installWatches()
        fingerprint = currentFingerprint(directory)
        reactor.setTimer(EventSource(.manifestWatcher, TimerKind.resync.rawValue), at: reactor.now + resyncInterval)
    }

    /// Watches these files of variables instead of those before.
    func watchVariableFiles(_ paths: [String]) {
        guard paths != variableFiles else { return }
        variableFiles = paths
        variableFileNames = Set(paths.compactMap { $0.split(separator: "/").last.map(String.init) })
        guard directory != nil, !paths.isEmpty else { return }
        // A file may have changed after it was read and before it was watched, so everything is read once more.
        let now = reactor.now
        firstChange = firstChange ?? now
        reactor.setTimer(EventSource(.manifestWatcher, TimerKind.debounce.rawValue), at: now + Self.quietPeriod)
    }

    private func currentFingerprint(_ directory: String) -> [String] {
        ManifestFiles.fingerprint(directory) + ManifestFiles.fingerprint(ofFiles: variableFiles)
    }

    /// Replaces all watches: folders that were moved away are no longer watched, new ones are.
    private func installWatches() {
        guard let directory else { return }
        if let inotify { reactor.unwatch(inotify.number) }
        inotify = nil
        parentWatches = [:]
        let number = hl_watcher_create()
        guard number >= 0 else { return }
        let created = Descriptor(number)
        let linked = ManifestFiles.linkTargets(directory)
        linkNames = linked.names
        let others = Set(variableFiles.compactMap { path in path.lastIndex(of: "/").map { String(path[..<$0]) } })
        for folder in Set(ManifestFiles.folders(directory) + linked.folders).union(others) {
            _ = hl_watcher_add(number, folder.isEmpty ? "/" : folder)
        }
        // A watch on the nearest existing parent reports that the directory is created, removed or replaced. Higher
        // parents matter only if they hold links.
        var child = directory
        var isNearest = true
        while let slash = child.lastIndex(of: "/"), child != "/" {
            let name = String(child[child.index(after: slash)...])
            let parent = slash == child.startIndex ? "/" : String(child[..<slash])
            if isNearest || linkTarget(child) != nil {
                let watch = hl_watcher_add_parent(number, parent)
                if watch >= 0 {
                    parentWatches[watch, default: []].insert(name)
                    isNearest = false
                }
            }
            child = parent
        }
        inotify = created
        reactor.watch(number, EventSource(.manifestWatcher))
    }

    /// Reads the inotify events.
    func readChanges() {
        guard let inotify else { return }
        var matters = false
        for event in InotifyEvent.readAll(inotify.number) where isRelevant(event) { matters = true }
        guard matters, !isWaitingForWriter else { return }
        let now = reactor.now
        let first = firstChange ?? now
        firstChange = first
        reactor.setTimer(
            EventSource(.manifestWatcher, TimerKind.debounce.rawValue),
            at: min(now + Self.quietPeriod, first + Self.maximumDelay)
        )
    }

    private func isRelevant(_ event: InotifyEvent) -> Bool {
        let name = event.name
        if let children = parentWatches[event.watch], !name.isEmpty { return children.contains(name) }
        let isWanted =
            event.isDirectory ? ManifestFileRules.isFolderName(name) : ManifestFileRules.isManifestName(name)
        return name.isEmpty || isWanted || linkNames.contains(name) || variableFileNames.contains(name)
    }

    /// A timer is due.
    func handleTimer(_ number: UInt64) {
        guard let directory, let alarm = TimerKind(rawValue: number) else { return }
        switch alarm {
        case .debounce:
            let now = reactor.now
            isWaitingForWriter =
                firstChange.map { now < $0 + Self.maximumWriterWait } ?? false
                && ManifestFiles.isBeingWritten(directory)
            if isWaitingForWriter {
                return reactor.setTimer(EventSource(.manifestWatcher, number), at: now + Self.quietPeriod)
            }
            firstChange = nil
            // The watches come first: a change after the fingerprint is reported again.
            installWatches()
            fingerprint = currentFingerprint(directory)
            reactor.emit(.filesChanged)
        case .resync:
            reactor.setTimer(EventSource(.manifestWatcher, TimerKind.resync.rawValue), at: reactor.now + resyncInterval)
            let current = currentFingerprint(directory)
            guard current != fingerprint, firstChange == nil, !ManifestFiles.isBeingWritten(directory) else { return }
            installWatches()
            fingerprint = currentFingerprint(directory)
            reactor.emit(.filesChanged)
        }
    }
}
