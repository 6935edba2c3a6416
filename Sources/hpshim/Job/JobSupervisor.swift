import CHeroFailpoints
import CHeroRecord
import CHeroShim

/// The event loop of the shim while its program runs.
///
/// It copies output to the log, records exits, empties the process tree, and then ends. It uses one thread and one
/// poll(2), and it sets no timer while nothing is due.
struct JobSupervisor {
    /// How far the process tree has come on its way to its end.
    enum Stage {
        /// The main process is running.
        case running
        /// The main process exited with a success code, and the shim waits for its successor.
        case awaitingSuccessor
        /// The main process exited and the remaining processes received the stop signal; they are killed at the
        /// deadline (CLOCK_BOOTTIME, ns).
        case stopping(deadline: Int64)
        /// All remaining processes are killed, in rounds, until the tree is empty.
        case killing
    }

    /// How long the output buffers are kept after a burst of output, in ms.
    private static let releaseMemoryDelay: Int64 = 1000
    /// The longest interval between two rounds of SIGKILL, in ms.
    private static let maxKillInterval: Int64 = 1000
    /// The first and the longest interval between two reads of the PID file, in ms.
    private static let pidFileIntervals: (first: Int64, longest: Int64) = (5, 250)
    /// How long another parent or a tracer may take to reap the main process, in ns, and the interval between two
    /// checks, in ms.
    static let foreignReapTimeout: Int64 = 2_000_000_000
    private static let foreignReapInterval: Int64 = 10
    /// How many notify messages are read before output is handled again, and how many before an exit is handled.
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
    var notifyRate = NotifyRate()
    /// The pipe to which the program writes a newline when it is ready; -1 after that, and for other programs.
    var readyPipe: Int32
    /// A pidfd of the main process while that is not a child of the shim; else -1.
    ///
    /// Only this pidfd shows its exit.
    var foreignMainPidfd: Int32 = -1
    /// A pidfd of the main process while that is a child of the shim; else -1.
    ///
    /// If another process traces the main process, only this pidfd shows its exit.
    private var mainPidfd: Int32 = -1
    /// When the main process was seen to have exited (CLOCK_BOOTTIME, ns) while it cannot be reaped yet, because its
    /// parent or its tracer has not reaped it; else 0.
    var unreapedMainExitedAt: Int64 = 0
    var record: RecordWriter
    var log: LogSink
    private var lineAssembler = LineAssembler()
    private var output: OutputPipe
    private var error: OutputPipe
    var stage = Stage.running
    private var pollInterval: Int64 = 0

    init(
        _ launcher: ProgramLauncher,
        record: RecordWriter,
        log: LogSink,
        handover: Handover,
        signals: Int32,
        scriptPath: UnsafePointer<CChar>?
    ) {
        self.signals = signals
        self.handover = handover
        containment = launcher.containment
        notifySocket = launcher.notifySocket
        readyPipe = launcher.readyPipe
        self.scriptPath = scriptPath
        self.record = record
        self.log = log
        output = OutputPipe(launcher.output, streamName: "stdout", partialLine: shim_partial_line(0))
        error = OutputPipe(launcher.error, streamName: "stderr", partialLine: shim_partial_line(1))
        stopSignal = Int32(truncatingIfNeeded: launcher.spec.header.stop_signal)
        mainPidfd = launcher.mainPidfd
        stopTimeout = Int64(launcher.spec.header.stop_timeout_ms) &* 1_000_000
    }

    /// Runs until the process tree is empty and the exit is recorded.
    mutating func run() {
        while !reapAndAdvance() {
            let (ready, isIdle) = waitForEvents()
            if isIdle { lineAssembler.releaseBuffers() }
            if ready & 1 != 0, shim_read_signals(signals) != 0 { stage = .killing }
            if ready & 2 != 0 { _ = lineAssembler.move(&output, to: &log) }
            if ready & 4 != 0 { _ = lineAssembler.move(&error, to: &log) }
            if ready & 32 != 0 { readReadyPipe() }
            if ready & 8 != 0 { readNotifySocket(JobSupervisor.maxMessagesPerTurn) }
            if let time = log.retryTime, shim_boottime() >= time { log.retryWriting() }
        }
        finish()
    }

    // MARK: Waiting

