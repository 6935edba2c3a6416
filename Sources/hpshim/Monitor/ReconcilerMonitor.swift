import CHeroFailpoints
import CHeroRecord
import CHeroShim

/// Keep mode: holds one reconciler, and starts it again whenever it crashes (reliability.md SH-15, P1-2).
///
/// `hpshim keep PROGRAM ARGUMENTS`: small enough to outlive what the reconciler may die of, and to be the first process of
/// a container. It knows nothing of services, and no end of a reconciler stops one.
struct ReconcilerMonitor {
    /// The first pause before a start, and the longest, in ms.
    private static let minRestartDelay: Int64 = 200
    private static let maxRestartDelay: Int64 = 5000
    /// After a life this long, in ns, the pauses begin anew.
    private static let stableRunTime: Int64 = 10_000_000_000
    private static let nanosecondsPerSecond: Int64 = 1_000_000_000

    private let signals: Int32
    private var reconcilerPID: Int32 = 0
    private var pidfd: Int32 = -1
    private var startedAt: Int64 = 0
    private var restartDelay = ReconcilerMonitor.minRestartDelay
    /// The pipe through which the reconciler says that its loop turns; -1 while there is none.
    private var heartbeatPipe: Int32 = -1
    /// How long it may say nothing, in s; 0: for ever.
    private let watchdogSeconds = shim_monitor_watchdog_seconds()
    /// When silence is held against it next (CLOCK_MONOTONIC, ns): never before it has said something.
    private var heartbeatDeadline: Int64?
    /// Whether that will be the end of it.
    private var isHeartbeatOverdue = false
    /// When the next start is due (CLOCK_BOOTTIME, ns), while nobody lives.
    private var nextStartAt: Int64 = 0
    private var isFirstStart = true
    private var crashHistory = CrashHistory()
    /// The signal that asked to leave; 0 before.
    private var stopSignal: Int32 = 0

    /// Whether this program is to be a keeper and no shim.
    static var isRequested: Bool { shim_monitor_is_requested() != 0 }

    /// Keeps until there is nothing to keep any more; the code to leave with.
    static func run() -> Int32 {
        let signals = shim_monitor_set_up()
        guard signals >= 0 else { return HERO_RECONCILER_REFUSED }
        var keeper = ReconcilerMonitor(signals: signals)
        return keeper.runUntilStopped()
    }

    private init(signals: Int32) { self.signals = signals }

    private mutating func runUntilStopped() -> Int32 {
        while true {
            if reconcilerPID == 0, shim_boottime() >= nextStartAt { startReconciler() }
            waitForEvents()
            while case let signal = shim_monitor_next_signal(signals), signal != 0 {
                if let code = forward(on: signal) { return code }
            }
            if let code = reapChildren() { return code }
        }
    }

    // MARK: Starting

    private mutating func startReconciler() {
        startedAt = shim_boottime()
        hero_failpoint(FP_KP_1)
        let count = crashHistory.recentCount(at: startedAt)
        if !isFirstStart { shim_monitor_set_crashes(count, crashHistory.lastSignal) }
        let result = shim_monitor_start_reconciler(&heartbeatPipe)
        hero_failpoint(FP_KP_2)
        guard result > 0 else { return scheduleRestart("cannot be started: error ", 0 &- result) }
        // Told once: who holds back because of them and crashes all the same is followed by one that does not.
        if count == HERO_CRASH_LIMIT { crashHistory = CrashHistory() }
        reconcilerPID = result
        pidfd = shim_open_pidfd(result)
        // Asked to leave while nobody could be told: it takes everything down if that is what it is there for.
        if stopSignal != 0 { _ = shim_signal(pidfd, stopSignal) }
    }

    private mutating func waitForEvents() {
        var descriptors = (signals, heartbeatPipe)
        var left: Int64 = -1
        if reconcilerPID == 0 { left = max(0, nextStartAt &- shim_boottime()) / 1_000_000 &+ 1 }
        if let heartbeatDeadline { left = max(0, heartbeatDeadline &- shim_monotonic()) / 1_000_000 &+ 1 }
        let ready = withUnsafePointer(to: &descriptors) {
            $0.withMemoryRebound(to: Int32.self, capacity: 2) { shim_poll($0, 2, left) }
        }
        if ready > 0, ready & 2 != 0 { readHeartbeats() }
        checkHeartbeat()
    }

