import CHeroFailpoints
import CHeroRecord
import CHeroShim

/// The life of the shim while its program runs: moves output, takes in ends, empties the tree, and then is done.
///
/// One thread, one poll, no clock while nothing happens.
struct JobSupervisor {
    /// What is left to be done about the tree.
    enum Stage {
        /// The program runs; nothing is to be ended.
        case running
        /// The program has ended well, and who takes over is waited for.
        case awaitingSuccessor
        /// The program has ended and what it left behind has been asked to end, until the deadline (CLOCK_BOOTTIME).
        case stopping(deadline: Int64)
        /// Everything is killed, round after round, until nothing is left.
        case killing
    }

    /// How long the memory that output goes through is kept in case there is more, in ms.
    private static let releaseMemoryDelay: Int64 = 1000
    /// The longest pause between two rounds of killing, in ms.
    private static let maxKillInterval: Int64 = 1000
    /// The first and the longest pause between two looks at a PID file, in ms.
    private static let pidFileIntervals: (first: Int64, longest: Int64) = (5, 250)
    /// How long a parent may take to take in the end of the main process, in ns, and the pause between two looks, in ms.
    static let foreignReapTimeout: Int64 = 2_000_000_000
    private static let foreignReapInterval: Int64 = 10
    /// How many messages are taken in before output has its turn again, and how many before an end is judged.
    static let maxMessagesPerTurn = 16
    static let maxMessagesBeforeReap = 1024

    private let signals: Int32
    private let tree = ProcessTree()
    private let stopSignal: Int32
    private let stopTimeout: Int64
    private let scriptPath: UnsafePointer<CChar>?
    let containment: Containment
    private let handover: Handover
    var notifySocket: NotifySocket
    /// The main process, while it is another's child: nobody but its pidfd tells that it has ended.
    var foreignMainPidfd: Int32 = -1
    /// When it was seen to have ended (CLOCK_BOOTTIME, ns), while nobody has taken that in yet; 0 before.
    var foreignMainExitedAt: Int64 = 0
    var record: RecordFile
    var log: LogSink
    private var lineAssembler = LineAssembler()
    private var output: OutputPipe
    private var error: OutputPipe
    var stage = Stage.running
    private var pollInterval: Int64 = 0

    init(
        _ start: ProgramLauncher,
        record: RecordFile,
        log: LogSink,
        handover: Handover,
        signals: Int32,
        scriptPath: UnsafePointer<CChar>?
    ) {
        self.signals = signals
        self.handover = handover
        containment = start.containment
        notifySocket = start.notifySocket
        self.scriptPath = scriptPath
        self.record = record
        self.log = log
        output = OutputPipe(start.output, streamName: "stdout", partialLine: shim_partial_line(0))
        error = OutputPipe(start.error, streamName: "stderr", partialLine: shim_partial_line(1))
        stopSignal = Int32(truncatingIfNeeded: start.spec.header.stop_signal)
        stopTimeout = Int64(start.spec.header.stop_timeout_ms) &* 1_000_000
    }

    /// Lives until the tree is empty and its end is on record.
    mutating func run() {
        while !reapAndAdvance() {
            let (ready, isIdle) = waitForEvents()
            if isIdle { lineAssembler.releaseBuffers() }
            if ready & 1 != 0, shim_read_signals(signals) != 0 { stage = .killing }
            if ready & 2 != 0 { _ = lineAssembler.move(&output, to: &log) }
            if ready & 4 != 0 { _ = lineAssembler.move(&error, to: &log) }
            if ready & 8 != 0 { readNotifySocket(JobSupervisor.maxMessagesPerTurn) }
            if let time = log.retryTime, shim_boottime() >= time { log.retryWriting() }
        }
        finish()
    }

    // MARK: Waiting

    private func waitForEvents() -> (ready: Int32, isIdle: Bool) {
        let watched = foreignMainExitedAt == 0 ? foreignMainPidfd : -1
        var descriptors = (signals, output.descriptor, error.descriptor, notifySocket.descriptor, watched)
        let limit = pollTimeout()
        let keepsWarm = lineAssembler.hasUsedBuffers && (limit < 0 || limit > JobSupervisor.releaseMemoryDelay)
        let ready = withUnsafePointer(to: &descriptors) {
            $0.withMemoryRebound(to: Int32.self, capacity: 5) {
                shim_poll($0, 5, keepsWarm ? JobSupervisor.releaseMemoryDelay : limit)
            }
        }
        return (max(0, ready), keepsWarm && ready == 0)
    }

    /// Milliseconds until something is due; negative when nothing is.
    private func pollTimeout() -> Int64 {
        var due = log.retryTime
        switch stage {
        case .running where foreignMainExitedAt != 0: return JobSupervisor.foreignReapInterval
        case .running: break
        case .awaitingSuccessor: return pollInterval
        case .stopping(let deadline): due = min(due ?? deadline, deadline)
        case .killing: return pollInterval
        }
        guard let due else { return -1 }
        // Counted in short steps: the kernel's wait stands still while the machine sleeps, the deadline does not.
        return min(1000, max(0, due &- shim_boottime()) / 1_000_000 &+ 1)
    }

    // MARK: The tree