    private func waitForEvents() -> (ready: Int32, isIdle: Bool) {
        let main = unreapedMainExitedAt != 0 ? -1 : foreignMainPidfd >= 0 ? foreignMainPidfd : mainPidfd
        let notifyPause = notifyRate.pause(at: shim_boottime())
        let notify = notifyPause == nil ? notifySocket.descriptor : -1
        var descriptors = (signals, output.descriptor, error.descriptor, notify, main, readyPipe)
        var timeout = pollTimeout()
        if let notifyPause { timeout = timeout < 0 ? notifyPause : min(timeout, notifyPause) }
        let keepsBuffers = lineAssembler.hasUsedBuffers && (timeout < 0 || timeout > JobSupervisor.releaseMemoryDelay)
        let ready = withUnsafePointer(to: &descriptors) {
            $0.withMemoryRebound(to: Int32.self, capacity: 6) {
                shim_poll($0, 6, keepsBuffers ? JobSupervisor.releaseMemoryDelay : timeout)
            }
        }
        return (max(0, ready), keepsBuffers && ready == 0)
    }

    /// Milliseconds until the next deadline; negative when there is none.
    private func pollTimeout() -> Int64 {
        var due = log.retryTime
        switch stage {
        case .running where unreapedMainExitedAt != 0: return JobSupervisor.foreignReapInterval
        case .running: break
        case .awaitingSuccessor: return pollInterval
        case .stopping(let deadline): due = min(due ?? deadline, deadline)
        case .killing: return pollInterval
        }
        guard let due else { return -1 }
        // At most one second at a time, because the timeout of poll(2) stops while the machine is suspended and the
        // deadline does not.
        return min(1000, max(0, due &- shim_boottime()) / 1_000_000 &+ 1)
    }

    // MARK: The process tree

