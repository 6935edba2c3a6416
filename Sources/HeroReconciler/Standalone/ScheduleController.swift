import HeroKernel
import HeroLifecycle
import HeroModel
import HeroSchedule
import HeroStore

/// Calculates when standalone actions run next, and keeps their deadlines.
///
/// The database holds a calendar time; the loop sleeps until a moment of the boot clock. When the calendar is set, the
/// moment of `every` stays and its time changes; `cron` is calculated again (TM-1).
final class ScheduleController {
    /// A run that is noticed later than this after its time is missed.
    private static let missedRunGrace = Duration.seconds(60)
    /// A clock that is set back by less than this shows times again that have passed.
    ///
    /// One that is set back by more was wrong before (cron(8)).
    private static let clockCorrectionLimit = Duration.seconds(3 * 3600)

    private let clock: any HostClock
    private let state: RuntimeState
    private let journal: TurnJournal
    private var deadlines = DeadlineQueue<QualifiedName>()

    init(clock: any HostClock, state: RuntimeState, journal: TurnJournal) {
        self.clock = clock
        self.state = state
        self.journal = journal
    }

    /// The earliest moment at which a schedule may come due; nil when none does.
    var nextDeadline: Moment? { deadlines.next }

    /// Removes the next schedule that has come due by the boot clock.
    func takeDue(_ now: Moment) -> StandaloneEntry? {
        while let name = deadlines.popDue(now) {
            if let entry = state.standalone[name], let moment = entry.wakeAt, moment <= now { return entry }
        }
        return nil
    }

    /// Decides which run is made for a schedule that has come due by the boot clock, and plans the next one.
    ///
    /// - Returns: the time of the run; nil when none is made. The caller records the entry then, unless nothing is due.
    func takeRun(of entry: StandaloneEntry) -> (isDue: Bool, run: WallTime?) {
        guard let due = entry.record.nextRunAt else { return (false, nil) }
        let time = clock.wallTime()
        guard due <= time else {
            setNextRun(entry, due)
            return (false, nil)
        }
        // Of the times that have come due since, only those older than the grace period are given up.
        let candidate =
            time - due <= Self.missedRunGrace
            ? due : nextRun(of: entry, after: time - Self.missedRunGrace, anchor: due)
        let isDue = candidate.map { $0 <= time } ?? false
        let catchesUp = !isDue && entry.record.spec.schedule?.catchesUp ?? false
        if catchesUp { recordCatchUp(entry, due) }
        let run = catchesUp ? time : isDue ? candidate : nil
        recordMissedRuns(entry, from: due, until: time, made: run == nil ? 0 : 1)
        setNextRun(entry, nextRun(of: entry, after: time, anchor: due))
        return (true, run)
    }

    /// Begins a schedule at the current time.
    func begin(_ entry: StandaloneEntry) {
        let time = clock.wallTime()
        let next = nextRun(of: entry, after: time, anchor: time)
        switch entry.record.spec.schedule?.timing {
        // Its later runs follow at equal intervals.
        case .every: setNextRun(entry, next.map { $0 + delay(of: entry) })
        case .cron, nil: setNextRun(entry, next)
        }
    }

    /// Requests one run if a run of an unchanged schedule was due while it was paused.
    func catchUpAfterPause(_ entry: StandaloneEntry, isUnchanged: Bool) {
        guard isUnchanged, entry.record.spec.schedule?.catchesUp ?? false, let last = entry.record.lastDueAt,
            let due = nextRun(of: entry, after: last, anchor: last), due <= clock.wallTime()
        else { return }
        recordCatchUp(entry, due)
        entry.record.lastDueAt = clock.wallTime()
        entry.record.isRunQueued = true
    }

    private func recordCatchUp(_ entry: StandaloneEntry, _ due: WallTime) {
        journal.recordEvent(.info, entry.name.description, "makes up the run that was due at \(due)")
    }

    /// The delay of the runs of an action.
    private func delay(of entry: StandaloneEntry) -> Duration {
        guard let jitter = entry.record.spec.schedule?.jitter, jitter > .zero else { return .zero }
        return ScheduleCalculator.delay(within: jitter, of: entry.name, on: clock.machineID)
    }

    /// Ends a schedule.
    func clear(_ entry: StandaloneEntry) { setNextRun(entry, nil) }

    /// Records in an event when the schedule runs next.
    func recordNextRun(_ entry: StandaloneEntry) {
        let text = entry.record.nextRunAt.map { "runs next at \($0)" } ?? "its schedule never comes due"
        journal.recordEvent(.info, entry.name.description, text)
    }

    // MARK: A new reconciler

    /// Continues a recorded schedule.
    ///
    /// Runs that came due while no reconciler was running are recorded as missed; with `catch_up` one is made up.
    func resume(_ entry: StandaloneEntry) {
        guard !entry.isRemoved, let due = entry.record.nextRunAt else { return }
        let time = clock.wallTime()
        guard due <= time else {
            let next = clampedToCalendar(due, entry, time)
            setNextRun(entry, next)
            if next != due { journal.rows.append(.standalone(entry.record)) }
            return
        }
        let overlaps = entry.isActive && entry.record.spec.schedule?.overlap == .skip
        let catchesUp = entry.record.spec.schedule?.catchesUp ?? false && !overlaps
        if catchesUp {
            recordCatchUp(entry, due)
            entry.record.isRunQueued = true
            entry.record.lastDueAt = time
        }
        recordMissedRuns(entry, from: due, until: time, made: catchesUp ? 1 : 0)
        setNextRun(entry, nextRun(of: entry, after: time, anchor: due))
        journal.rows.append(.standalone(entry.record))
    }

