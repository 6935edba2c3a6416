import CHeroShim

/// The thread that writes the log of a service that must never wait for its log: a slow disk blocks only this thread
/// (LG-3).
///
/// Two buffers lie between the first thread and this one. One is filled while the lines of the other are stored, and
/// then they are exchanged. Bytes that do not fit are counted until the exchange. Their drop marker is written before
/// the lines that follow, so each marker is where its lines are missing. The thread ends with the shim, also by a kill.
struct LogThread {
    /// The size of each buffer in bytes; both together hold as much as an enlarged pipe.
    private static let capacity = Int(SHIM_OUTPUT_SIZE)
    /// The size of the shared state in front of the buffers.
    private static let sharedSize = 4096
    /// How long a start waits until its log is open, in ms.
    private static let openTimeout: Int64 = 500
    /// How long the buffers are kept after a burst of output, in ms.
    private static let releaseMemoryDelay: Int64 = 1000

    /// Consecutive lines, and the gap in front of them.
    private struct Buffer {
        let bytes: UnsafeMutablePointer<CChar>
        var used = 0
        var gap = LogOutage()
        /// When the gap ended (CLOCK_BOOTTIME, ns), and the time of its last lines (CLOCK_REALTIME, ns).
        var gapEnd: Int64 = 0
        var gapTime: Int64 = 0

        var isEmpty: Bool { used == 0 && gap.error == 0 }
    }

    /// The state of both threads, protected by the lock.
    private struct Shared {
        let settings: Log.Settings
        var filling: Buffer
        var storing: Buffer
        /// The lines that did not fit behind those of `filling`.
        var gap = LogOutage()
        var gapTime: Int64 = 0
        /// Whether the log is open, and whether no more lines will be appended.
        var isLogOpen = false
        var isFinishing = false
        /// Bytes of the service that were dropped: because the buffer was full, and by the log.
        var droppedHere: Int64 = 0
        var droppedByLog: Int64 = 0

        /// Exchanges the buffers and returns the filled one; nil when it is empty.
        mutating func takeFilledBuffer() -> Buffer? {
            guard !filling.isEmpty else { return nil }
            let buffer = filling
            filling = Buffer(bytes: storing.bytes)
            storing = buffer
            if gap.error != 0 {
                filling.gap = gap
                filling.gapEnd = shim_boottime()
                filling.gapTime = gapTime
                gap.end()
            }
            return buffer
        }
    }

    private let shared: UnsafeMutablePointer<Shared>

    /// Starts the thread; nil, with an errno, when that fails.
    init?(_ settings: Log.Settings, _ error: inout Int32) {
        let size = LogThread.sharedSize + 2 * LogThread.capacity
        guard let memory = shim_map(size) else {
            error = Int32(SHIM_EAGAIN)
            return nil
        }
        let bytes = (memory + LogThread.sharedSize).assumingMemoryBound(to: CChar.self)
        shared = memory.bindMemory(to: Shared.self, capacity: 1)
        shared.initialize(
            to: Shared(
                settings: settings,
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

    /// Waits until the log is open, so that a reader of this start's log does not find that of the previous start.
    private func awaitLogOpen() {
        shim_lock()
        while !shared.pointee.isLogOpen, shim_wait_for_change(LogThread.openTimeout) != 0 {}
        shim_unlock()
    }

    /// Appends whole lines, each with its prefix; counts the bytes of lines that do not fit.
    ///
    /// It never waits. `now` is CLOCK_REALTIME in ns.
    func append(_ bytes: UnsafePointer<CChar>, _ count: Int, at now: Int64) {
        shim_lock()
        var fits = 0
        // After the first missing line all lines are dropped until the marker can be placed.
        if shared.pointee.gap.error == 0 {
            let used = shared.pointee.filling.used
            let remaining = LogThread.capacity - used
            fits = count <= remaining ? count : Log.lengthOfWholeLines(bytes, remaining)
            shim_copy(shared.pointee.filling.bytes + used, bytes, fits)
            shared.pointee.filling.used = used + fits
        }
        if fits < count {
            let droppedBytes = Log.serviceByteCount(bytes + fits, count - fits)
            if shared.pointee.gap.error == 0 { shared.pointee.gap.begin(error: SHIM_DISK_TOO_SLOW) }
            shared.pointee.gap.droppedBytes &+= droppedBytes
            // The time of these lines and not that of the end of the gap, because later lines may have earlier times
            // than that.
            shared.pointee.gapTime = now
            shared.pointee.droppedHere &+= droppedBytes
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

    /// Waits until all appended lines are stored or counted.
    ///
    /// The lock on the record is held until then, so a later start never writes the same log at the same time.
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
        var hasUsedBuffers = false
        while true {
            shim_lock()
            shared.pointee.droppedByLog = log.droppedBytes
            if let buffer = shared.pointee.takeFilledBuffer() {
                shim_unlock()
                log.appendGapMarker(buffer.gap, until: buffer.gapEnd, at: buffer.gapTime)
                if buffer.used > 0 { log.append(buffer.bytes, buffer.used, at: shim_realtime()) }
                hasUsedBuffers = true
                continue
            }
            if shared.pointee.isFinishing { break }
            if shim_wait_for_change(waitTimeout(log, hasUsedBuffers)) == 0, hasUsedBuffers,
                shared.pointee.filling.isEmpty
            {
                // Both buffers are empty, and the lock keeps them empty.
                shim_discard(shared.pointee.filling.bytes, capacity)
                shim_discard(shared.pointee.storing.bytes, capacity)
                hasUsedBuffers = false
            }
            shim_unlock()
            if let time = log.retryTime, shim_boottime() >= time { log.retryWriting(force: false) }
        }
        shim_unlock()
        log.retryWriting(force: true)
    }

    /// Milliseconds until the next retry or release of memory; negative when there is none.
    private static func waitTimeout(_ log: Log, _ hasUsedBuffers: Bool) -> Int64 {
        let shrink = hasUsedBuffers ? releaseMemoryDelay : -1
        guard let time = log.retryTime else { return shrink }
        let due = max(0, time &- shim_boottime()) / 1_000_000 &+ 1
        return hasUsedBuffers ? min(due, shrink) : due
    }
}
