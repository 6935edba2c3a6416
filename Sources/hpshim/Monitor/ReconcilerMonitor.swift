import CHeroFailpoints
import CHeroRecord
import CHeroShim

/// Monitor mode (`hpshim keep PROGRAM ARGUMENTS`): runs one reconciler and restarts it after a crash
/// (guarantees SH-15, P1-2).
///
/// The monitor is small, so that it survives most failures that end the reconciler, and it can be the first process of
/// a container. It has no knowledge of services, and an exit of the reconciler stops none of them.
struct ReconcilerMonitor {
    /// The shortest and the longest delay before a restart, in ms.
    private static let minRestartDelay: Int64 = 200
    private static let maxRestartDelay: Int64 = 5000
    /// A reconciler that ran this long, in ns, is restarted after the shortest delay.
    private static let stableRunTime: Int64 = 10_000_000_000
    private static let nanosecondsPerSecond: Int64 = 1_000_000_000

    private let signals: Int32
    private var reconcilerPID: Int32 = 0
    private var pidfd: Int32 = -1
    private var startedAt: Int64 = 0
    private var restartDelay = ReconcilerMonitor.minRestartDelay
    /// The read end of the pipe on which the reconciler sends heartbeats; -1 while there is none.
    private var heartbeatPipe: Int32 = -1
    /// The longest time without a heartbeat, in s; 0 means no limit.
    private let watchdogSeconds = shim_monitor_watchdog_seconds()
    /// When a missing heartbeat is noticed (CLOCK_MONOTONIC, ns); nil before the first heartbeat.
    private var heartbeatDeadline: Int64?
    /// Whether the reconciler has announced that its exit is no crash.
    private var isExitAnnounced = false
    /// Whether the deadline has passed once; the reconciler is killed when it passes again.
    private var isHeartbeatOverdue = false
    /// When the next start is due (CLOCK_BOOTTIME, ns), while no reconciler is running.
    private var nextStartAt: Int64 = 0
    private var isFirstStart = true
    private var crashHistory = CrashHistory()
    /// The signal that requested the stop; 0 before.
    private var stopSignal: Int32 = 0

    /// Whether the command line requests monitor mode.
    static var isRequested: Bool { shim_monitor_is_requested() != 0 }

    /// Runs the monitor; returns its exit code.
    static func run() -> Int32 {
        let signals = shim_monitor_set_up()
        guard signals >= 0 else { return HERO_RECONCILER_REFUSED }
        var monitor = ReconcilerMonitor(signals: signals)
        return monitor.runUntilStopped()
    }

    private init(signals: Int32) { self.signals = signals }

    private mutating func runUntilStopped() -> Int32 {
        while true {
            if reconcilerPID == 0, shim_boottime() >= nextStartAt { startReconciler() }
            waitForEvents()
            while case let signal = shim_monitor_next_signal(signals), signal != 0 {
                if let code = forward(signal) { return code }
            }
            if let code = reapChildren() { return code }
        }
    }

    // MARK: Starting

    private mutating func startReconciler() {
        startedAt = shim_boottime()
        isExitAnnounced = false
        hero_failpoint(FP_KP_1)
        let count = crashHistory.recentCount(at: startedAt)
        if !isFirstStart { shim_monitor_set_crashes(count, crashHistory.lastSignal) }
        let result = shim_monitor_start_reconciler(&heartbeatPipe)
        hero_failpoint(FP_KP_2)
        guard result > 0 else { return scheduleRestart("cannot be started: error ", 0 &- result) }
        // Reported once: a reconciler that starts in safe mode and still crashes is followed by one that starts
        // normally.
        if count == HERO_CRASH_LIMIT { crashHistory = CrashHistory() }
        reconcilerPID = result
        pidfd = shim_open_pidfd(result)
        // The stop was requested while no reconciler was running. This one takes everything down if that is configured.
        if stopSignal != 0 { _ = shim_signal(pidfd, stopSignal) }
    }

    private mutating func waitForEvents() {
        var descriptors = (signals, heartbeatPipe)
        var timeout: Int64 = -1
        if reconcilerPID == 0 { timeout = max(0, nextStartAt &- shim_boottime()) / 1_000_000 &+ 1 }
        if let heartbeatDeadline { timeout = max(0, heartbeatDeadline &- shim_monotonic()) / 1_000_000 &+ 1 }
        let ready = withUnsafePointer(to: &descriptors) {
            $0.withMemoryRebound(to: Int32.self, capacity: 2) { shim_poll($0, 2, timeout) }
        }
        if ready > 0, ready & 2 != 0 { readHeartbeats() }
        checkHeartbeat()
    }

    // MARK: The watchdog (SH-16)

    /// Reads heartbeats and moves the deadline.
    private mutating func readHeartbeats() {
        let count = shim_monitor_read_heartbeat(heartbeatPipe)
        if count < 0 { return closeHeartbeatPipe() }
        if count & 2 != 0 { isExitAnnounced = true }
        guard count > 0, watchdogSeconds > 0 else { return }
        isHeartbeatOverdue = false
        heartbeatDeadline =
            shim_monotonic() &+ (watchdogSeconds &- graceSeconds) &* ReconcilerMonitor.nanosecondsPerSecond
    }

    /// Seconds between the first deadline and the kill.
    private var graceSeconds: Int64 { watchdogSeconds / 12 }

