import CHeroFailpoints
import CHeroRecord
import CHeroShim

/// Keep mode: holds one reconciler, and starts it again whenever it crashes (reliability.md SH-15, P1-2).
///
/// `hpshim keep PROGRAM ARGUMENTS`: small enough to outlive what the reconciler may die of, and to be the first process of
/// a container. It knows nothing of services, and no end of a reconciler stops one.
struct Keeper {
    /// The first pause before a start, and the longest, in ms.
    private static let firstPause: Int64 = 200
    private static let longestPause: Int64 = 5000
    /// After a life this long, in ns, the pauses begin anew.
    private static let stableAfter: Int64 = 10_000_000_000
    private static let second: Int64 = 1_000_000_000

    private let signals: Int32
    private var child: Int32 = 0
    private var pidfd: Int32 = -1
    private var startedAt: Int64 = 0
    private var pause = Keeper.firstPause
    /// The pipe through which the reconciler says that its loop turns; -1 while there is none.
    private var beats: Int32 = -1
    /// How long it may say nothing, in s; 0: for ever.
    private let patience = shim_keep_patience()
    /// When silence is held against it next (CLOCK_MONOTONIC, ns): never before it has said something.
    private var silentAt: Int64?
    /// Whether that will be the end of it.
    private var isSuspect = false
    /// When the next start is due (CLOCK_BOOTTIME, ns), while nobody lives.
    private var due: Int64 = 0
    private var isFirst = true
    private var crashes = OwnCrashes()
    /// The signal that asked to leave; 0 before.
    private var leaving: Int32 = 0

    /// Whether this program is to be a keeper and no shim.
    static var isAsked: Bool { shim_keep_is_asked() != 0 }

    /// Keeps until there is nothing to keep any more; the code to leave with.
    static func run() -> Int32 {
        let signals = shim_keep_settle()
        guard signals >= 0 else { return HERO_RECONCILER_REFUSED }
        var keeper = Keeper(signals: signals)
        return keeper.keep()
    }

    private init(signals: Int32) { self.signals = signals }

    private mutating func keep() -> Int32 {
        while true {
            if child == 0, shim_boottime() >= due { start() }
            wait()
            while case let signal = shim_keep_next_signal(signals), signal != 0 {
                if let code = pass(on: signal) { return code }
            }
            if let code = takeEnds() { return code }
        }
    }

    // MARK: Starting

    private mutating func start() {
        startedAt = shim_boottime()
        hero_failpoint(FP_KP_1)
        let count = crashes.count(at: startedAt)
        if !isFirst { shim_keep_tell(count, crashes.signal) }
        let result = shim_keep_start(&beats)
        hero_failpoint(FP_KP_2)
        guard result > 0 else { return again("cannot be started: error ", 0 &- result) }
        // Told once: who holds back because of them and crashes all the same is followed by one that does not.
        if count == HERO_CRASH_LIMIT { crashes = OwnCrashes() }
        child = result
        pidfd = shim_open_process(result)
        // Asked to leave while nobody could be told: it takes everything down if that is what it is there for.
        if leaving != 0 { _ = shim_signal(pidfd, leaving) }
    }

    private mutating func wait() {
        var descriptors = (signals, beats)
        var left: Int64 = -1
        if child == 0 { left = max(0, due &- shim_boottime()) / 1_000_000 &+ 1 }
        if let silentAt { left = max(0, silentAt &- shim_monotonic()) / 1_000_000 &+ 1 }
        let ready = withUnsafePointer(to: &descriptors) {
            $0.withMemoryRebound(to: Int32.self, capacity: 2) { shim_wait($0, 2, left) }
        }
        if ready > 0, ready & 2 != 0 { listen() }
        judgeSilence()
    }

    // MARK: The watchdog (SH-16)

    /// Takes in that the loop turns.
    private mutating func listen() {
        let heard = shim_keep_beat(beats)
        if heard < 0 { return stopListening() }
        guard heard > 0, patience > 0 else { return }
        isSuspect = false
        silentAt = shim_monotonic() &+ (patience &- grace) &* Keeper.second
    }

