import Glibc
import Synchronization

/// The helper program that reads facts about other processes.
///
/// Each fact is read by a thread that may block for ever. More threads are started while no fact arrives, so that one
/// blocked process delays only its own facts. The process ends when all facts are read, or when none can be read any
/// more.
public enum ProcessFactServer {
    /// The first argument that makes heroproc act as this helper program.
    public static let subcommand = "read-processes"

    /// How long the program waits without a new fact.
    private static let stallLimit: useconds_t = 150_000
    private static let checkInterval: useconds_t = 5000
    private static let maximumThreads = 256

    private final class Progress: Sendable {
        struct State {
            var next = 0
            var done = 0
        }
        let facts: [ProcessFact?]
        let state = Mutex(State())

        init(_ facts: [ProcessFact?]) { self.facts = facts }

        /// Reads facts until none is left.
        func work() {
            while let index = takeNext() {
                let bytes = facts[index]?.read()
                // One thread writes at a time.
                let isLast = state.withLock { state in
                    ProcessFactFrame.write(index, bytes)
                    state.done += 1
                    return state.done == facts.count
                }
                if isLast { _exit(0) }
            }
        }

        private func takeNext() -> Int? {
            state.withLock { state in
                guard state.next < facts.count else { return nil }
                defer { state.next += 1 }
                return state.next
            }
        }
    }

    /// Reads the facts that the arguments name, and writes them to standard output.
    ///
    /// - Returns: The exit code, if there is nothing to read.
    public static func run(_ arguments: [String]) -> Int32 {
        guard !arguments.isEmpty else { return 64 }
        let progress = Progress(arguments.map { ProcessFact($0) })
        var (threads, stalled, done): (Int, useconds_t, Int) = (1, 0, 0)
        guard startThread({ progress.work() }) == 0 else { return 1 }
        while stalled < stallLimit {
            usleep(checkInterval)
            let state = progress.state.withLock { $0 }
            guard state.done == done else {
                (done, stalled) = (state.done, 0)
                continue
            }
            stalled += checkInterval
            guard state.next < progress.facts.count else { continue }
            for _ in 0..<min(threads, maximumThreads - threads) where startThread({ progress.work() }) == 0 {
                threads += 1
            }
        }
        // No more facts: one thread writes at a time, so the end cannot fall into a frame.
        return progress.state.withLock { _ in
            ProcessFactFrame.write(ProcessFactFrame.stalled, nil)
            _exit(2)
        }
    }
}

/// The format of one fact in the pipe: its index, its size with 0 for unreadable, and its bytes.
enum ProcessFactFrame {
    /// The index that reports that the other facts cannot be read.
    static let stalled = Int(UInt32.max)

    private static let headerSize = 8

    /// Writes a fact to standard output; nil stands for a fact that cannot be read.
    static func write(_ index: Int, _ bytes: [UInt8]?) {
        let size = bytes.map { $0.count + 1 } ?? 0
        var frame: [UInt8] = []
        for number in [UInt32(clamping: index), UInt32(clamping: size)] {
            withUnsafeBytes(of: number.littleEndian) { frame += $0 }
        }
        frame += bytes ?? []
        var done = 0
        while done < frame.count {
            let count = frame[done...].withUnsafeBytes { Glibc.write(1, $0.baseAddress, $0.count) }
            guard count > 0 || errno == EINTR else { _exit(1) }
            done += max(0, count)
        }
    }

    /// Removes the complete frames from the beginning of `bytes` and returns them.
    static func takeFrames(from bytes: inout [UInt8]) -> [(index: Int, bytes: [UInt8]?)] {
        var (frames, start): ([(Int, [UInt8]?)], Int) = ([], 0)
        while bytes.count - start >= headerSize {
            let (index, size) = bytes[start...].withUnsafeBytes { buffer in
                (
                    Int(UInt32(littleEndian: buffer.loadUnaligned(as: UInt32.self))),
                    Int(UInt32(littleEndian: buffer.loadUnaligned(fromByteOffset: 4, as: UInt32.self)))
                )
            }
            let payload = max(0, size - 1)
            guard bytes.count - start - headerSize >= payload else { break }
            start += headerSize
            frames.append((index, size == 0 ? nil : Array(bytes[start..<(start + payload)])))
            start += payload
        }
        bytes.removeFirst(start)
        return frames
    }
}