    /// Kills a reconciler that sends no heartbeats.
    ///
    /// Services are not affected, and the next reconciler continues.
    ///
    /// The first missed deadline only starts a grace period: if the whole machine was frozen, the reconciler needs time
    /// to send its next heartbeat.
    private mutating func checkHeartbeat() {
        guard reconcilerPID != 0, let deadline = heartbeatDeadline, shim_monotonic() >= deadline else { return }
        guard isHeartbeatOverdue else {
            isHeartbeatOverdue = true
            heartbeatDeadline = shim_monotonic() &+ max(1, graceSeconds) &* ReconcilerMonitor.nanosecondsPerSecond
            return
        }
        heartbeatDeadline = nil
        report("sent no heartbeat for ", watchdogSeconds, " s; killing it\n")
        _ = shim_signal(pidfd, Int32(SHIM_SIGKILL))
    }

    private mutating func closeHeartbeatPipe() {
        shim_close(heartbeatPipe)
        heartbeatPipe = -1
        heartbeatDeadline = nil
        isHeartbeatOverdue = false
    }

    // MARK: Signals

    /// Forwards a signal to the reconciler.
    ///
    /// - Returns: The exit code, at the second signal while no reconciler is running.
    private mutating func forward(_ signal: Int32) -> Int32? {
        let isSecond = stopSignal != 0
        stopSignal = signal
        if reconcilerPID != 0 {
            _ = shim_signal(pidfd, signal)
        } else if isSecond {
            return 128 + signal
        } else {
            nextStartAt = 0
        }
        return nil
    }

    // MARK: Exits

    /// Reaps all exited children, also orphans that the kernel gave to the monitor.
    ///
    /// - Returns: The exit code, if the exit of the reconciler ends the monitor.
    private mutating func reapChildren() -> Int32? {
        var exitInfo = shim_exit_info()
        while shim_peek_exit(&exitInfo) > 0 {
            _ = shim_reap(exitInfo.pid)
            guard exitInfo.pid == reconcilerPID else { continue }
            reconcilerPID = 0
            shim_close(pidfd)
            if heartbeatPipe >= 0 { readHeartbeats() }
            closeHeartbeatPipe()
            if let code = handleExit(exitInfo) { return code }
        }
        return nil
    }

    /// Handles the exit of the reconciler: schedules a restart, or returns the exit code of the monitor.
    private mutating func handleExit(_ exitInfo: shim_exit_info) -> Int32? {
        if exitInfo.kind == Int32(HERO_EXIT_EXITED.rawValue) {
            let code = exitInfo.status
            if isExitAnnounced { return code }
            let isFinal = code == HERO_RECONCILER_DONE || code == HERO_RECONCILER_REFUSED
            // The reconciler requested a restart. That is no failure, and no client waits for an answer.
            if code == HERO_RECONCILER_RESTART {
                restartDelay = ReconcilerMonitor.minRestartDelay
                scheduleRestart("requested a restart: code ", code)
                return nil
            }
            // The first start failed: a restart does not help, and the caller waits for the exit code.
            if isFinal || isFirstStart || stopSignal != 0 {
                return code == HERO_RECONCILER_UNAVAILABLE ? HERO_RECONCILER_REFUSED : code
            }
            scheduleRestart("exited with code ", code)
        } else {
            // The monitor forwarded SIGHUP, which ends a program by default. That is no crash.
            if stopSignal == SHIM_SIGHUP, exitInfo.status == stopSignal { return 128 + stopSignal }
            crashHistory.add(exitInfo.status, at: shim_boottime())
            scheduleRestart("was killed by signal ", exitInfo.status)
        }
        return nil
    }

    /// Schedules the next start.
    private mutating func scheduleRestart(_ what: StaticString, _ number: Int32) {
        isFirstStart = false
        let now = shim_boottime()
        if now &- startedAt >= ReconcilerMonitor.stableRunTime { restartDelay = ReconcilerMonitor.minRestartDelay }
        nextStartAt = now &+ restartDelay &* 1_000_000
        report(what, Int64(number), "; restarting in ", restartDelay, " ms\n")
        restartDelay = min(ReconcilerMonitor.maxRestartDelay, restartDelay &* 2)
    }

    /// Writes one line about the reconciler to standard error.
    private func report(
        _ what: StaticString,
        _ number: Int64,
        _ then: StaticString,
        _ second: Int64? = nil,
        _ end: StaticString = ""
    ) {
        var line = MessageLine()
        line.add("hpshim: the reconciler ")
        line.add(what)
        line.add(number)
        line.add(then)
        if let second { line.add(second) }
        line.add(end)
        shim_monitor_write_log(line.bytes, line.count)
    }

    /// A line in static memory.
    private struct MessageLine {
        let bytes = shim_scratch(0)
        private(set) var count = 0

        mutating func add(_ text: StaticString) {
            for index in 0..<text.utf8CodeUnitCount { add(text.utf8Start[index]) }
        }

        mutating func add(_ number: Int64) {
            if number >= 10 { add(number / 10) }
            add(UInt8(truncatingIfNeeded: 0x30 + number % 10))
        }

        private mutating func add(_ byte: UInt8) {
            bytes[count] = CChar(truncatingIfNeeded: byte)
            count += 1
        }
    }
}
