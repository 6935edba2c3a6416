import CHeroLinux
import Glibc

/// Reads the memory of processes, each with a time limit.
///
/// The kernel locks the memory map of a process to read it, which may block for ever. A thread that blocks is given up; it
/// ends with this program.
enum MemoryReader {
    /// The longest time for one process, in milliseconds.
    private static let timeLimit: Int32 = 1000

    /// Returns the memory of processes in bytes; those that cannot be read are missing.
    static func readMemory(
        of pids: [Int32],
        timeLimit: Int32 = Self.timeLimit,
        reading: @escaping @Sendable (Int32) -> Int64? = TreeMemory.proportionalBytes
    ) -> [Int32: Int64] {
        var result: [Int32: Int64] = [:]
        var rest = pids[...]
        while !rest.isEmpty {
            let number = readNext(Array(rest), timeLimit, reading) { pid, bytes in result[pid] = bytes }
            guard let number else { return result }
            // The process after the last answer has blocked the thread, so it is left out.
            rest = rest.dropFirst(number + 1)
        }
        return result
    }

    /// Reads processes in a thread until one of them takes too long.
    ///
    /// - Returns: The number of answers; nil if no thread can be created.
    private static func readNext(
        _ pids: [Int32],
        _ timeLimit: Int32,
        _ reading: @escaping @Sendable (Int32) -> Int64?,
        _ receive: (Int32, Int64?) -> Void
    ) -> Int? {
        var ends: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            return nil
        }
        let (own, other) = (Descriptor(ends[0]), Descriptor(ends[1]))
        let error = startThread {
            for pid in pids {
                var answer = reading(pid) ?? -1
                // After a time-out no reader exists any more.
                guard hl_send(other.number, &answer, MemoryLayout<Int64>.size) > 0 else { return }
            }
        }
        guard error == 0 else { return nil }
        var number = 0
        for pid in pids {
            var entry = pollfd(fd: own.number, events: Int16(POLLIN), revents: 0)
            var answer: Int64 = -1
            guard poll(&entry, 1, timeLimit) > 0, recv(own.number, &answer, MemoryLayout<Int64>.size, 0) > 0 else {
                return number
            }
            receive(pid, answer < 0 ? nil : answer)
            number += 1
        }
        return number
    }
}