    /// Seconds between the suspicion and the end.
    private var grace: Int64 { patience / 12 }

    /// Kills a reconciler that hangs; the services do not notice, and the next one goes on.
    ///
    /// Silence alone is a suspicion: a machine that was frozen as a whole, and this process with it, gives the other one time to speak.
    private mutating func judgeSilence() {
        guard child != 0, let moment = silentAt, shim_monotonic() >= moment else { return }
        guard isSuspect else {
            isSuspect = true
            silentAt = shim_monotonic() &+ max(1, grace) &* Keeper.second
            return
        }
        silentAt = nil
        say("has not said anything for ", patience, " s; it is killed\n")
        _ = shim_signal(pidfd, Int32(SHIM_SIGKILL))
    }

    private mutating func stopListening() {
        shim_close(beats)
        beats = -1
        silentAt = nil
        isSuspect = false
    }

    // MARK: Signals

    /// Tells the reconciler; the code to leave with when there is nobody to tell for the second time.
    private mutating func pass(on signal: Int32) -> Int32? {
        let isSecond = leaving != 0
        leaving = signal
        if child != 0 {
            _ = shim_signal(pidfd, signal)
        } else if isSecond {
            return 128 + signal
        } else {
            due = 0
        }
        return nil
    }

    // MARK: Ends

    /// Reaps whoever has ended, the reconciler or a stranger that lost its parent; the code to leave with, if it was the end.
    private mutating func takeEnds() -> Int32? {
        var ended = shim_ended()
        while shim_peek_ended(&ended) > 0 {
            _ = shim_reap(ended.pid)
            guard ended.pid == child else { continue }
            child = 0
            shim_close(pidfd)
            stopListening()
            if let code = judge(ended) { return code }
        }
        return nil
    }

    /// Whether an end of the reconciler is ours too: then the code to leave with.
    private mutating func judge(_ ended: shim_ended) -> Int32? {
        if ended.kind == Int32(HERO_EXIT_EXITED.rawValue) {
            let code = ended.status
            let isFinal = code == HERO_RECONCILER_DONE || code == HERO_RECONCILER_REFUSED
            // What made it hold back may be over: that is no trouble, and nobody waits for an answer.
            if code == HERO_RECONCILER_RESTART {
                pause = Keeper.firstPause
                again("begins anew: code ", code)
                return nil
            }
            // Who could not even begin has made a mistake that no second start mends, and somebody waits for the answer.
            if isFinal || isFirst || leaving != 0 { return code == HERO_RECONCILER_UNAVAILABLE ? HERO_RECONCILER_REFUSED : code }
            again("ended with code ", code)
        } else {
            // What ends it by default and was passed on is no crash.
            if leaving == SHIM_SIGHUP, ended.status == leaving { return 128 + leaving }
            crashes.add(ended.status, at: shim_boottime())
            again("was ended by signal ", ended.status)
        }
        return nil
    }

    /// Plans the next start.
    private mutating func again(_ what: StaticString, _ number: Int32) {
        isFirst = false
        let now = shim_boottime()
        if now &- startedAt >= Keeper.stableAfter { pause = Keeper.firstPause }
        due = now &+ pause &* 1_000_000
        say(what, Int64(number), "; it is started again in ", pause, " ms\n")
        pause = min(Keeper.longestPause, pause &* 2)
    }

    /// Says something of the reconciler in one line.
    private func say(
        _ what: StaticString,
        _ number: Int64,
        _ then: StaticString,
        _ second: Int64? = nil,
        _ end: StaticString = ""
    ) {
        var line = Line()
        line.add("hpshim: the reconciler ")
        line.add(what)
        line.add(number)
        line.add(then)
        if let second { line.add(second) }
        line.add(end)
        shim_keep_say(line.bytes, line.count)
    }

    /// A line in static memory.
    private struct Line {
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
