import CHeroLinux
import Glibc

/// Hears when a shim rings: the attributes of its record change when its program has said something that matters at once.
///
/// A file and no pipe, so that a shim needs to know nothing of who listens, and the next reconciler hears it as well.
final class RecordWatcher {
    private let reactor: Reactor
    private var inotify: Descriptor?
    private var idByWatch: [Int32: UInt64] = [:]

    init(_ reactor: Reactor) {
        self.reactor = reactor
    }

    /// Listens at a record, for the start with this number.
    ///
    /// - Returns: the number of the bell; nil where the kernel has none to give: then somebody must look again and again.
    func watchRecord(_ path: String, for number: UInt64) -> Int32? {
        if inotify == nil {
            let created = hl_watcher_create()
            guard created >= 0 else { return nil }
            let descriptor = Descriptor(created)
            guard reactor.watch(created, EventSource(.notifyState)) else { return nil }
            inotify = descriptor
        }
        guard let inotify else { return nil }
        let bell = hl_watcher_add_attributes(inotify.number, path)
        guard bell >= 0 else { return nil }
        idByWatch[bell] = number
        return bell
    }

    /// Listens no longer.
    func unwatchRecord(_ bell: Int32) {
        guard idByWatch.removeValue(forKey: bell) != nil, let inotify else { return }
        hl_watcher_remove(inotify.number, bell)
    }

    /// The numbers of those that rang.
    func takeChangedIDs() -> [UInt64] {
        guard let inotify else { return [] }
        var found: Set<UInt64> = []
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = buffer.withUnsafeMutableBytes { read(inotify.number, $0.baseAddress, $0.count) }
            guard count > 0 else { return found.sorted() }
            // struct inotify_event: wd, mask, cookie, len; for a file itself there is no name.
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
                    // Some were lost, and nobody knows whose.
                    found.formUnion(idByWatch.values)
                } else if let number = idByWatch[event.watch] {
                    found.insert(number)
                }
            }
        }
    }
}
