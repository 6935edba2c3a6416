import CHeroLinux
import Glibc
import Synchronization

/// Where other threads put what they found out; an eventfd tells the reactor.
final class Mailbox: Sendable {
    enum Result: Sendable {
        /// Addresses of a name.
        case resolved(UInt64, [ProbeAddress])
    }

    private let results = Mutex<[Result]>([])
    let descriptor: Descriptor

    init() throws(LinuxError) {
        descriptor = Descriptor(try check(hl_eventfd_create(), "make an eventfd"))
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
