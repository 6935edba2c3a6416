import CHeroFailpoints
import CHeroShim

/// The log file of the job: whole lines in, continued in a new file before it grows too large.
///
/// It never refuses: what cannot be stored is counted, and a line in the log says how much is missing as soon as it can
/// be written again (LG-2). The last of the file system is left to others (LG-8).
struct Log {
    /// How often the name is compared with the file while something is written (LG-6).
    private static let nameCheckInterval: Int64 = 1_000_000_000

    private var rotation: LogRotation
    private let maxFileSize: Int64
    private var descriptor: Int32 = -1
    private var file = shim_file()
    private var size: Int64 = 0
    private var nameCheckedAt: Int64 = 0
    private var outage = LogOutage()
    private var freeSpaceGuard = FreeSpaceGuard()
    /// Whether the file ends in the middle of a line that could not be cut off.
    private var endsInPartialLine = false

    /// Bytes of the service that are not in the log.
    private(set) var droppedBytes: Int64 = 0

    /// Which file it is, and how much is kept.
    struct Settings {
        /// In memory that stays.
        let path: UnsafePointer<CChar>
        /// Earlier files.
        let keptFiles: Int
        /// Bytes of each; 0: no limit.
        let maxFileSize: UInt64
    }

    /// Begins a new file, after the earlier ones have been moved up; or goes on in the one that is there.
    ///
    /// Cannot fail: without a file it drops.
    init(_ place: Settings, goesOn: Bool = false) {
        rotation = LogRotation(path: place.path, keptFiles: place.keptFiles)
        maxFileSize = place.maxFileSize == 0 ? .max : Int64(clamping: place.maxFileSize)
        if goesOn { resumeFile() }
        guard descriptor < 0 else { return }
        let error = startNewFile()
        if error != 0 { outage.begin(error: error) }
    }

    /// When to call `retry`, as CLOCK_BOOTTIME in ns; nil while nothing waits to be said.
    var retryTime: Int64? { outage.error != 0 && outage.droppedBytes > 0 ? outage.retryTime : nil }

    /// Stores lines, each with its stamp and newline.
    ///
    /// `now` is CLOCK_REALTIME in ns.
    mutating func append(_ bytes: UnsafePointer<CChar>, _ count: Int, at now: Int64) {
        if outage.error != 0 { retryWriting(evenEarly: false) }
        if outage.error == 0 { checkName(at: now) }
        var from = bytes
        var left = count
        while left > 0 {
            guard outage.error == 0 else { return countDropped(from, left) }
            let part = lengthThatFits(from, left)
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
            let stored = write(from, part)
            from += stored
            left -= stored
        }
    }

    /// Tries to write again, and says what is missing.
    ///
    /// Only every two seconds, unless `evenEarly`.
    mutating func retryWriting(evenEarly: Bool) {
        let now = shim_boottime()
        guard outage.error != 0, evenEarly || now >= outage.retryTime else { return }
        outage.postpone(from: now)
        if descriptor < 0 || endsInPartialLine || !isFileAtPath() {
            let error = startNewFile()
            guard error == 0 else { return }
        }
        guard freeSpaceGuard.refusal(of: LinePrefix.length, to: descriptor, at: shim_realtime()) == 0 else { return }
        let ended = outage
        outage.end()
        guard ended.droppedBytes > 0 else { return }
        let (line, length) = ended.markerLine(until: now, at: shim_realtime())
        if write(line, length) != length {
            // Still refused: the outage goes on as if it had not been interrupted.
            outage = ended
        }
    }

    /// Says what is missing of lines that never came here; what cannot be said now is part of the outage.
    mutating func appendGapMarker(_ gap: LogOutage, until end: Int64, at time: Int64) {
        guard gap.droppedBytes > 0 else { return }
        if outage.error != 0 { retryWriting(evenEarly: false) }
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

    // MARK: Where the bytes go

    /// How many of the bytes, in whole lines, the file still takes; 0 when a new one must begin first.
    private func lengthThatFits(_ from: UnsafePointer<CChar>, _ count: Int) -> Int {
        let room = max(0, maxFileSize &- size)
        if Int64(count) <= room { return count }
        let whole = Log.lengthOfWholeLines(from, Int(room))
        if whole > 0 || size > 0 { return whole }
        // One line larger than a file may be: it gets a file of its own.
        guard let end = shim_first_newline(from, count) else { return count }
        return end - from + 1
    }

    /// The length of what ends with the last newline.
    static func lengthOfWholeLines(_ from: UnsafePointer<CChar>, _ count: Int) -> Int {
        var end = count
        while end > 0, from[end - 1] != 0x0a { end -= 1 }
        return end
    }

    /// Writes whole lines; answers how many bytes of whole lines are stored.
    ///
    /// Less than `count` begins an outage.
    private mutating func write(_ bytes: UnsafePointer<CChar>, _ count: Int) -> Int {
        var done = 0
        while done < count {
            let refusal = Int(hero_failpoint(FP_LG_2))
            let result = refusal == 0 ? shim_write(descriptor, bytes + done, count - done) : -refusal
            if result > 0 {
                done += result
            } else if result != -Int(SHIM_EINTR) {
                outage.begin(error: result == 0 ? Int32(SHIM_EIO) : Int32(truncatingIfNeeded: -result))
                // No torn line stays behind: what follows must begin a line again.
                let whole = Log.lengthOfWholeLines(bytes, done)
                if whole < done {
                    let found = shim_stat(descriptor, &file)
                    let size = file.size &- Int64(done - whole)
                    endsInPartialLine = found != 0 || shim_truncate(descriptor, size) != 0
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

    /// Counts what lines hold of the service's bytes: the stamp is ours, and the newline of a part as well.
    static func serviceByteCount(_ bytes: UnsafePointer<CChar>, _ count: Int) -> Int64 {
        var from = bytes
        let end = bytes + count
        var total: Int64 = 0
        while from < end, let newline = shim_first_newline(from, end - from) {
            total &+= Int64(newline - from - LinePrefix.length) &+ (LinePrefix.isFullLine(from) ? 1 : 0)
            from = newline + 1
        }
        return hero_is_disabled(HERO_DROPS) != 0 ? 0 : total
    }

    // MARK: Which file

    /// Looks once a second whether the file still has its name; a removed or replaced one is left alone and a new one
    /// begins.
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
        // A name that cannot be looked at is no proof against the file.
        guard result != -Int32(SHIM_ENOENT) else { return false }
        guard result == 0 else { return true }
        guard named.isSame(as: file) else { return false }
        size = named.size
        return true
    }

    /// Goes on in the active file behind its last whole line: who wrote it may have been killed in the middle of one.
    ///
    /// A file that is none of ours is left to `begin`, which moves it up.
    private mutating func resumeFile() {
        let found = shim_open_log(rotation.path)
        guard found >= 0 else { return }
        let tail = shim_output()
        guard shim_stat(found, &file) == 0 else { return shim_close(found) }
        let length = min(file.size, Int64(SHIM_OUTPUT_SIZE))
        let start = file.size &- length
        let whole =
            shim_read_at(found, tail, Int(length), Int(start)) == Int(length)
            ? Log.lengthOfWholeLines(tail, Int(length)) : -1
        // No line of ours is as long as what was read.
        guard whole > 0 || (whole == 0 && start == 0),
            Int64(whole) == length || shim_truncate(found, start &+ Int64(whole)) == 0
        else { return shim_close(found) }
        size = start &+ Int64(whole)
        descriptor = found
    }

    /// Moves the chain up and begins a new file; 0 or an errno.
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
