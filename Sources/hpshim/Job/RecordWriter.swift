import CHeroFailpoints
import CHeroRecord
import CHeroShim

/// The record file of the job, open and locked: which process runs, and how it exited.
///
/// The shim opens the file twice: once for writing, and once read-only to hold the lock, which the service inherits.
/// The kernel therefore refuses a second instance while any process of the first one runs.
struct RecordWriter {
    /// How long the shim waits for the lock, in ns: a reconciler that tests the lock holds it for a moment.
    private static let lockTimeout: Int64 = 1_000_000_000
    private static let lockRetryInterval: Int32 = 10

    let file: Int32
    let lock: Int32
    var proc = hero_proc()
    var exit = hero_exit()
    /// What the program has reported through its notify socket, if it has one.
    var notifyState = hero_notify_state()

    /// The result of an attempt to acquire a start.
    enum Acquisition {
        /// This shim holds the lock, and its generation is recorded.
        case acquired(RecordWriter)
        /// Another instance holds the lock.
        case locked
        /// The record holds this generation, or a newer one.
        case superseded
        /// The record cannot be created, locked or written.
        case failed(errno: Int32)
    }

    /// Opens and locks the record of `spec` and records its generation, with the phase `PREPARED`.
    static func acquire(_ spec: Spec, shim: hero_identity) -> Acquisition {
        let deadline = shim_boottime() &+ lockTimeout
        while true {
            let file = shim_open_record(spec.recordPath)
            guard file >= 0 else { return .failed(errno: -file) }
            let lock = shim_open_lock(spec.recordPath)
            guard lock >= 0 else {
                shim_close(file)
                // Removed between the two calls. Records are removed under the lock only, so try again.
                if lock == -Int32(SHIM_ENOENT), shim_boottime() < deadline { continue }
                return .failed(errno: -lock)
            }
            if shim_try_lock(lock) == 0, isFileAtPath(file, lock, at: spec.recordPath) {
                return prepare(spec, shim: shim, file: file, lock: lock)
            }
            shim_close(lock)
            shim_close(file)
            guard shim_boottime() < deadline else { return .locked }
            shim_sleep_ms(lockRetryInterval)
        }
    }

    /// Whether both descriptors refer to the file at this path: a lock on a removed file protects nothing.
    private static func isFileAtPath(_ file: Int32, _ lock: Int32, at path: UnsafePointer<CChar>) -> Bool {
        var written = shim_file()
        var locked = shim_file()
        var named = shim_file()
        guard
            shim_stat(file, &written) == 0, shim_stat(lock, &locked) == 0,
            shim_lstat(path, &named) == 0
        else { return false }
        return written.isSame(as: locked) && locked.isSame(as: named)
    }

    init(file: Int32, lock: Int32) {
        self.file = file
        self.lock = lock
    }

    // MARK: Writing

    /// Writes which process runs; returns 0 or an errno.
    mutating func writeProc() -> Int32 {
        hero_proc_seal(&proc)
        return errorOfWrite(
            shim_write_at(file, &proc, MemoryLayout<hero_proc>.size, 0),
            of: MemoryLayout<hero_proc>.size
        )
    }

    /// Writes how the process exited, into bytes that are allocated already: a full disk does not refuse them (SH-9).
    mutating func writeExit() -> Int32 {
        if hero_is_disabled(HERO_SLOT) != 0 { return 0 }
        hero_exit_seal(&exit)
        let size = MemoryLayout<hero_exit>.size
        return errorOfWrite(shim_write_at(file, &exit, size, Int(HERO_SECTOR)), of: size)
    }

    /// The mark that the child itself writes into the record when its gate opens.
    var releaseMark: hero_release {
        hero_release(magic: HERO_RELEASE_MAGIC, generation: proc.generation, job: proc.job)
    }

    /// Writes both halves completely, which allocates all the space that the record needs.
    mutating func writeBoth() -> Int32 {
        hero_proc_seal(&proc)
        hero_exit_seal(&exit)
        let sector = Int(HERO_SECTOR)
        let page = UnsafeMutableRawPointer(shim_start_scratch())
        page.initializeMemory(as: UInt8.self, repeating: 0, count: 2 * sector)
        page.storeBytes(of: proc, as: hero_proc.self)
        page.storeBytes(of: exit, toByteOffset: sector, as: hero_exit.self)
        return errorOfWrite(shim_write_at(file, page, 2 * sector, 0), of: 2 * sector)
    }

    /// Writes the notify state behind both halves; returns 0 or an errno.
    mutating func writeNotifyState() -> Int32 {
        hero_notify_state_seal(&notifyState)
        let size = MemoryLayout<hero_notify_state>.size
        return errorOfWrite(shim_write_at(file, &notifyState, size, 2 * Int(HERO_SECTOR)), of: size)
    }

    /// Wakes the reconciler, which watches the attributes of the record.
    func wakeReconciler() { _ = shim_touch(file) }

    private func errorOfWrite(_ result: Int, of size: Int) -> Int32 {
        result == size ? 0 : result < 0 ? Int32(truncatingIfNeeded: -result) : Int32(SHIM_EIO)
    }

    /// Records that the program never executed, in both halves at once.
    mutating func writeFailure(stage: UInt32, error: Int32) {
        proc.phase = HERO_PROC_FAILED.rawValue
        proc.stage = stage
        proc.error = error
        exit.kind = HERO_EXIT_FAILED.rawValue
        exit.stage = stage
        exit.error = error
        exit.ended_boottime = shim_boottime()
        exit.ended_realtime = shim_realtime()
        _ = writeBoth()
    }

    /// Sends the reconciler a notice of the start.
    ///
    /// The record is authoritative; the notice may be lost.
    func sendNotice(_ kind: hero_notice_kind) {
        var notice = hero_notice()
        notice.magic = HERO_NOTICE_MAGIC
        notice.kind = kind.rawValue
        notice.job = proc.job
        notice.generation = proc.generation
        notice.stage = proc.stage
        notice.error = proc.error
        notice.pid = proc.main.pid
        shim_send_notice(&notice)
    }
}

extension shim_file {
    func isSame(as other: shim_file) -> Bool {
        device == other.device && inode == other.inode
    }
}
