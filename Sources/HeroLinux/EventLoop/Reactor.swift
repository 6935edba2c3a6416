import CHeroLinux
import Glibc
import HeroKernel
import HeroModel

/// What an epoll token or an alarm is about: a kind, and a number that the part in charge of the kind gives out.
struct EventSource: Hashable {
    enum Kind: UInt8 {
        case timer
        case clockChange
        case signals
        case shimNotices
        case shim
        case mainProcess
        case notifyState
        case orphan
        case outputDrain
        case manifestWatcher
        case controlListener
        case controlConnection
        case probeConnection
        case probeCommandErrors
        case probeCommandExit
        case resolverResults
        case accountLookup
        case accountLookupExit
    }

    var kind: Kind
    var id: UInt64

    init(_ kind: Kind, _ number: UInt64 = 0) {
        self.kind = kind
        self.id = number
    }

    /// Both in one word.
    var token: UInt { UInt(kind.rawValue) << 56 | UInt(id & (1 << 56 - 1)) }

    init?(token: UInt) {
        guard let kind = Kind(rawValue: UInt8(truncatingIfNeeded: token >> 56)) else { return nil }
        self.kind = kind
        id = UInt64(token & (1 << 56 - 1))
    }
}

/// One thread's waiting: descriptors, alarms, and the events that come of them.
///
/// Sleeps in epoll with one timer of the boot clock; nothing wakes it that nobody asked for.
final class Reactor {
    /// A descriptor that became ready, or an alarm (ready 0).
    struct Wakeup {
        var source: EventSource
        var readyEvents: UInt32
    }

    /// What the reconciler has not seen yet.
    private(set) var events: [KernelEvent] = []
    private let epoll: Descriptor
    private let timer: Descriptor
    private let clockChangeTimer: Descriptor
    private var armedDeadline: Int64 = 0
    private var timers = TimerQueue()
    private var tokens = [UInt](repeating: 0, count: 1024)
    private var readiness = [UInt32](repeating: 0, count: 1024)

    init() throws(LinuxError) {
        epoll = Descriptor(try check(hl_epoll_create(), "make an epoll"))
        timer = Descriptor(try check(hl_timer_create(), "make a timer"))
        clockChangeTimer = Descriptor(try check(hl_clock_watch_create(), "make a timer"))
        guard watch(timer.number, EventSource(.timer)), watch(clockChangeTimer.number, EventSource(.clockChange)) else {
            throw LinuxError(cannot: "watch the timer", errno)
        }
        // Where the kernel does not tell, a run that is due too early is found out when it comes up.
        _ = hl_clock_watch_arm(clockChangeTimer.number)
    }

    /// The boot clock.
    var now: Moment { Moment(nanoseconds: hl_boot_clock()) }

    func emit(_ event: KernelEvent) { events.append(event) }

    func takeEvents() -> [KernelEvent] {
        defer { events = [] }
        return events
    }

    /// Wants to know when a descriptor can be read (or written); false when the kernel refuses, with errno set.
    @discardableResult
    func watch(_ descriptor: Int32, _ subject: EventSource, for readiness: UInt32 = hl_epoll_in()) -> Bool {
        storeErrno(hl_epoll_add(epoll.number, descriptor, readiness, subject.token))
    }

    @discardableResult
    func changeWatch(_ descriptor: Int32, _ subject: EventSource, for readiness: UInt32) -> Bool {
        storeErrno(hl_epoll_change(epoll.number, descriptor, readiness, subject.token))
    }

    func unwatch(_ descriptor: Int32) { _ = hl_epoll_remove(epoll.number, descriptor) }

    /// Sets the one alarm of a subject, in place of an earlier one.
    func setTimer(_ subject: EventSource, at moment: Moment) { timers.set(subject, at: moment) }

    func cancelTimer(_ subject: EventSource) { timers.cancel(subject) }

    /// What is ready and due; waits for the first of it until a moment (nil: for ever), or not at all.
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
                // Arming it anew takes back that it was cancelled.
                _ = read(clockChangeTimer.number, &ticks, 8)
                _ = hl_clock_watch_arm(clockChangeTimer.number)
                emit(.clockChanged)
            case .signals, .shimNotices, .shim, .mainProcess, .notifyState, .orphan, .outputDrain, .manifestWatcher,
                .controlListener, .controlConnection,
                .probeConnection, .probeCommandErrors, .probeCommandExit, .resolverResults, .accountLookup,
                .accountLookupExit:
                wakes.append(Wakeup(source: subject, readyEvents: readiness[index]))
            }
        }
        wakes += timers.takeDue(now).map { Wakeup(source: $0, readyEvents: 0) }
        return wakes
    }

    private func armTimer(_ moment: Moment?) {
        // 0 would mean never: the very first nanosecond of a boot is as good as the second.
        let wanted = moment.map { max(1, $0.nanoseconds) } ?? 0
        guard wanted != armedDeadline else { return }
        if hl_timer_set(timer.number, wanted) == 0 { armedDeadline = wanted }
    }

    private func storeErrno(_ result: Int32) -> Bool {
        if result < 0 { errno = 0 &- result }
        return result >= 0
    }
}

/// The earlier of two moments, where nil is never.
func earliest(_ first: Moment?, _ second: Moment?) -> Moment? {
    guard let first else { return second }
    guard let second else { return first }
    return min(first, second)
}

/// One alarm for each subject, the next one first.
///
/// A heap whose outdated entries are dropped when they come up.
struct TimerQueue {
    private struct Entry {
        var deadline: Moment
        var source: EventSource
    }

    private var heap: [Entry] = []
    private var current: [EventSource: Moment] = [:]

    /// The moment of the next alarm.
    var next: Moment? {
        mutating get {
            dropOutdated()
            return heap.first?.deadline
        }
    }

    mutating func set(_ subject: EventSource, at moment: Moment) {
        current[subject] = moment
        heap.append(Entry(deadline: moment, source: subject))
        var child = heap.count - 1
        while child > 0, heap[child].deadline < heap[(child - 1) / 2].deadline {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func cancel(_ subject: EventSource) { current[subject] = nil }

    mutating func takeDue(_ now: Moment) -> [EventSource] {
        var due: [EventSource] = []
        while let moment = next, moment <= now, let entry = pop() {
            current[entry.source] = nil
            due.append(entry.source)
        }
        return due
    }

    private mutating func dropOutdated() {
        while let first = heap.first, current[first.source] != first.deadline { _ = pop() }
    }

    private mutating func pop() -> Entry? {
        guard let first = heap.first, let last = heap.popLast() else { return nil }
        guard !heap.isEmpty else { return first }
        heap[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < heap.count && heap[child].deadline < heap[least].deadline { least = child }
            guard least != parent else { return first }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}
