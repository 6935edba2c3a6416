import CHeroRecord
import Glibc
import HeroKernel
import HeroModel

/// The record file of a job, as far as it can be believed.
struct RecordFile {
    /// What reading it gave.
    enum ReadResult {
        /// There is no file.
        case absent
        /// A file without a word: its shim has only just begun.
        case empty
        /// Words that are not ours, torn, or of another job.
        case damaged
        /// At least one valid half.
        case found(RecordFile)
    }

    private var proc: hero_proc?
    private var exit: hero_exit?
    private var said: hero_notify_state?
    /// Whether there is a part for what its program says, whatever stands in it.
    private(set) var hasNotifySection = false
    private var release = hero_release()

    /// Reads a record; nothing in it is believed before its checksum is right (reliability.md SH-9).
    static func read(_ path: String, job: JobID) -> ReadResult {
        // Never waits for the other end of a FIFO.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else { return errno == ENOENT ? .absent : .damaged }
        defer { close(descriptor) }
        return withUnsafeTemporaryAllocation(byteCount: 3 * Int(HERO_SECTOR), alignment: 16) { buffer in
            buffer.initializeMemory(as: UInt8.self, repeating: 0)
            let size = pread(descriptor, buffer.baseAddress, buffer.count, 0)
            guard size > 0 else { return size == 0 ? .empty : .damaged }
            return decode(UnsafeRawBufferPointer(buffer), job: job)
        }
    }

    /// Judges both halves.
    static func decode(_ bytes: UnsafeRawBufferPointer, job: JobID) -> ReadResult {
        let sector = Int(HERO_SECTOR)
        guard bytes.count >= 2 * sector else { return .damaged }
        var proc = bytes.loadUnaligned(as: hero_proc.self)
        var exit = bytes.loadUnaligned(fromByteOffset: sector, as: hero_exit.self)
        var record = RecordFile()
        if hero_proc_is_valid(&proc) == 1, proc.job == job { record.proc = proc }
        if hero_exit_is_valid(&exit) == 1, exit.job == job { record.exit = exit }
        if bytes.count >= 2 * sector + MemoryLayout<hero_notify_state>.size {
            var said = bytes.loadUnaligned(fromByteOffset: 2 * sector, as: hero_notify_state.self)
            record.hasNotifySection = said.magic == UInt32(HERO_NOTIFY_MAGIC)
            // One that another start has left behind says nothing.
            if hero_notify_state_is_valid(&said) == 1, said.job == job, said.generation == record.proc?.generation {
                record.said = said
            }
        }
        record.release = bytes.loadUnaligned(fromByteOffset: Int(HERO_RELEASE_OFFSET), as: hero_release.self)
        guard record.proc != nil || record.exit != nil else {
            return bytes.allSatisfy { $0 == 0 } ? .empty : .damaged
        }
        return .found(record)
    }

    /// Which start it is about.
    var generation: UInt32 { proc?.generation ?? exit?.generation ?? 0 }

    /// How far the start got; nil when that half is damaged.
    var phase: hero_proc_phase? { proc.map { hero_proc_phase(rawValue: $0.phase) } }

    /// Whether the program executes, or has executed.
    var hasExecuted: Bool { phase == HERO_PROC_EXECUTED }

    /// Whether the program executes, or was about to when its shim was lost: it has said so itself.
    ///
    /// While the shim lives, only `hasExecuted` counts: the execution may still fail.
    private var wasReleased: Bool {
        guard let proc, phase == HERO_PROC_GATED else { return hasExecuted }
        return release.magic == HERO_RELEASE_MAGIC && release.generation == proc.generation && release.job == proc.job
    }

    /// Whether its generation was taken so that no shim can (`Retirement`): a shim says who it is when it takes one.
    var isRetired: Bool { phase == HERO_PROC_PREPARED && shim == nil }

    /// Whether it was written on this boot, in this pid namespace.
    var isFromThisMachine: Bool {
        bootID == ProcessTable.currentMachine.bootID && pidNamespace == ProcessTable.currentMachine.pidNamespace
    }

    /// Whether it was written on this boot.
    var isFromThisBoot: Bool { bootID == ProcessTable.currentMachine.bootID }

    /// The shim.
    var shim: ProcessIdentity? { proc.flatMap { identity($0.shim) } }

    /// The main program.
    var main: ProcessIdentity? { proc.flatMap { identity($0.main) } }

    /// Whether the main program may be another one later, when its PID file names one.
    var allowsHandover: Bool { proc.map { $0.expects_handover != 0 } ?? false }

    /// The directory of its cgroup; nil when it has none.
    var cgroup: String? {
        guard let proc, proc.containment != HERO_CONTAINMENT_NONE.rawValue else { return nil }
        let path = withUnsafeBytes(of: proc.cgroup) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        return path.hasPrefix("/") ? path : nil
    }

