import CHeroFailpoints
import CHeroRecord
import CHeroShim

/// The life of the shim while its program runs: moves output, takes in ends, empties the tree, and then is done.
///
/// One thread, one poll, no clock while nothing happens.
struct Host {
    /// What is left to be done about the tree.
    enum Stage {
        /// The program runs; nothing is to be ended.
        case running
        /// The program has ended well, and who takes over is waited for.
        case handingOver
        /// The program has ended and what it left behind has been asked to end, until the deadline (CLOCK_BOOTTIME).
        case asking(deadline: Int64)
        /// Everything is killed, round after round, until nothing is left.
        case killing
    }

    /// How long the memory that output goes through is kept in case there is more, in ms.
    private static let shrinkAfter: Int64 = 1000
    /// The longest pause between two rounds of killing, in ms.
    private static let longestPause: Int64 = 1000
    /// The first and the longest pause between two looks at a PID file, in ms.
    private static let handoverPauses: (first: Int64, longest: Int64) = (5, 250)
    /// How long a parent may take to take in the end of the main process, in ns, and the pause between two looks, in ms.
    static let distantPatience: Int64 = 2_000_000_000
    private static let distantPause: Int64 = 10
    /// How many messages are taken in before output has its turn again, and how many before an end is judged.
    static let mostMessages = 16
    static let lastMessages = 1024

    private let signals: Int32
    private let tree = Tree()
    private let stopSignal: Int32
    private let stopTimeout: Int64
    private let script: UnsafePointer<CChar>?
    let containment: Containment
    private let handover: Handover
    var hearing: Hearing
    /// The main process, while it is another's child: nobody but its pidfd tells that it has ended.
    var distant: Int32 = -1
    /// When it was seen to have ended (CLOCK_BOOTTIME, ns), while nobody has taken that in yet; 0 before.
    var distantEndedAt: Int64 = 0
    var record: Record
    var log: Sink
    private var lines = Lines()
    private var output: Stream
    private var error: Stream
    var stage = Stage.running
    private var pause: Int64 = 0

    init(
        _ start: Start,
        record: Record,
        log: Sink,
        handover: Handover,
        signals: Int32,
        script: UnsafePointer<CChar>?
    ) {
        self.signals = signals
        self.handover = handover
        containment = start.containment
        hearing = start.hearing
        self.script = script
        self.record = record
        self.log = log
        output = Stream(start.output, name: "stdout", held: shim_held(0))
        error = Stream(start.error, name: "stderr", held: shim_held(1))
        stopSignal = Int32(truncatingIfNeeded: start.spec.header.stop_signal)
        stopTimeout = Int64(start.spec.header.stop_timeout_ms) &* 1_000_000
    }

    /// Lives until the tree is empty and its end is on record.
    mutating func run() {
        while !isEmpty() {
            let (ready, isIdle) = wait()
            if isIdle { lines.shrink() }
            if ready & 1 != 0, shim_take_signals(signals) != 0 { stage = .killing }
            if ready & 2 != 0 { _ = lines.move(&output, to: &log) }
            if ready & 4 != 0 { _ = lines.move(&error, to: &log) }
            if ready & 8 != 0 { hear(Host.mostMessages) }
            if let time = log.retryTime, shim_boottime() >= time { log.retry() }
        }
        finish()
    }

    // MARK: Waiting

    private func wait() -> (ready: Int32, isIdle: Bool) {
        let watched = distantEndedAt == 0 ? distant : -1
        var descriptors = (signals, output.descriptor, error.descriptor, hearing.descriptor, watched)
        let limit = timeout()
        let keepsWarm = lines.isSwollen && (limit < 0 || limit > Host.shrinkAfter)
        let ready = withUnsafePointer(to: &descriptors) {
            $0.withMemoryRebound(to: Int32.self, capacity: 5) {
                shim_wait($0, 5, keepsWarm ? Host.shrinkAfter : limit)
            }
        }
        return (max(0, ready), keepsWarm && ready == 0)
    }

    /// Milliseconds until something is due; negative when nothing is.
    private func timeout() -> Int64 {
        var due = log.retryTime
        switch stage {
        case .running where distantEndedAt != 0: return Host.distantPause
        case .running: break
        case .handingOver: return pause
        case .asking(let deadline): due = min(due ?? deadline, deadline)
        case .killing: return pause
        }
        guard let due else { return -1 }
        // Counted in short steps: the kernel's wait stands still while the machine sleeps, the deadline does not.
        return min(1000, max(0, due &- shim_boottime()) / 1_000_000 &+ 1)
    }