    // MARK: The watchdog (SH-16)

    /// Takes in that the loop turns.
    private mutating func readHeartbeats() {
        let heard = shim_monitor_read_heartbeat(heartbeatPipe)
        if heard < 0 { return closeHeartbeatPipe() }
        guard heard > 0, watchdogSeconds > 0 else { return }
        isHeartbeatOverdue = false
        heartbeatDeadline =
            shim_monotonic() &+ (watchdogSeconds &- graceSeconds) &* ReconcilerMonitor.nanosecondsPerSecond
    }

    /// Seconds between the suspicion and the end.
    private var graceSeconds: Int64 { watchdogSeconds / 12 }

    /// Kills a reconciler that hangs; the services do not notice, and the next one goes on.
    ///
    /// Silence alone is a suspicion: a machine that was frozen as a whole, and this process with it, gives the other one time to speak.
    private mutating func checkHeartbeat() {
        guard reconcilerPID != 0, let moment = heartbeatDeadline, shim_monotonic() >= moment else { return }
        guard isHeartbeatOverdue else {
            isHeartbeatOverdue = true
            heartbeatDeadline = shim_monotonic() &+ max(1, graceSeconds) &* ReconcilerMonitor.nanosecondsPerSecond
            return
        }
        heartbeatDeadline = nil
        report("has not said anything for ", watchdogSeconds, " s; it is killed\n")
        _ = shim_signal(pidfd, Int32(SHIM_SIGKILL))
    }

    private mutating func closeHeartbeatPipe() {
        shim_close(heartbeatPipe)
        heartbeatPipe = -1
        heartbeatDeadline = nil
        isHeartbeatOverdue = false
    }

    // MARK: Signals

    /// Tells the reconciler; the code to leave with when there is nobody to tell for the second time.
    private mutating func forward(on signal: Int32) -> Int32? {
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

    // MARK: Ends

    /// Reaps whoever has ended, the reconciler or a stranger that lost its parent; the code to leave with, if it was the end.
    private mutating func reapChildren() -> Int32? {
        var ended = shim_exit_info()
        while shim_peek_exit(&ended) > 0 {
            _ = shim_reap(ended.pid)
            guard ended.pid == reconcilerPID else { continue }
            reconcilerPID = 0
            shim_close(pidfd)
            closeHeartbeatPipe()
            if let code = handleExit(ended) { return code }
        }
        return nil
    }

    /// Whether an end of the reconciler is ours too: then the code to leave with.
    private mutating func handleExit(_ ended: shim_exit_info) -> Int32? {
        if ended.kind == Int32(HERO_EXIT_EXITED.rawValue) {
            let code = ended.status
            let isFinal = code == HERO_RECONCILER_DONE || code == HERO_RECONCILER_REFUSED
            // What made it hold back may be over: that is no trouble, and nobody waits for an answer.
            if code == HERO_RECONCILER_RESTART {
                restartDelay = ReconcilerMonitor.minRestartDelay
                scheduleRestart("begins anew: code ", code)
                return nil
            }
            // Who could not even begin has made a mistake that no second start mends, and somebody waits for the answer.
            if isFinal || isFirstStart || stopSignal != 0 {
                return code == HERO_RECONCILER_UNAVAILABLE ? HERO_RECONCILER_REFUSED : code
            }
            scheduleRestart("ended with code ", code)
        } else {
            // What ends it by default and was passed on is no crash.
            if stopSignal == SHIM_SIGHUP, ended.status == stopSignal { return 128 + stopSignal }
            crashHistory.add(ended.status, at: shim_boottime())
            scheduleRestart("was ended by signal ", ended.status)
        }
        return nil
    }

    /// Plans the next start.
    private mutating func scheduleRestart(_ what: StaticString, _ number: Int32) {
        isFirstStart = false
        let now = shim_boottime()
        if now &- startedAt >= ReconcilerMonitor.stableRunTime { restartDelay = ReconcilerMonitor.minRestartDelay }
        nextStartAt = now &+ restartDelay &* 1_000_000
        report(what, Int64(number), "; it is started again in ", restartDelay, " ms\n")
        restartDelay = min(ReconcilerMonitor.maxRestartDelay, restartDelay &* 2)
    }

    /// Says something of the reconciler in one line.
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
