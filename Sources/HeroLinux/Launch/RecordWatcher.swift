import CHeroLinux
import Glibc

/// Watches record files for changes of their attributes: a shim changes them after an important notify message of its
/// program.
///
/// A file attribute needs no connection between shim and reconciler, and a new reconciler can watch it as well.
final class RecordWatcher {
    private let reactor: Reactor
    private var inotify: Descriptor?
    private var idByWatch: [Int32: UInt64] = [:]

    init(_ reactor: Reactor) {
        self.reactor = reactor
    }

    /// Watches the record of the start with this ID.
    ///
    /// - Returns: The watch descriptor; nil if the kernel has none left, so that the record must be polled.
    func watchRecord(_ path: String, for id: UInt64) -> Int32? {
        if inotify == nil {
            let created = hl_watcher_create()
            guard created >= 0 else { return nil }
            let descriptor = Descriptor(created)
            guard reactor.watch(created, EventSource(.notifyState)) else { return nil }
            inotify = descriptor
        }
        guard let inotify else { return nil }
        let watch = hl_watcher_add_attributes(inotify.number, path)
        guard watch >= 0 else { return nil }
        idByWatch[watch] = id
        return watch
    }

    /// Stops watching a record.
    func unwatchRecord(_ watch: Int32) {
        guard idByWatch.removeValue(forKey: watch) != nil, let inotify else { return }
        hl_watcher_remove(inotify.number, watch)
    }

    /// Returns the IDs of the starts whose records have changed.
    func takeChangedIDs() -> [UInt64] {
        guard let inotify else { return [] }
        var found: Set<UInt64> = []
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = buffer.withUnsafeMutableBytes { read(inotify.number, $0.baseAddress, $0.count) }
            guard count > 0 else { return found.sorted() }
            // struct inotify_event: wd, mask, cookie, len; an event of a file has no name.
            var offset = 0
            while offset + 16 <= count {
                let event = buffer.withUnsafeBytes {
                    (
                        watch: $0.loadUnaligned(fromByteOffset: offset, as: Int32.self),
                        mask: $0.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self),
                        size: Int($0.loadUnaligned(fromByteOffset: offset + 12, as: UInt32.self))
                    )
                }
                offset += 16 + event.size
                if event.mask & UInt32(IN_Q_OVERFLOW) != 0 {
                    // Events were lost: every record may have changed.
                    found.formUnion(idByWatch.values)
                } else if let id = idByWatch[event.watch] {
                    found.insert(id)
                }
            }
        }
    }
}
