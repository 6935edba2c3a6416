import CHeroFailpoints
import CHeroShim

/// The log file of the job: appends whole lines and continues in a new file before the file exceeds its maximum size.
///
/// Appending never fails. Lines that cannot be stored are counted, and a drop marker in the log states the number of
/// missing bytes as soon as the log can be written again (LG-2). Part of the file system is left free (LG-8).
struct Log {
    /// How often the path is compared with the open file while lines are written, in ns (LG-6).
    private static let nameCheckInterval: Int64 = 1_000_000_000

    private var rotation: LogRotation
    private let maxFileSize: Int64
    private var descriptor: Int32 = -1
    private var file = shim_file()
    private var size: Int64 = 0
    private var nameCheckedAt: Int64 = 0
    private var outage = LogOutage()
    private var freeSpaceGuard = FreeSpaceGuard()
    /// Whether the file ends in a partial line that could not be removed.
    private var endsInPartialLine = false

    /// Bytes of the service that are not in the log.
    private(set) var droppedBytes: Int64 = 0

    /// The path of the log, and how much is kept.
    struct Settings {
        /// The path, in static memory.
        let path: UnsafePointer<CChar>
        /// The number of earlier files.
        let keptFiles: Int
        /// The maximum size of each file in bytes; 0 means no limit.
        let maxFileSize: UInt64
    }

    /// Rotates the files and opens a new one, or continues the existing file.
    ///
    /// It cannot fail: without a file, lines are dropped and counted.
    init(_ settings: Settings, resuming: Bool = false) {
        rotation = LogRotation(path: settings.path, keptFiles: settings.keptFiles)
        maxFileSize = settings.maxFileSize == 0 ? .max : Int64(clamping: settings.maxFileSize)
        if resuming { resumeFile() }
        guard descriptor < 0 else { return }
        let error = startNewFile()
        if error != 0 { outage.begin(error: error) }
    }

    /// When to call `retryWriting`, as CLOCK_BOOTTIME in ns; nil while no drop marker waits to be written.
    var retryTime: Int64? { outage.error != 0 && outage.droppedBytes > 0 ? outage.retryTime : nil }

    /// Appends whole lines, each with its prefix and newline.
    ///
    /// `now` is CLOCK_REALTIME in ns.
    mutating func append(_ bytes: UnsafePointer<CChar>, _ count: Int, at now: Int64) {
        if outage.error != 0 { retryWriting(force: false) }
        if outage.error == 0 { checkName(at: now) }
        var start = bytes
        var remaining = count
        while remaining > 0 {
            guard outage.error == 0 else { return countDropped(start, remaining) }
            let part = lengthThatFits(start, remaining)
            guard part > 0 else {
                let error = startNewFile()
                if error != 0 { outage.begin(error: error) }
                continue
            }
            let refusal = freeSpaceGuard.refusal(of: part, to: descriptor, at: now)
            guard refusal == 0 else {
                outage.begin(error: refusal)
                continue
            }
            let stored = write(start, part)
            start += stored
            remaining -= stored
        }
    }

    /// Tries to end an outage and writes the drop marker.
    ///
    /// At most every two seconds, unless `force`.
    mutating func retryWriting(force: Bool) {
        let now = shim_boottime()
        guard outage.error != 0, force || now >= outage.retryTime else { return }
        outage.postpone(from: now)
        // A file of the largest size that the limit of file sizes permits (EFBIG) is full: a new one follows.
        if descriptor < 0 || endsInPartialLine || outage.error == Int32(SHIM_EFBIG) || !isFileAtPath() {
            let error = startNewFile()
            guard error == 0 else { return }
        }
        guard freeSpaceGuard.refusal(of: LinePrefix.length, to: descriptor, at: shim_realtime()) == 0 else { return }
        let pastOutage = outage
        outage.end()
        guard pastOutage.droppedBytes > 0 else { return }
        let (line, length) = pastOutage.markerLine(until: now, at: shim_realtime())
        if write(line, length) != length {
            // Still refused: the outage continues.
            outage = pastOutage
        }
    }

    /// Writes a drop marker for lines that never reached this log.
    ///
    /// If that fails, the bytes count as part of the outage.
    mutating func appendGapMarker(_ gap: LogOutage, until end: Int64, at time: Int64) {
        guard gap.droppedBytes > 0 else { return }
        if outage.error != 0 { retryWriting(force: false) }
        if outage.error == 0 { checkName(at: shim_realtime()) }
        if outage.error == 0 {
            let refusal = freeSpaceGuard.refusal(of: LinePrefix.length, to: descriptor, at: shim_realtime())
            if refusal != 0 { outage.begin(error: refusal) }
        }
        if outage.error == 0 {
            let (line, length) = gap.markerLine(until: end, at: time)
            if write(line, length) == length { return }
        }
        outage.droppedBytes &+= gap.droppedBytes
    }

    // MARK: Writing

