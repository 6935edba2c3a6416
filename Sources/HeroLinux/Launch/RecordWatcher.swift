import CHeroLinux
import Glibc
import HeroModel

/// Watches the directory of the record files for changes of their attributes: a shim changes them after an important
/// notify message of its program, and when the main process has ended while other processes of its tree are running.
///
/// A file attribute needs no connection between shim and reconciler, and a new reconciler can watch it as well. One
/// watch serves the records of all jobs.
final class RecordWatcher {
    private let reactor: Reactor
    private let directory: String
    private var inotify: Descriptor?
    private var idByJob: [JobID: UInt64] = [:]

    init(_ reactor: Reactor, directory: String) {
        self.reactor = reactor
        self.directory = directory
    }

    /// Watches the record of a job, whose current start has this ID.
    ///
    /// - Returns: Whether the record is watched; if not, it must be polled.
    @discardableResult
    func watchRecord(of job: JobID, for id: UInt64) -> Bool {
        if inotify == nil {
            let created = hl_watcher_create()
            guard created >= 0 else { return false }
            let descriptor = Descriptor(created)
            guard hl_watcher_add_attributes(created, directory) >= 0,
                reactor.watch(created, EventSource(.notifyState))
            else { return false }
            inotify = descriptor
        }
        idByJob[job] = id
        return true
    }

    /// Stops watching the record of a job, if this start is still the one that is watched.
    func unwatchRecord(of job: JobID, for id: UInt64) {
        if idByJob[job] == id { idByJob[job] = nil }
    }

    /// Returns the IDs of the starts whose records have changed.
    func takeChangedIDs() -> [UInt64] {
        guard let inotify else { return [] }
        var found: Set<UInt64> = []
        for event in InotifyEvent.readAll(inotify.number) {
            if event.isWatchRemoved {
                // The directory is gone; the next start watches the new one.
                reactor.unwatch(inotify.number)
                self.inotify = nil
                return found.union(idByJob.values).sorted()
            } else if event.isOverflow {
                // Every record may have changed.
                found.formUnion(idByJob.values)
            } else if let id = JobID(event.name).flatMap({ idByJob[$0] }) {
                found.insert(id)
            }
        }
        return found.sorted()
    }
}