    // MARK: The tree

    /// Takes in every end, does what the stage asks for, and says whether nothing is left below us.
    private mutating func isEmpty() -> Bool {
        var reaped = 0
        var ended = shim_ended()
        // A fork bomb may end processes as fast as we take them in: signals and output want their turn.
        while reaped < 1000 {
            let result = shim_peek_ended(&ended)
            if result == -Int32(SHIM_ECHILD) {
                if containment.isEmpty {
                    if distant >= 0 { distantEnded() }
                    return true
                }
                // Somebody in the cgroup is not below us: nobody who runs may be left behind.
                stage = .killing
                break
            }
            guard result > 0 else { break }
            // What is said came before an end, and whose it was can be proven only as long as nobody is reaped.
            hear(Host.lastMessages)
            takeIn(ended)
            _ = shim_reap(ended.pid)
            reaped += 1
        }
        if distant >= 0, shim_has_ended(distant) != 0 { distantEnded() }
        switch stage {
        case .running:
            guard hasEnded else { return false }
            pause = Host.handoverPauses.first
            handover.follows(record.exit, record.said) ? handOver() : askRest()
        case .handingOver:
            pause = min(Host.handoverPauses.longest, pause &* 2)
            handOver()
        case .asking(let deadline):
            guard shim_boottime() >= deadline else { return false }
            stage = .killing
            killTree(reaped)
        case .killing:
            killTree(reaped)
        }
        return false
    }

    var hasEnded: Bool { record.exit.kind != HERO_EXIT_EMPTY.rawValue }

    private mutating func takeIn(_ ended: shim_ended) {
        switch stage {
        case .running, .handingOver:
            // It may have taken over and be gone before we looked: then its end is the one that counts.
            if hasEnded, handover.follows(record.exit, record.said), ended.pid == handover.successor() {
                takeOver(ended.pid)
            }
        case .asking, .killing:
            break
        }
        if ended.pid == record.proc.main.pid, !hasEnded { recordEnd(ended) }
    }

    private mutating func askRest() {
        hero_failpoint(FP_SP_4)
        tree.signal(stopSignal)
        stage = .asking(deadline: shim_boottime() &+ stopTimeout)
    }

    // MARK: Daemons that fork away

    private mutating func handOver() {
        if let successor = handover.successor() {
            takeOver(successor)
        } else if handover.waits(until: shim_boottime()) {
            stage = .handingOver
        } else {
            askRest()
        }
    }

    /// Makes a child of ours the main program.
    ///
    /// What ended is taken back first: a record that said both would let what runs now pass for what is left behind.
    private mutating func takeOver(_ successor: Int32) {
        var identity = hero_identity()
        guard shim_identify(successor, -1, &identity) == 0 else { return }
        goOn(as: identity)
    }

    mutating func goOn(as identity: hero_identity) {
        leaveDistant()
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
        containment.kill { tree.signal(Int32(SHIM_SIGKILL)) }
        pause = reaped > 0 ? 1 : min(Host.longestPause, max(1, pause &* 2))
    }

    /// Writes how the program ended, before it is reaped: should we be lost in between, its status still is there.
    private mutating func recordEnd(_ ended: shim_ended) {
        hero_failpoint(FP_EX_1)
        record.exit.kind = UInt32(truncatingIfNeeded: ended.kind)
        record.exit.status = ended.status
        record.exit.core_dumped = ended.core_dumped
        record.exit.ended_boottime = shim_boottime()
        record.exit.ended_realtime = shim_realtime()
        record.exit.user_time_us = ended.user_time_us
        record.exit.system_time_us = ended.system_time_us
        record.exit.max_rss_kib = ended.max_rss_kib
        record.exit.dropped_bytes = log.dropped
        if ended.kind == HERO_EXIT_SIGNALED.rawValue, ended.status == Int32(SHIM_SIGKILL), containment.hasRunOutOfMemory
        {
            record.exit.out_of_memory = 1
        }
        _ = record.writeExit()
        hero_failpoint(FP_EX_3)
    }

    // MARK: The end

    /// Takes what is left in the pipes and completes the record.
    private mutating func finish() {
        lines.finish(&output, &error, to: &log)
        if log.dropped != record.exit.dropped_bytes {
            record.exit.dropped_bytes = log.dropped
            _ = record.writeExit()
        }
        if let script { _ = shim_remove(script) }
        hearing.end()
        hero_failpoint(FP_SP_5)
        containment.remove()
        hero_failpoint(FP_EX_4)
    }
}