    /// What holds its tree together.
    var containment: ContainmentSupport.Method? {
        switch proc.map({ hero_containment(rawValue: $0.containment) }) {
        case HERO_CONTAINMENT_CGROUP: .cgroup
        case HERO_CONTAINMENT_FREEZER: .freezer
        case HERO_CONTAINMENT_NONE: .subreaper
        default: nil
        }
    }

    /// Who executes, once it does.
    var startReport: StartReport? {
        guard hasExecuted else { return nil }
        return gatedReport
    }

    /// Who executes, or has executed, where the shim is gone and says nothing more about it.
    var orphanReport: StartReport? { wasReleased ? gatedReport : nil }

    /// Who would execute, or does.
    var gatedReport: StartReport? {
        guard let proc, let main else { return nil }
        return StartReport(
            process: main,
            at: Moment(nanoseconds: proc.started_boottime),
            time: WallTime(microseconds: proc.started_realtime / 1000)
        )
    }

    /// How the start ended, when that is written; a half left over from another start says nothing.
    func endReport(_ names: StartFailureContext?) -> EndReport? {
        guard let exit, exit.generation == generation else { return failedStartReport(names) }
        let outcome: Outcome
        switch hero_exit_kind(rawValue: exit.kind) {
        case HERO_EXIT_EXITED: outcome = .exited(exit.status)
        case HERO_EXIT_SIGNALED where exit.out_of_memory != 0: outcome = .outOfMemory
        case HERO_EXIT_SIGNALED:
            outcome = .signaled(Signal(number: exit.status), coreDumped: exit.core_dumped != 0)
        case HERO_EXIT_FAILED: outcome = .startFailed(makeStartFailure(exit.stage, exit.error, names))
        case HERO_EXIT_UNKNOWN:
            outcome = .lost("its main process was the child of another one, which alone was told how it ended")
        default: return failedStartReport(names)
        }
        return EndReport(
            outcome: outcome,
            time: exit.ended_realtime > 0 ? WallTime(microseconds: exit.ended_realtime / 1000) : nil,
            executed: startReport,
            droppedBytes: max(0, exit.dropped_bytes)
        )
    }

    /// What the program has said of itself, as it stands in the record; nil where it may not speak, or its words are damaged.
    func notifyState(asOf now: Moment) -> NotifyState? {
        guard let said, isFromThisBoot else { return nil }
        var report = NotifyState(asOf: now)
        report.isReady = said.flags & HERO_NOTIFY_READY.rawValue != 0
        report.isReloading = said.flags & HERO_NOTIFY_RELOADING.rawValue != 0
        report.isStopping = said.flags & HERO_NOTIFY_STOPPING.rawValue != 0
        report.hasTriggeredWatchdog = said.flags & HERO_NOTIFY_WATCHDOG_TRIGGER.rawValue != 0
        if said.watchdog_us > 0 { report.watchdog = .microseconds(Int64(clamping: said.watchdog_us)) }
        if said.pinged_boottime > 0 { report.lastPing = Moment(nanoseconds: said.pinged_boottime) }
        report.status = statusText(said)
        report.unverifiedMessages = Int(said.foreign_senders)
        report.unreadableMessages = Int(said.malformed)
        report.rejectedMainPIDs = Int(said.refused_main_pids)
        report.lastRejectedPID = said.refused_pid
        return report
    }

    private func statusText(_ said: hero_notify_state) -> String? {
        let size = min(Int(said.status_size), Int(HERO_STATUS_SIZE))
        guard size > 0 else { return nil }
        let bytes = withUnsafeBytes(of: said.status) { [UInt8]($0.prefix(size)) }
        // It was cut off at a byte, and that may have been within a character.
        let cuts = size == Int(HERO_STATUS_SIZE) ? 0...3 : 0...0
        for cut in cuts {
            if let text = String(validating: bytes.dropLast(cut), as: UTF8.self) { return text }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private func failedStartReport(_ names: StartFailureContext?) -> EndReport? {
        guard let proc, phase == HERO_PROC_FAILED else { return nil }
        return EndReport(
            outcome: .startFailed(makeStartFailure(proc.stage, proc.error, names)),
            time: nil,
            executed: nil
        )
    }

    private var pidNamespace: UInt64? { proc?.pid_namespace }

    private var bootID: String? {
        guard let proc else { return nil }
        return withUnsafeBytes(of: proc.boot_id) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }

    private func identity(_ words: hero_identity) -> ProcessIdentity? {
        guard let proc, words.pid > 0, let bootID else { return nil }
        return ProcessIdentity(
            bootID: bootID,
            pidNamespace: proc.pid_namespace,
            pid: words.pid,
            startTicks: words.start_ticks,
            pidfsInode: words.pidfs_inode
        )
    }
}
