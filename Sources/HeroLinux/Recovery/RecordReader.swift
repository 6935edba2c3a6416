import CHeroRecord
import Glibc
import HeroKernel
import HeroModel

/// The valid parts of the record file of a job.
struct RecordReader {
    /// The result of reading a record file.
    enum ReadResult {
        /// The file does not exist.
        case absent
        /// The file has no content yet: its shim has just started.
        case empty
        /// The content is invalid, torn or of another job.
        case damaged
        /// At least one half is valid.
        case found(RecordReader)
    }

    private var proc: hero_proc?
    private var exit: hero_exit?
    private var notifySection: hero_notify_state?
    /// Whether the record has a section for the notify state, valid or not.
    private(set) var hasNotifySection = false
    private var release = hero_release()

    /// Reads a record; a half is used only if its checksum is right (SH-9).
    static func read(_ path: String, job: JobID) -> ReadResult {
        // O_NONBLOCK: opening a FIFO must not wait for a writer.
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

    /// Decodes and verifies both halves and the notify section.
    static func decode(_ bytes: UnsafeRawBufferPointer, job: JobID) -> ReadResult {
        let sector = Int(HERO_SECTOR)
        guard bytes.count >= 2 * sector else { return .damaged }
        var proc = bytes.loadUnaligned(as: hero_proc.self)
        var exit = bytes.loadUnaligned(fromByteOffset: sector, as: hero_exit.self)
        var record = RecordReader()
        if hero_proc_is_valid(&proc) == 1, proc.job == job { record.proc = proc }
        if hero_exit_is_valid(&exit) == 1, exit.job == job { record.exit = exit }
        if bytes.count >= 2 * sector + MemoryLayout<hero_notify_state>.size {
            var notifySection = bytes.loadUnaligned(fromByteOffset: 2 * sector, as: hero_notify_state.self)
            record.hasNotifySection = notifySection.magic == UInt32(HERO_NOTIFY_MAGIC)
            // A section of an earlier start is ignored.
            if hero_notify_state_is_valid(&notifySection) == 1, notifySection.job == job,
                notifySection.generation == record.proc?.generation
            {
                record.notifySection = notifySection
            }
        }
        record.release = bytes.loadUnaligned(fromByteOffset: Int(HERO_RELEASE_OFFSET), as: hero_release.self)
        guard record.proc != nil || record.exit != nil else {
            return bytes.allSatisfy { $0 == 0 } ? .empty : .damaged
        }
        return .found(record)
    }

    /// The number of the start that the record describes.
    var generation: UInt32 { proc?.generation ?? exit?.generation ?? 0 }

    /// The phase of the start; nil if the first half is invalid.
    var phase: hero_proc_phase? { proc.map { hero_proc_phase(rawValue: $0.phase) } }

    /// Whether the shim has recorded that the program was executed.
    var hasExecuted: Bool { phase == HERO_PROC_EXECUTED }

    /// Whether the program was released for execution, as the program itself has recorded.
    ///
    /// While the shim is running only `hasExecuted` counts, because the execution may still fail.
    private var wasReleased: Bool {
        guard let proc, phase == HERO_PROC_GATED else { return hasExecuted }
        return release.magic == HERO_RELEASE_MAGIC && release.generation == proc.generation && release.job == proc.job
    }

    /// Whether the start was retired (`StartRetirement`): a shim always records its own identity.
    var isRetired: Bool { phase == HERO_PROC_PREPARED && shim == nil }

    /// Whether the record was written on this boot and in this PID namespace.
    var isFromThisMachine: Bool {
        bootID == ProcessTable.currentMachine.bootID && pidNamespace == ProcessTable.currentMachine.pidNamespace
    }

    /// Whether the record was written on this boot.
    var isFromThisBoot: Bool { bootID == ProcessTable.currentMachine.bootID }

    /// The identity of the shim.
    var shim: ProcessIdentity? { proc.flatMap { identity($0.shim) } }

    /// The identity of the main process.
    var main: ProcessIdentity? { proc.flatMap { identity($0.main) } }

    /// Whether another process may replace the main process, through its PID file or the notify socket.
    var allowsHandover: Bool { proc.map { $0.expects_handover != 0 } ?? false }

    /// The directory of its cgroup; nil if it has none.
    var cgroup: String? {
        guard let proc, proc.containment != HERO_CONTAINMENT_NONE.rawValue else { return nil }
        let path = withUnsafeBytes(of: proc.cgroup) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        return path.hasPrefix("/") ? path : nil
    }

    /// How its process tree is contained.
    var containment: ContainmentSupport.Method? {
        switch proc.map({ hero_containment(rawValue: $0.containment) }) {
        case HERO_CONTAINMENT_CGROUP: .cgroup
        case HERO_CONTAINMENT_FREEZER: .freezer
        case HERO_CONTAINMENT_NONE: .subreaper
        default: nil
        }
    }

    /// The main process, once the program was executed.
    var startReport: StartReport? {
        guard hasExecuted else { return nil }
        return gatedReport
    }

    /// The main process of a start whose shim is gone, if the program was released.
    var orphanReport: StartReport? { wasReleased ? gatedReport : nil }

    /// The main process, whether the program was executed or not.
    var gatedReport: StartReport? {
        guard let proc, let main else { return nil }
        return StartReport(
            process: main,
            at: Moment(nanoseconds: proc.started_boottime),
            time: WallTime(microseconds: proc.started_realtime / 1000)
        )
    }

    /// The end of the start; nil if none is recorded.
    ///
    /// A half of another start is ignored.
    func endReport(_ context: StartFailureContext?) -> EndReport? {
        guard let exit, exit.generation == generation else { return failedStartReport(context) }
        let outcome: Outcome
        switch hero_exit_kind(rawValue: exit.kind) {
        case HERO_EXIT_EXITED: outcome = .exited(exit.status)
        case HERO_EXIT_SIGNALED where exit.out_of_memory != 0: outcome = .outOfMemory
        case HERO_EXIT_SIGNALED:
            outcome = .signaled(Signal(number: exit.status), coreDumped: exit.core_dumped != 0)
        case HERO_EXIT_FAILED: outcome = .startFailed(makeStartFailure(exit.stage, exit.error, context))
        case HERO_EXIT_UNKNOWN where exit.tracer != 0:
            let name = readText("/proc/\(exit.tracer)/comm", limit: 64)?.trimmed
            outcome = .lost(
                "process \(exit.tracer)\(name.map { " (\($0))" } ?? "") traced its main process, and only that process "
                    + "received its exit status"
            )
        case HERO_EXIT_UNKNOWN:
            outcome = .lost(
                "its main process was the child of another process, and only that process received its exit status"
            )
        default: return failedStartReport(context)
        }
        var report = EndReport(
            outcome: outcome,
            time: exit.ended_realtime > 0 ? WallTime(microseconds: exit.ended_realtime / 1000) : nil,
            executed: startReport,
            droppedBytes: max(0, exit.dropped_bytes)
        )
        report.pidFileProblem = pidFileProblem
        return report
    }

    /// The end of the main process while other processes of its tree are running; nil before it, and while another
    /// process may still become the main process.
    var mainEndReport: MainEndReport? {
        guard let exit, exit.left_behind > 0, let end = endReport(nil) else { return nil }
        var report = MainEndReport(outcome: end.outcome, time: end.time, remainingProcesses: Int(exit.left_behind))
        report.pidFileProblem = end.pidFileProblem
        return report
    }

    /// Whether the main process has exited and its successor is awaited.
    var awaitsSuccessor: Bool {
        allowsHandover && exit?.generation == generation && exit?.kind == HERO_EXIT_EXITED.rawValue
            && exit?.left_behind == 0
    }

    /// Why the PID file was not accepted after the first program had exited.
    var pidFileProblem: PIDFileProblem? {
        guard allowsHandover, let exit, exit.kind == HERO_EXIT_EXITED.rawValue else { return nil }
        return PIDFileProblem(rawValue: exit.error)
    }

    /// The same, read from the record of a start now.
    static func mainEndReport(of start: StartID, _ paths: RuntimePaths) -> MainEndReport? {
        guard case .found(let record) = read(paths.record(of: start.job), job: start.job),
            record.generation == start.generation, record.isFromThisMachine
        else { return nil }
        return record.mainEndReport
    }

    /// The notify state of the program; nil if it does not use the notify socket, or the section is invalid.
    func notifyState(asOf now: Moment) -> NotifyState? {
        guard let notifySection, isFromThisBoot else { return nil }
        var report = NotifyState(asOf: now)
        report.isReady = notifySection.flags & HERO_NOTIFY_READY.rawValue != 0
        report.isReloading = notifySection.flags & HERO_NOTIFY_RELOADING.rawValue != 0
        report.isStopping = notifySection.flags & HERO_NOTIFY_STOPPING.rawValue != 0
        report.hasTriggeredWatchdog = notifySection.flags & HERO_NOTIFY_WATCHDOG_TRIGGER.rawValue != 0
        if notifySection.watchdog_us > 0 { report.watchdog = .microseconds(Int64(clamping: notifySection.watchdog_us)) }
        if notifySection.pinged_boottime > 0 { report.lastPing = Moment(nanoseconds: notifySection.pinged_boottime) }
        if notifySection.flooded_seconds > 0 {
            report.lastFlood = Moment(nanoseconds: Int64(notifySection.flooded_seconds) &* 1_000_000_000)
        }
        report.status = statusText(notifySection)
        report.unverifiedMessages = Int(notifySection.foreign_senders)
        report.unreadableMessages = Int(notifySection.malformed)
        report.rejectedMainPIDs = Int(notifySection.refused_main_pids)
        report.lastRejectedPID = notifySection.refused_pid
        return report
    }

    private func statusText(_ notifySection: hero_notify_state) -> String? {
        let size = min(Int(notifySection.status_size), Int(HERO_STATUS_SIZE))
        guard size > 0 else { return nil }
        let bytes = withUnsafeBytes(of: notifySection.status) { [UInt8]($0.prefix(size)) }
        // The text may have been cut within a character.
        let cuts = size == Int(HERO_STATUS_SIZE) ? 0...3 : 0...0
        for cut in cuts {
            if let text = String(validating: bytes.dropLast(cut), as: UTF8.self) { return text }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private func failedStartReport(_ context: StartFailureContext?) -> EndReport? {
        guard let proc, phase == HERO_PROC_FAILED else { return nil }
        return EndReport(
            outcome: .startFailed(makeStartFailure(proc.stage, proc.error, context)),
            time: nil,
            executed: nil
        )
    }

    private var pidNamespace: UInt64? { proc?.pid_namespace }

    private var bootID: String? {
        guard let proc else { return nil }
        return withUnsafeBytes(of: proc.boot_id) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }

    private func identity(_ source: hero_identity) -> ProcessIdentity? {
        guard let proc, source.pid > 0, let bootID else { return nil }
        return ProcessIdentity(
            bootID: bootID,
            pidNamespace: proc.pid_namespace,
            pid: source.pid,
            startTicks: source.start_ticks,
            pidfsInode: source.pidfs_inode
        )
    }
}
