import CHeroLinux
import Glibc
import HeroKernel
import HeroModel

/// The event loop of one thread: it waits for descriptors and timers, and collects the events for the reconciler.
///
/// It sleeps in epoll with one boot clock timer, and wakes only for a registered source.
final class Reactor {
    /// A descriptor that is ready, or a timer that is due (then `readyEvents` is 0).
    struct Wakeup {
        var source: EventSource
        var readyEvents: UInt32
    }

    /// The events that the reconciler has not taken yet.
    private(set) var events: [KernelEvent] = []
    private let epoll: Descriptor
    private let timer: Descriptor
    private let clockChangeTimer: Descriptor
    private var armedDeadline: Int64 = 0
    private var timers = TimerQueue()
    private var tokens = [UInt](repeating: 0, count: 1024)
    private var readiness = [UInt32](repeating: 0, count: 1024)

    init() throws(LinuxError) {
        epoll = Descriptor(try check(hl_epoll_create(), "create an epoll descriptor"))
        timer = Descriptor(try check(hl_timer_create(), "create a timer"))
        clockChangeTimer = Descriptor(try check(hl_clock_watch_create(), "create a timer"))
        guard watch(timer.number, EventSource(.timer)), watch(clockChangeTimer.number, EventSource(.clockChange)) else {
            throw LinuxError(cannot: "watch the timer", errno)
        }
        // Without this kernel feature a clock change is noticed only when the next scheduled run is due.
        _ = hl_clock_watch_arm(clockChangeTimer.number)
    }

    /// The boot clock.
    var now: Moment { Moment(nanoseconds: hl_boot_clock()) }

    func emit(_ event: KernelEvent) { events.append(event) }

    func takeEvents() -> [KernelEvent] {
        defer { events = [] }
        return events
    }

    /// Watches a descriptor until it can be read (or written).
    ///
    /// - Returns: false if the kernel refuses, with `errno` set.
    @discardableResult
    func watch(_ descriptor: Int32, _ subject: EventSource, for readiness: UInt32 = hl_epoll_in()) -> Bool {
        storeErrno(hl_epoll_add(epoll.number, descriptor, readiness, subject.token))
    }

    @discardableResult
    func changeWatch(_ descriptor: Int32, _ subject: EventSource, for readiness: UInt32) -> Bool {
        storeErrno(hl_epoll_change(epoll.number, descriptor, readiness, subject.token))
    }

    func unwatch(_ descriptor: Int32) { _ = hl_epoll_remove(epoll.number, descriptor) }

    /// Sets the timer of a source, replacing its earlier one.
    func setTimer(_ subject: EventSource, at moment: Moment) { timers.set(subject, at: moment) }

    func cancelTimer(_ subject: EventSource) { timers.cancel(subject) }

    /// Returns the ready descriptors and due timers.
    ///
    /// - Parameters:
    ///   - deadline: How long to wait at most; nil waits for an unlimited time.
    ///   - mayBlock: false returns at once.
    /// - Returns: The sources, in the order of timers, descriptors, new timers.
    func wait(until deadline: Moment?, mayBlock: Bool) -> [Wakeup] {
        var wakes = timers.takeDue(now).map { Wakeup(source: $0, readyEvents: 0) }
        let blocks = mayBlock && wakes.isEmpty
        if blocks { armTimer(earliest(deadline, timers.next)) }
        let count = hl_epoll_wait(epoll.number, &tokens, &readiness, Int32(tokens.count), blocks ? -1 : 0)
        for index in 0..<Int(max(0, count)) {
            guard let subject = EventSource(token: tokens[index]) else { continue }
            var ticks: UInt64 = 0
            switch subject.kind {
            case .timer:
                _ = read(timer.number, &ticks, 8)
                armedDeadline = 0
            case .clockChange:
                // Arming the timer again clears its cancelled state.
                _ = read(clockChangeTimer.number, &ticks, 8)
                _ = hl_clock_watch_arm(clockChangeTimer.number)
                emit(.clockChanged)
            case .signals, .shimNotices, .shim, .forkServer, .forkServerExit, .mainProcess, .notifyState, .orphan,
                .outputDrain, .manifestWatcher, .contentWatcher, .runDirectory, .controlListener, .controlConnection,
                .probeConnection,
                .probeCommandErrors, .probeCommandExit, .resolverResults, .accountLookup, .accountLookupExit,
                .helperTask, .helperTaskExit, .repositoryReply, .repositoryExit:
                wakes.append(Wakeup(source: subject, readyEvents: readiness[index]))
            }
        }
        wakes += timers.takeDue(now).map { Wakeup(source: $0, readyEvents: 0) }
        return wakes
    }

    private func armTimer(_ moment: Moment?) {
        // The kernel takes 0 as "never", so the first nanosecond after boot is used instead.
        let wanted = moment.map { max(1, $0.nanoseconds) } ?? 0
        guard wanted != armedDeadline else { return }
        if hl_timer_set(timer.number, wanted) == 0 { armedDeadline = wanted }
    }

    private func storeErrno(_ result: Int32) -> Bool {
        if result < 0 { errno = 0 &- result }
        return result >= 0
    }
}

/// Returns the earlier of two moments; nil means never.
func earliest(_ first: Moment?, _ second: Moment?) -> Moment? {
    guard let first else { return second }
    guard let second else { return first }
    return min(first, second)
}