    /// Handles all exits and does what the stage requires; returns whether the process tree is empty.
    private mutating func reapAndAdvance() -> Bool {
        var reaped = 0
        var exitInfo = shim_exit_info()
        // At most 1000 exits per turn: a fork bomb must not delay signals and output.
        while reaped < 1000 {
            let result = shim_peek_exit(&exitInfo)
            if result == -Int32(SHIM_ECHILD) {
                if containment.isEmpty {
                    if foreignMainPidfd >= 0 { foreignMainExited() }
                    return true
                }
                // A process in the cgroup is not a descendant of the shim. It must not be left behind.
                stage = .killing
                break
            }
            guard result > 0 else { break }
            // Messages are read before the exit is handled, because they were sent earlier and their sender can be
            // verified only until it is reaped.
            readNotifySocket(JobSupervisor.maxMessagesBeforeReap)
            handleExit(exitInfo)
            _ = shim_reap(exitInfo.pid)
            reaped += 1
        }
        if foreignMainPidfd >= 0 {
            if shim_has_exited(foreignMainPidfd) != 0 { foreignMainExited() }
        } else if mainPidfd >= 0, shim_has_exited(mainPidfd) != 0 {
            unreapedMainExited()
        }
        if isTreeTraced { return true }
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

    /// Whether all remaining processes have exited and wait for their tracers.
    ///
    /// Nothing can end them but the end of a tracer, and that may never happen. They hold no resources.
    private var isTreeTraced: Bool {
        guard hasMainExited else { return false }
        switch stage {
        case .running, .awaitingSuccessor: return false
        case .stopping: guard record.exit.tracer != 0 else { return false }
        case .killing: break
        }
        return shim_has_only_zombies() != 0 && containment.isEmpty
    }

    /// Handles the exit of a main process that is a child of the shim and cannot be reaped.
    ///
    /// A traced process is reported to its parent only after its tracer has reaped it.
    private mutating func unreapedMainExited() {
        let now = shim_boottime()
        if unreapedMainExitedAt == 0 { unreapedMainExitedAt = now }
        guard now &- unreapedMainExitedAt >= JobSupervisor.foreignReapTimeout else { return }
        let tracer = shim_tracer_of(record.proc.main.pid)
        guard tracer > 0 else {
            // It can be reaped now.
            unreapedMainExitedAt = now
            return
        }
        record.exit.tracer = UInt32(tracer)
        recordUnknownExit()
    }

    var hasMainExited: Bool { record.exit.kind != HERO_EXIT_EMPTY.rawValue }

    private mutating func handleExit(_ exitInfo: shim_exit_info) {
        switch stage {
        case .running, .awaitingSuccessor:
            // The successor may exit before the shim has recorded it. Then its exit status is the one that counts.
            if hasMainExited, handover.isExpected(record.exit, record.notifyState), exitInfo.pid == handover.successor()
            {
                adoptSuccessor(exitInfo.pid)
            }
        case .stopping, .killing:
            break
        }
        if exitInfo.pid == record.proc.main.pid, !hasMainExited { recordExit(exitInfo) }
    }

    private mutating func stopRemainingProcesses() {
        hero_failpoint(FP_SP_4)
        stage = .stopping(deadline: shim_boottime() &+ stopTimeout)
        record.exit.left_behind = tree.signalAll(stopSignal)
        // The start has not ended, but its program has: the reconciler must not count it as running any longer.
        guard record.exit.left_behind > 0, record.writeExit() == 0 else { return }
        record.wakeReconciler()
    }

    // MARK: Daemons that fork and exit

    private mutating func attemptHandover() {
        let (successor, problem) = handover.readPIDFile()
        if let successor {
            adoptSuccessor(successor)
            return
        }
        recordPIDFileProblem(problem)
        if handover.isWaiting(at: shim_boottime()) {
            stage = .awaitingSuccessor
        } else {
            stopRemainingProcesses()
        }
    }

    /// Records why the PID file is not accepted, and wakes the reconciler, which shows it.
    private mutating func recordPIDFileProblem(_ problem: hero_pid_file_problem) {
        let number = Int32(truncatingIfNeeded: problem.rawValue)
        guard record.exit.error != number else { return }
        record.exit.error = number
        if record.writeExit() == 0 { record.wakeReconciler() }
    }

    /// Makes a child of the shim the main process.
    private mutating func adoptSuccessor(_ successor: Int32) {
        var identity = hero_identity()
        guard shim_identify(successor, -1, &identity) == 0 else { return }
        switchMainProcess(to: identity)
        watchMain(shim_open_pidfd(successor))
    }

    /// Watches the main process, a child of the shim, through its pidfd.
    mutating func watchMain(_ pidfd: Int32) {
        closeMain()
        mainPidfd = max(-1, pidfd)
    }

    /// Records another process as the main process.
    ///
    /// The recorded exit is cleared first. A record with both would make the new main process look like a remaining
    /// process of an ended program.
    mutating func switchMainProcess(to identity: hero_identity) {
        closeForeignMain()
        closeMain()
        let previousExit = record.exit
        record.exit = hero_exit()
        record.exit.generation = previousExit.generation
        record.exit.job = previousExit.job
        _ = record.writeExit()
        hero_failpoint(FP_HO_1)
        record.proc.main = identity
        _ = record.writeProc()
        stage = .running
    }

    /// Sends SIGKILL once to every process of the tree.
    ///
    /// The next round follows after a growing interval: a process in uninterruptible sleep cannot end yet.
    private mutating func killTree(_ reaped: Int) {
        containment.kill { tree.signalAll(Int32(SHIM_SIGKILL)) }
        pollInterval = reaped > 0 ? 1 : min(JobSupervisor.maxKillInterval, max(1, pollInterval &* 2))
    }

    /// Records that the main process has exited and that its exit status is unknown.
    mutating func recordUnknownExit() {
        record.exit.kind = HERO_EXIT_UNKNOWN.rawValue
        record.exit.ended_boottime = shim_boottime()
        record.exit.ended_realtime = shim_realtime()
        record.exit.dropped_bytes = log.droppedBytes
        _ = record.writeExit()
        closeMain()
    }

    private mutating func closeMain() {
        shim_close(mainPidfd)
        mainPidfd = -1
        unreapedMainExitedAt = 0
    }

    /// Records the exit status before the process is reaped, so that it is not lost if the shim is killed in between.
    private mutating func recordExit(_ exitInfo: shim_exit_info) {
        hero_failpoint(FP_EX_1)
        record.exit.kind = UInt32(truncatingIfNeeded: exitInfo.kind)
        record.exit.status = exitInfo.status
        record.exit.core_dumped = exitInfo.core_dumped
        record.exit.ended_boottime = shim_boottime()
        record.exit.ended_realtime = shim_realtime()
        record.exit.user_time_us = exitInfo.user_time_us
        record.exit.system_time_us = exitInfo.system_time_us
        record.exit.max_rss_kib = exitInfo.max_rss_kib
        record.exit.dropped_bytes = log.droppedBytes
        if exitInfo.kind == HERO_EXIT_SIGNALED.rawValue, exitInfo.status == Int32(SHIM_SIGKILL),
            containment.hasOutOfMemoryKill
        {
            record.exit.out_of_memory = 1
        }
        _ = record.writeExit()
        closeMain()
        hero_failpoint(FP_EX_3)
    }

    // MARK: After the last process

    /// Stores the remaining output and completes the record.
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