    /// The next times were lost with the database: the schedules begin again.
    func restartAll() {
        for entry in state.standaloneByName where entry.record.isScheduleActive && entry.record.nextRunAt == nil {
            begin(entry)
            journal.rows.append(.standalone(entry.record))
        }
    }

    /// Limits a future time in case the calendar was set back while no reconciler was running: no run waits longer than
    /// one interval of its schedule (TM-1).
    private func clampedToCalendar(_ due: WallTime, _ entry: StandaloneEntry, _ time: WallTime) -> WallTime {
        switch entry.record.spec.schedule?.timing {
        case .every(let interval): min(due, time + interval + delay(of: entry))
        case .cron: nextRun(of: entry, after: time, anchor: due).map { min(due, $0) } ?? due
        case nil: due
        }
    }

    private func recordMissedRuns(_ entry: StandaloneEntry, from due: WallTime, until time: WallTime, made: Int) {
        guard let schedule = entry.record.spec.schedule else { return }
        let (anchor, shift) =
            switch schedule.timing {
            case .cron: (due, delay(of: entry))
            case .every(let interval): (due - interval, Duration.zero)
            }
        let missed = ScheduleCalculator.countMissedRuns(
            of: schedule,
            between: due - .microseconds(1) - shift,
            and: time - shift,
            anchor: anchor,
            zone: zone(of: schedule, for: entry)
        )
        let count = missed - made
        guard count > 0 else { return }
        let runs = count == 1 ? "1 run" : "\(count) runs"
        journal.recordEvent(
            .warning,
            entry.name.description,
            "missed \(runs) between \(due) and \(time); they will not run later"
        )
    }

    // MARK: The calendar

    /// The calendar was set: calculates every schedule again.
    func handleClockChange() {
        for entry in state.standaloneByName where !entry.isRemoved {
            guard let due = entry.record.nextRunAt, let schedule = entry.record.spec.schedule else { continue }
            let (now, time) = (clock.now(), clock.wallTime())
            switch schedule.timing {
            case .every:
                // The moment stays; it has another calendar time now.
                let rest = entry.wakeAt.map { max(.zero, $0 - now) } ?? .zero
                setNextRun(entry, time + rest)
            case .cron:
                // A time that the clock has skipped comes due at once, and `takeRun` decides on it.
                setNextRun(entry, due <= time ? due : nextRun(of: entry, after: time, anchor: due))
            }
            guard entry.record.nextRunAt != due else { continue }
            journal.rows.append(.standalone(entry.record))
            if case .cron = schedule.timing { recordNextRun(entry) }
        }
    }

    /// When a schedule comes due after a time; nil when it never does.
    ///
    /// A clock that was set back a little shows times again that have come due already. A cron expression does not come
    /// due twice for them.
    private func nextRun(of entry: StandaloneEntry, after time: WallTime, anchor: WallTime) -> WallTime? {
        guard let schedule = entry.record.spec.schedule else { return nil }
        var start = time
        if case .cron = schedule.timing, let last = entry.record.lastDueAt, last > time,
            last - time <= Self.clockCorrectionLimit
        {
            start = last
        }
        let shift =
            switch schedule.timing {
            case .cron: delay(of: entry)
            // The anchor of its runs has the delay already.
            case .every: Duration.zero
            }
        let next = ScheduleCalculator.nextRun(
            of: schedule,
            after: start - shift,
            anchor: anchor,
            zone: zone(of: schedule, for: entry)
        )
        return next.map { $0 + shift }
    }

    private func zone(of schedule: Schedule, for entry: StandaloneEntry) -> TimeZoneRules {
        switch schedule.timing {
        case .every: return .utc
        case .cron: break
        }
        if let zone = clock.zone(named: schedule.timeZone) { return zone }
        journal.recordEvent(
            .warning,
            entry.name.description,
            "this machine does not know the time zone \(schedule.timeZone); UTC is used instead"
        )
        return .utc
    }

    /// Sets when a schedule comes due next, and the deadline for it.
    private func setNextRun(_ entry: StandaloneEntry, _ next: WallTime?) {
        entry.record.nextRunAt = next
        entry.wakeAt = next.map { clock.now() + max(.milliseconds(1), $0 - clock.wallTime()) }
        if let moment = entry.wakeAt { deadlines.add(entry.name, at: moment) }
    }
}

extension WallTime {
    /// The sum, limited to the range of the type.
    fileprivate static func + (time: Self, duration: Duration) -> Self {
        let (sum, overflow) = time.microseconds.addingReportingOverflow(duration.wholeNanoseconds / 1000)
        return Self(microseconds: overflow ? (duration < .zero ? .min : .max) : sum)
    }

    fileprivate static func - (time: Self, duration: Duration) -> Self { time + (.zero - duration) }

    /// The time from the second to the first, limited to the range of the type.
    fileprivate static func - (left: Self, right: Self) -> Duration {
        let (difference, overflow) = left.microseconds.subtractingReportingOverflow(right.microseconds)
        return .microseconds(overflow ? (left < right ? Int64.min : .max) : difference)
    }
}