    /// How many of the bytes, in whole lines, fit into the file; 0 when a new file must be started first.
    private func lengthThatFits(_ start: UnsafePointer<CChar>, _ count: Int) -> Int {
        let room = max(0, maxFileSize &- size)
        if Int64(count) <= room { return count }
        let whole = Log.lengthOfWholeLines(start, Int(room))
        if whole > 0 || size > 0 { return whole }
        // One line larger than the maximum size gets a file of its own.
        guard let end = shim_first_newline(start, count) else { return count }
        return end - start + 1
    }

    /// The length of the text up to and including the last newline.
    static func lengthOfWholeLines(_ start: UnsafePointer<CChar>, _ count: Int) -> Int {
        var end = count
        while end > 0, start[end - 1] != 0x0a { end -= 1 }
        return end
    }

    /// Writes whole lines; returns the number of bytes of whole lines that are stored.
    ///
    /// A result less than `count` starts an outage.
    private mutating func write(_ bytes: UnsafePointer<CChar>, _ count: Int) -> Int {
        var done = 0
        while done < count {
            let refusal = Int(hero_failpoint(FP_LG_2))
            let result = refusal == 0 ? shim_write(descriptor, bytes + done, count - done) : -refusal
            if result > 0 {
                done += result
            } else if result != -Int(SHIM_EINTR) {
                outage.begin(error: result == 0 ? Int32(SHIM_EIO) : Int32(truncatingIfNeeded: -result))
                // A partial line is removed, because the next line must start on a new line.
                let whole = Log.lengthOfWholeLines(bytes, done)
                if whole < done {
                    let statError = shim_stat(descriptor, &file)
                    let size = file.size &- Int64(done - whole)
                    endsInPartialLine = statError != 0 || shim_truncate(descriptor, size) != 0
                }
                done = whole
                break
            }
        }
        size &+= Int64(done)
        return done
    }

    private mutating func countDropped(_ bytes: UnsafePointer<CChar>, _ count: Int) {
        let lost = Log.serviceByteCount(bytes, count)
        droppedBytes &+= lost
        outage.droppedBytes &+= lost
    }

    /// Counts the bytes that the service wrote: without the prefixes, and without the newlines behind parts of lines.
    static func serviceByteCount(_ bytes: UnsafePointer<CChar>, _ count: Int) -> Int64 {
        var start = bytes
        let end = bytes + count
        var total: Int64 = 0
        while start < end, let newline = shim_first_newline(start, end - start) {
            total &+= Int64(newline - start - LinePrefix.length) &+ (LinePrefix.isFullLine(start) ? 1 : 0)
            start = newline + 1
        }
        return hero_is_disabled(HERO_DROPS) != 0 ? 0 : total
    }

    // MARK: The open file

    /// Checks once a second whether the path still refers to the open file.
    ///
    /// A removed or replaced file is left alone, and a new one is started.
    private mutating func checkName(at now: Int64) {
        guard now &- nameCheckedAt >= Log.nameCheckInterval || now < nameCheckedAt else { return }
        nameCheckedAt = now
        guard !isFileAtPath() else { return }
        let error = startNewFile()
        if error != 0 { outage.begin(error: error) }
    }

    private mutating func isFileAtPath() -> Bool {
        var named = shim_file()
        let result = shim_lstat(rotation.path, &named)
        // An error other than ENOENT does not prove that the file is gone.
        guard result != -Int32(SHIM_ENOENT) else { return false }
        guard result == 0 else { return true }
        guard named.isSame(as: file) else { return false }
        size = named.size
        return true
    }

    /// Continues the existing file behind its last whole line: its writer may have been killed in the middle of a line.
    ///
    /// A file that is not a log of heroproc is left to `startNewFile`, which renames it.
    private mutating func resumeFile() {
        let opened = shim_open_log(rotation.path)
        guard opened >= 0 else { return }
        let tail = shim_output()
        guard shim_stat(opened, &file) == 0 else { return shim_close(opened) }
        let length = min(file.size, Int64(SHIM_OUTPUT_SIZE))
        let start = file.size &- length
        let whole =
            shim_read_at(opened, tail, Int(length), Int(start)) == Int(length)
            ? Log.lengthOfWholeLines(tail, Int(length)) : -1
        // A log line is always shorter than the buffer: without a newline in it, this is not a log of heroproc.
        guard whole > 0 || (whole == 0 && start == 0),
            Int64(whole) == length || shim_truncate(opened, start &+ Int64(whole)) == 0
        else { return shim_close(opened) }
        size = start &+ Int64(whole)
        descriptor = opened
    }

    /// Rotates the files and opens a new one; returns 0 or an errno.
    private mutating func startNewFile() -> Int32 {
        shim_close(descriptor)
        descriptor = rotation.rotate()
        guard descriptor >= 0 else { return -descriptor }
        endsInPartialLine = false
        size = 0
        _ = shim_stat(descriptor, &file)
        return 0
    }
}
