import CHeroLinux
import Glibc
import Synchronization

/// Passes results from other threads to the event loop; an eventfd wakes the loop.
final class Mailbox: Sendable {
    enum Result: Sendable {
        /// The addresses of a host name.
        case resolved(UInt64, [ProbeAddress])
    }

    private let results = Mutex<[Result]>([])
    let descriptor: Descriptor

    init() throws(LinuxError) {
        descriptor = Descriptor(try check(hl_eventfd_create(), "create an eventfd"))
    }

    func post(_ result: Result) {
        results.withLock { $0.append(result) }
        var one: UInt64 = 1
        _ = write(descriptor.number, &one, 8)
    }

    func takeAll() -> [Result] {
        var count: UInt64 = 0
        _ = read(descriptor.number, &count, 8)
        return results.withLock { waiting in
            defer { waiting = [] }
            return waiting
        }
    }
}
