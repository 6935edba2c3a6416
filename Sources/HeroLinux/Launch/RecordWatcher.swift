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
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = buffer.withUnsafeMutableBytes { read(inotify.number, $0.baseAddress, $0.count) }
            guard count > 0 else { return found.sorted() }
            // struct inotify_event: wd, mask, cookie, len; the name is padded with NUL.
            var offset = 0
            while offset + 16 <= count {
                let (mask, size) = buffer.withUnsafeBytes {
                    (
                        $0.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self),
                        Int($0.loadUnaligned(fromByteOffset: offset + 12, as: UInt32.self))
                    )
                }
                let name = String(
                    decoding: buffer[(offset + 16)..<min(count, offset + 16 + size)].prefix { $0 != 0 },
                    as: UTF8.self
                )
                offset += 16 + size
                if mask & UInt32(IN_IGNORED) != 0 {
                    // The directory is gone; the next start watches the new one.
                    reactor.unwatch(inotify.number)
                    self.inotify = nil
                    return found.union(idByJob.values).sorted()
                } else if mask & UInt32(IN_Q_OVERFLOW) != 0 {
                    // Events were lost: every record may have changed.
                    found.formUnion(idByJob.values)
                } else if let id = JobID(name).flatMap({ idByJob[$0] }) {
                    found.insert(id)
                }
            }
        }
    }
}
