import CHeroLinux
import CHeroRecord
import Glibc
import HeroKernel

/// The pipe on which all shims say that their programs execute.
final class Notices {
    /// The end shims write to.
    let writeEnd: Descriptor
    private let readEnd: Descriptor
    private var buffer = [UInt8](repeating: 0, count: 65_536)

    init(_ reactor: Reactor) throws(LinuxError) {
        var ends: (read: Int32, write: Int32) = (-1, -1)
        try check(hl_pipe(&ends.read, &ends.write, 1 << 20), "make the notice pipe")
        readEnd = Descriptor(ends.read)
        writeEnd = try high(ends.write, "make the notice pipe")
        guard reactor.watch(readEnd.number, Subject(.notices)) else {
            throw LinuxError(cannot: "watch the notice pipe", errno)
        }
    }

    /// The starts whose programs execute, in the order they said so, and how many bytes were read.
    func drain() -> (started: [StartID], size: Int) {
        var started: [StartID] = []
        var total = 0
        let size = MemoryLayout<hero_notice>.size
        while true {
            let count = buffer.withUnsafeMutableBytes { read(readEnd.number, $0.baseAddress, $0.count / size * size) }
            guard count > 0 else { return (started, total) }
            total += count
            buffer.withUnsafeBytes { bytes in
                var offset = 0
                while offset + size <= count {
                    let notice = bytes.loadUnaligned(fromByteOffset: offset, as: hero_notice.self)
                    offset += size
                    guard notice.magic == UInt32(HERO_NOTICE_MAGIC), notice.kind == HERO_NOTICE_STARTED.rawValue
                    else { continue }
                    started.append(StartID(job: notice.job, generation: notice.generation))
                }
            }
        }
    }
}
