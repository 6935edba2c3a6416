import CHeroShim

/// The thread that writes the log of a service which must never wait for it: it alone stands still with the disk (LG-3).
///
/// Two buffers lie between it and the first thread. One is filled while the lines of the other one are stored, and then they
/// change places. What does not fit is counted until they do, and what is to be said of it comes before all that follows: so
/// each marker stands where its lines are missing. Being a thread, it goes whenever the shim goes, however that is.
struct LogThread {
    /// Bytes of lines that one buffer takes; two of them are as much as a wide pipe holds.
    private static let capacity = Int(SHIM_OUTPUT_SIZE)
    /// Room for what both threads share, in front of the buffers.
    private static let sharedSize = 4096
    /// How long a start waits for its log to be begun, in ms.
    private static let openTimeout: Int64 = 500
    /// How long the memory of a burst is kept in case there is more, in ms.
    private static let releaseMemoryDelay: Int64 = 1000

    /// Lines in a row, and what is missing in front of them.
    private struct Buffer {
        let bytes: UnsafeMutablePointer<CChar>
        var used = 0
        var gap = LogOutage()
        /// When the gap ended (CLOCK_BOOTTIME, ns), and the time of its last lines (CLOCK_REALTIME, ns).
        var gapEnd: Int64 = 0
        var gapTime: Int64 = 0

        var isEmpty: Bool { used == 0 && gap.error == 0 }
    }

    /// What both threads use, under the lock.
    private struct Shared {
        let settings: Log.Settings
        var filling: Buffer
        var storing: Buffer
        /// What did not fit behind the lines of `filling`.
        var gap = LogOutage()
        var gapTime: Int64 = 0
        /// Whether the log is begun, and whether all that ever comes has come.
        var isLogOpen = false
        var isFinishing = false
        /// Bytes of the service that were dropped: for want of room here, and by the log.
        var droppedHere: Int64 = 0
        var droppedByLog: Int64 = 0

        /// Takes what is to be stored next; nil when there is nothing.
        mutating func takeFilledBuffer() -> Buffer? {
            guard !filling.isEmpty else { return nil }
            let taken = filling
            filling = Buffer(bytes: storing.bytes)
            storing = taken
            if gap.error != 0 {
                filling.gap = gap
                filling.gapEnd = shim_boottime()
                filling.gapTime = gapTime
                gap.end()
            }
            return taken
        }
    }

    private let shared: UnsafeMutablePointer<Shared>

    /// Starts the thread; nil, and an errno, when there is none to be had.
    init?(_ place: Log.Settings, _ error: inout Int32) {
        let size = LogThread.sharedSize + 2 * LogThread.capacity
        guard let memory = shim_map(size) else {
            error = Int32(SHIM_EAGAIN)
            return nil
        }
        let bytes = (memory + LogThread.sharedSize).assumingMemoryBound(to: CChar.self)
        shared = memory.bindMemory(to: Shared.self, capacity: 1)
        shared.initialize(
            to: Shared(
                settings: place,
                filling: Buffer(bytes: bytes),
                storing: Buffer(bytes: bytes + LogThread.capacity)
            )
        )
        error = -shim_thread_start({ LogThread.writeUntilFinished($0.assumingMemoryBound(to: Shared.self)) }, memory)
        guard error == 0 else {
            shim_unmap(memory, size)
            return nil
        }
        awaitLogOpen()
    }

    // MARK: The first thread

    /// Waits a moment, so that whoever looks for what this start writes does not find the log of the one before.
    private func awaitLogOpen() {
        shim_lock()
        while !shared.pointee.isLogOpen, shim_wait_for_change(LogThread.openTimeout) != 0 {}
        shim_unlock()
    }

    /// Takes whole lines, each with its stamp; what there is no room for is counted.
    ///
    /// Never waits. `now` is CLOCK_REALTIME in ns.
    func append(_ bytes: UnsafePointer<CChar>, _ count: Int, at now: Int64) {
        shim_lock()
        var fits = 0
        // Once a line is missing, so are those behind it until it can be said.
        if shared.pointee.gap.error == 0 {
            let used = shared.pointee.filling.used
            let room = LogThread.capacity - used
            fits = count <= room ? count : Log.lengthOfWholeLines(bytes, room)
            shim_copy(shared.pointee.filling.bytes + used, bytes, fits)
            shared.pointee.filling.used = used + fits
        }
        if fits < count {
            let lost = Log.serviceByteCount(bytes + fits, count - fits)
            if shared.pointee.gap.error == 0 { shared.pointee.gap.begin(error: SHIM_DISK_TOO_SLOW) }
            shared.pointee.gap.droppedBytes &+= lost
            // Not that of its end: lines behind it may have been stamped before.
            shared.pointee.gapTime = now
            shared.pointee.droppedHere &+= lost
        }
        shim_signal_change()
        shim_unlock()
    }

    /// Bytes of the service that are not in the log.
    var droppedBytes: Int64 {
        shim_lock()
        defer { shim_unlock() }
        return shared.pointee.droppedHere &+ shared.pointee.droppedByLog
    }

    /// Waits until all that was taken is stored or counted.
    ///
    /// The lock on the record holds until then: no later start meets a writer of ours at its log.
    func finish() {
        shim_lock()
        shared.pointee.isFinishing = true
        shim_signal_change()
        shim_unlock()
        shim_thread_join()
    }

    // MARK: The second thread

    private static func writeUntilFinished(_ shared: UnsafeMutablePointer<Shared>) {
        var log = Log(shared.pointee.settings)
        shim_lock()
        shared.pointee.isLogOpen = true
        shim_signal_change()
        shim_unlock()
        var isSwollen = false
        while true {
            shim_lock()
            shared.pointee.droppedByLog = log.droppedBytes
            if let buffer = shared.pointee.takeFilledBuffer() {
                shim_unlock()
                log.appendGapMarker(buffer.gap, until: buffer.gapEnd, at: buffer.gapTime)
                if buffer.used > 0 { log.append(buffer.bytes, buffer.used, at: shim_realtime()) }
                isSwollen = true
                continue
            }
            if shared.pointee.isFinishing { break }
            if shim_wait_for_change(waitTimeout(log, isSwollen)) == 0, isSwollen, shared.pointee.filling.isEmpty {
                // Nothing lies in either, and nothing can be put there meanwhile.
                shim_discard(shared.pointee.filling.bytes, capacity)
                shim_discard(shared.pointee.storing.bytes, capacity)
                isSwollen = false
            }
            shim_unlock()
            if let time = log.retryTime, shim_boottime() >= time { log.retryWriting(evenEarly: false) }
        }
        shim_unlock()
        log.retryWriting(evenEarly: true)
    }

    /// Milliseconds until something is due though nothing comes; negative when nothing is.
    private static func waitTimeout(_ log: Log, _ isSwollen: Bool) -> Int64 {
        let shrink = isSwollen ? releaseMemoryDelay : -1
        guard let time = log.retryTime else { return shrink }
        let due = max(0, time &- shim_boottime()) / 1_000_000 &+ 1
        return isSwollen ? min(due, shrink) : due
    }
}
