import CHeroLinux
import CHeroRecord
import Glibc
import HeroKernel

/// The pipe through which all shims report that their programs have been executed.
final class NoticePipe {
    /// The write end, for the shims.
    let writeEnd: Descriptor
    private let readEnd: Descriptor
    private var buffer = [UInt8](repeating: 0, count: 65_536)

    init(_ reactor: Reactor) throws(LinuxError) {
        var ends: (read: Int32, write: Int32) = (-1, -1)
        try check(hl_pipe(&ends.read, &ends.write, 1 << 20), "create the notice pipe")
        readEnd = Descriptor(ends.read)
        writeEnd = try raiseDescriptor(ends.write, "create the notice pipe")
        guard reactor.watch(readEnd.number, EventSource(.shimNotices)) else {
            throw LinuxError(cannot: "watch the notice pipe", errno)
        }
    }

    /// Reads the notices: the executed starts in their order, the starts whose record could not be written with an
    /// errno each, and the number of bytes read.
    func readNotices() -> (started: [StartID], failed: [(start: StartID, error: Int32)], size: Int) {
        var started: [StartID] = []
        var failed: [(start: StartID, error: Int32)] = []
        var total = 0
        let size = MemoryLayout<hero_notice>.size
        while true {
            let count = buffer.withUnsafeMutableBytes { read(readEnd.number, $0.baseAddress, $0.count / size * size) }
            guard count > 0 else { return (started, failed, total) }
            total += count
            buffer.withUnsafeBytes { bytes in
                var offset = 0
                while offset + size <= count {
                    let notice = bytes.loadUnaligned(fromByteOffset: offset, as: hero_notice.self)
                    offset += size
                    guard notice.magic == UInt32(HERO_NOTICE_MAGIC) else { continue }
                    let start = StartID(job: notice.job, generation: notice.generation)
                    if notice.kind == HERO_NOTICE_STARTED.rawValue { started.append(start) }
                    if notice.kind == HERO_NOTICE_FAILED.rawValue { failed.append((start, notice.error)) }
                }
            }
        }
    }
}