    /// Takes in every end, does what the stage asks for, and says whether nothing is left below us.
    private mutating func reapAndAdvance() -> Bool {
        var reaped = 0
        var ended = shim_exit_info()
        // A fork bomb may end processes as fast as we take them in: signals and output want their turn.
        while reaped < 1000 {
            let result = shim_peek_exit(&ended)
            if result == -Int32(SHIM_ECHILD) {
                if containment.isEmpty {
                    if foreignMainPidfd >= 0 { foreignMainExited() }
                    return true
                }
                // Somebody in the cgroup is not below us: nobody who runs may be left behind.
                stage = .killing
                break
            }
            guard result > 0 else { break }
            // What is said came before an end, and whose it was can be proven only as long as nobody is reaped.
            readNotifySocket(JobSupervisor.maxMessagesBeforeReap)
            handleExit(ended)
            _ = shim_reap(ended.pid)
            reaped += 1
        }
        if foreignMainPidfd >= 0, shim_has_exited(foreignMainPidfd) != 0 { foreignMainExited() }
        switch stage {
        case .running:
            guard hasMainExited else { return false }
            pollInterval = JobSupervisor.pidFileIntervals.first
            handover.isExpected(record.exit, record.notifyState) ? attemptHandover() : stopRemainingProcesses()
        case .awaitingSuccessor:
            pollInterval = min(JobSupervisor.pidFileIntervals.longest, pollInterval &* 2)
            attemptHandover()
        case .stopping(let deadline):
            guard shim_boottime() >= deadline else { return false }
            stage = .killing
            killTree(reaped)
        case .killing:
            killTree(reaped)
        }
        return false
    }

    var hasMainExited: Bool { record.exit.kind != HERO_EXIT_EMPTY.rawValue }

    private mutating func handleExit(_ ended: shim_exit_info) {
        switch stage {
        case .running, .awaitingSuccessor:
            // It may have taken over and be gone before we looked: then its end is the one that counts.
            if hasMainExited, handover.isExpected(record.exit, record.notifyState), ended.pid == handover.successor() {
                adoptSuccessor(ended.pid)
            }
        case .stopping, .killing:
            break
        }
        if ended.pid == record.proc.main.pid, !hasMainExited { recordExit(ended) }
    }

    private mutating func stopRemainingProcesses() {
        hero_failpoint(FP_SP_4)
        tree.signalAll(stopSignal)
        stage = .stopping(deadline: shim_boottime() &+ stopTimeout)
    }

    // MARK: Daemons that fork away

    private mutating func attemptHandover() {
        if let successor = handover.successor() {
            adoptSuccessor(successor)
        } else if handover.isWaiting(at: shim_boottime()) {
            stage = .awaitingSuccessor
        } else {
            stopRemainingProcesses()
        }
    }

    /// Makes a child of ours the main program.
    ///
    /// What ended is taken back first: a record that said both would let what runs now pass for what is left behind.
    private mutating func adoptSuccessor(_ successor: Int32) {
        var identity = hero_identity()
        guard shim_identify(successor, -1, &identity) == 0 else { return }
        switchMainProcess(to: identity)
    }

    mutating func switchMainProcess(to identity: hero_identity) {
        closeForeignMain()
        let earlier = record.exit
        record.exit = hero_exit()
        record.exit.generation = earlier.generation
        record.exit.job = earlier.job
        _ = record.writeExit()
        hero_failpoint(FP_HO_1)
        record.proc.main = identity
        _ = record.writeProc()
        stage = .running
    }

    /// Kills whoever is there, once.
    ///
    /// What cannot die yet (a process in the kernel's hands) is tried again more and more slowly.
    private mutating func killTree(_ reaped: Int) {
        containment.kill { tree.signalAll(Int32(SHIM_SIGKILL)) }
        pollInterval = reaped > 0 ? 1 : min(JobSupervisor.maxKillInterval, max(1, pollInterval &* 2))
    }

    /// Writes how the program ended, before it is reaped: should we be lost in between, its status still is there.
    private mutating func recordExit(_ ended: shim_exit_info) {
        hero_failpoint(FP_EX_1)
        record.exit.kind = UInt32(truncatingIfNeeded: ended.kind)
        record.exit.status = ended.status
        record.exit.core_dumped = ended.core_dumped
        record.exit.ended_boottime = shim_boottime()
        record.exit.ended_realtime = shim_realtime()
        record.exit.user_time_us = ended.user_time_us
        record.exit.system_time_us = ended.system_time_us
        record.exit.max_rss_kib = ended.max_rss_kib
        record.exit.dropped_bytes = log.droppedBytes
        if ended.kind == HERO_EXIT_SIGNALED.rawValue, ended.status == Int32(SHIM_SIGKILL),
            containment.hasOutOfMemoryKill
        {
            record.exit.out_of_memory = 1
        }
        _ = record.writeExit()
        hero_failpoint(FP_EX_3)
    }

    // MARK: The end

    /// Takes what is left in the pipes and completes the record.
    private mutating func finish() {
        lineAssembler.finish(&output, &error, to: &log)
        if log.droppedBytes != record.exit.dropped_bytes {
            record.exit.dropped_bytes = log.droppedBytes
            _ = record.writeExit()
        }
        if let scriptPath { _ = shim_remove(scriptPath) }
        notifySocket.close()
        hero_failpoint(FP_SP_5)
        containment.remove()
        hero_failpoint(FP_EX_4)
    }
}
