import CHeroLinux
import Glibc
import HeroKernel
import HeroModel

/// What an epoll token or an alarm is about: a kind, and a number that the part in charge of the kind gives out.
struct Subject: Hashable {
    enum Kind: UInt8 {
        case clock
        case calendar
        case quit
        case notices
        case shim
        case program
        case words
        case orphan
        case drain
        case watcher
        case listener
        case connection
        case conversation
        case command
        case commandEnd
        case results
        case lookup
        case lookupEnd
    }

    var kind: Kind
    var number: UInt64

    init(_ kind: Kind, _ number: UInt64 = 0) {
        self.kind = kind
        self.number = number
    }

    /// Both in one word.
    var token: UInt { UInt(kind.rawValue) << 56 | UInt(number & (1 << 56 - 1)) }

    init?(token: UInt) {
        guard let kind = Kind(rawValue: UInt8(truncatingIfNeeded: token >> 56)) else { return nil }
        self.kind = kind
        number = UInt64(token & (1 << 56 - 1))
    }
}

/// One thread's waiting: descriptors, alarms, and the events that come of them.
///
/// Sleeps in epoll with one timer of the boot clock; nothing wakes it that nobody asked for.
final class Reactor {
    /// A descriptor that became ready, or an alarm (ready 0).
    struct Wake {
        var subject: Subject
        var ready: UInt32
    }

    /// What the reconciler has not seen yet.
    private(set) var events: [KernelEvent] = []
    private let epoll: Descriptor
    private let timer: Descriptor
    private let calendar: Descriptor
    private var armed: Int64 = 0
    private var alarms = AlarmQueue()
    private var tokens = [UInt](repeating: 0, count: 1024)
    private var readiness = [UInt32](repeating: 0, count: 1024)

    init() throws(LinuxError) {
        epoll = Descriptor(try check(hl_epoll_create(), "make an epoll"))
        timer = Descriptor(try check(hl_timer_create(), "make a timer"))
        calendar = Descriptor(try check(hl_clock_watch_create(), "make a timer"))
        guard watch(timer.number, Subject(.clock)), watch(calendar.number, Subject(.calendar)) else {
            throw LinuxError(cannot: "watch the timer", errno)
        }
        // Where the kernel does not tell, a run that is due too early is found out when it comes up.
        _ = hl_clock_watch_arm(calendar.number)
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
    func watch(_ descriptor: Int32, _ subject: Subject, for readiness: UInt32 = hl_epoll_in()) -> Bool {
        report(hl_epoll_add(epoll.number, descriptor, readiness, subject.token))
    }

    @discardableResult
    func change(_ descriptor: Int32, _ subject: Subject, for readiness: UInt32) -> Bool {
        report(hl_epoll_change(epoll.number, descriptor, readiness, subject.token))
    }

    func unwatch(_ descriptor: Int32) { _ = hl_epoll_remove(epoll.number, descriptor) }

    /// Sets the one alarm of a subject, in place of an earlier one.
    func setAlarm(_ subject: Subject, at moment: Moment) { alarms.set(subject, at: moment) }

    func cancelAlarm(_ subject: Subject) { alarms.cancel(subject) }

    /// What is ready and due; waits for the first of it until a moment (nil: for ever), or not at all.
    func wait(until deadline: Moment?, mayBlock: Bool) -> [Wake] {
        var wakes = alarms.takeDue(now).map { Wake(subject: $0, ready: 0) }
        let blocks = mayBlock && wakes.isEmpty
        if blocks { arm(earliest(deadline, alarms.next)) }
        let count = hl_epoll_wait(epoll.number, &tokens, &readiness, Int32(tokens.count), blocks ? -1 : 0)
        for index in 0..<Int(max(0, count)) {
            guard let subject = Subject(token: tokens[index]) else { continue }
            var ticks: UInt64 = 0
            switch subject.kind {
            case .clock:
                _ = read(timer.number, &ticks, 8)
                armed = 0
            case .calendar:
                // Arming it anew takes back that it was cancelled.
                _ = read(calendar.number, &ticks, 8)
                _ = hl_clock_watch_arm(calendar.number)
                emit(.clockChanged)
            case .quit, .notices, .shim, .program, .words, .orphan, .drain, .watcher, .listener, .connection,
                .conversation, .command, .commandEnd, .results, .lookup, .lookupEnd:
                wakes.append(Wake(subject: subject, ready: readiness[index]))
            }
        }
        wakes += alarms.takeDue(now).map { Wake(subject: $0, ready: 0) }
        return wakes
    }

    private func arm(_ moment: Moment?) {
        // 0 would mean never: the very first nanosecond of a boot is as good as the second.
        let wanted = moment.map { max(1, $0.nanoseconds) } ?? 0
        guard wanted != armed else { return }
        if hl_timer_set(timer.number, wanted) == 0 { armed = wanted }
    }

    private func report(_ result: Int32) -> Bool {
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
struct AlarmQueue {
    private struct Entry {
        var moment: Moment
        var subject: Subject
    }

    private var heap: [Entry] = []
    private var current: [Subject: Moment] = [:]

    /// The moment of the next alarm.
    var next: Moment? {
        mutating get {
            dropOutdated()
            return heap.first?.moment
        }
    }

    mutating func set(_ subject: Subject, at moment: Moment) {
        current[subject] = moment
        heap.append(Entry(moment: moment, subject: subject))
        var child = heap.count - 1
        while child > 0, heap[child].moment < heap[(child - 1) / 2].moment {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func cancel(_ subject: Subject) { current[subject] = nil }

    mutating func takeDue(_ now: Moment) -> [Subject] {
        var due: [Subject] = []
        while let moment = next, moment <= now, let entry = pop() {
            current[entry.subject] = nil
            due.append(entry.subject)
        }
        return due
    }

    private mutating func dropOutdated() {
        while let first = heap.first, current[first.subject] != first.moment { _ = pop() }
    }

    private mutating func pop() -> Entry? {
        guard let first = heap.first, let last = heap.popLast() else { return nil }
        guard !heap.isEmpty else { return first }
        heap[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < heap.count && heap[child].moment < heap[least].moment { least = child }
            guard least != parent else { return first }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}
