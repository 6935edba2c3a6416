import HeroKernel
import HeroLifecycle
import HeroModel
import HeroSchedule
import HeroStore

/// A run that is noticed later than this after its time is missed: nobody counts on it any more.
private let missedRunGrace = Duration.seconds(60)
/// A clock that is put back by less than this shows times again that were seen before; by more, it was wrong (cron(8)).
private let clockCorrectionLimit = Duration.seconds(3 * 3600)

/// Standalone actions that run at times.
///
/// What is recorded is a time of the calendar; what is slept for is its moment on the boot clock. When the calendar is set, the
/// moment of `every` stays and its time moves; `cron` is asked anew (reliability.md TM-1).
extension Reconciler {
    /// A schedule's moment has come, as far as the boot clock knows.
    func handleScheduleDue(_ entry: StandaloneEntry) {
        guard let due = entry.record.nextRunAt else { return }
        let time = kernel.wallTime()
        guard due <= time else { return setNextRun(entry, due) }
        // Of what has come due since, only what nobody waits for any more is given up.
        let runnable =
            time - due <= missedRunGrace ? due : nextScheduledRun(of: entry, after: time - missedRunGrace, anchor: due)
        let run = runnable.flatMap { $0 <= time ? $0 : nil }
        recordMissedRuns(entry, from: due, until: time, besides: run == nil ? 0 : 1)
        setNextRun(entry, nextScheduledRun(of: entry, after: time, anchor: due))
        if let run { startDueRun(entry, run) }
        rows.append(.standalone(entry.record))
    }

    /// It is time for a run; one at a time.
    private func startDueRun(_ entry: StandaloneEntry, _ due: WallTime) {
        entry.record.lastDueAt = due
        guard let job = entry.job, entry.isActive else { return beginRun(entry) }
        switch entry.record.spec.schedule?.overlap ?? .skip {
        case .skip:
            recordSkippedRun(entry, job)
        case .queue:
            if entry.record.isRunQueued { recordSkippedRun(entry, job) }
            entry.record.isRunQueued = true
        case .replace:
            if !entry.record.isRunQueued {
                recordEvent(
                    .info,
                    entry.name.description,
                    "job \(job.id) is stopped: it still goes on, and the next run is due"
                )
            }
            entry.record.isRunQueued = true
            deliverDirectly(job, .stopRequested)
            advance(entry)
        }
    }

    /// Said once for each job that takes longer than the rhythm.
    private func recordSkippedRun(_ entry: StandaloneEntry, _ job: JobEntry) {
        guard !entry.hasReportedSkip else { return }
        entry.hasReportedSkip = true
        let what =
            entry.record.isRunQueued
            ? "one run waits for it, and more are left out" : "until it ends, runs are left out"
        recordEvent(.warning, entry.name.description, "job \(job.id) still goes on when the next run is due; \(what)")
    }

    // MARK: Missed runs

    /// What came due while nobody was there is not made up, but said.
    func resumeSchedule(_ entry: StandaloneEntry) {
        guard !entry.isRemoved, let due = entry.record.nextRunAt else { return }
        let time = kernel.wallTime()
        guard due <= time else {
            let next = clampedToCalendar(due, entry, time)
            setNextRun(entry, next)
            if next != due { rows.append(.standalone(entry.record)) }
            return
        }
        recordMissedRuns(entry, from: due, until: time, besides: 0)
        setNextRun(entry, nextScheduledRun(of: entry, after: time, anchor: due))
        rows.append(.standalone(entry.record))
    }

    /// A time to come as it is after the calendar may have been put back while nobody looked: nobody waits longer than the
    /// rhythm says (reliability.md TM-1).
    private func clampedToCalendar(_ due: WallTime, _ entry: StandaloneEntry, _ time: WallTime) -> WallTime {
        switch entry.record.spec.schedule?.timing {
        case .every(let interval): min(due, time + interval)
        case .cron: nextScheduledRun(of: entry, after: time, anchor: due).map { min(due, $0) } ?? due
        case nil: due
        }
    }

    private func recordMissedRuns(_ entry: StandaloneEntry, from due: WallTime, until time: WallTime, besides made: Int)
    {
        guard let schedule = entry.record.spec.schedule else { return }
        let anchor =
            switch schedule.timing {
            case .cron: due
            case .every(let interval): due - interval
            }
        let before = due - .microseconds(1)
        let zone = zone(of: schedule, for: entry)
        let count =
            ScheduleCalculator.countMissedRuns(of: schedule, between: before, and: time, anchor: anchor, zone: zone)
            - made
        guard count > 0 else { return }
        let runs = count == 1 ? "1 run" : "\(count) runs"
        recordEvent(.warning, entry.name.description, "missed \(runs) between \(due) and \(time); they are not made up")
    }

    // MARK: The clock

    /// The calendar was set: every schedule is looked at anew.
    func handleClockChange() {
        for entry in standalone.values.sorted(by: { $0.name < $1.name }) where !entry.isRemoved {
            guard let due = entry.record.nextRunAt, let schedule = entry.record.spec.schedule else { continue }
            let (now, time) = (kernel.now(), kernel.wallTime())
            switch schedule.timing {
            case .every:
                // The same moment has another time now.
                let rest = entry.wakeAt.map { max(.zero, $0 - now) } ?? .zero
                setNextRun(entry, time + rest)
            case .cron:
                // What the clock has jumped over comes up at once, and is judged there.
                setNextRun(entry, due <= time ? due : nextScheduledRun(of: entry, after: time, anchor: due))
            }
            guard entry.record.nextRunAt != due else { continue }
            rows.append(.standalone(entry.record))
            if case .cron = schedule.timing { recordNextRun(entry) }
        }
    }

    /// When a schedule comes due after a time; nil when it never does.
    ///
    /// A clock that was put back a little shows times again that were due already; those of a cron expression are not due twice.
    func nextScheduledRun(of entry: StandaloneEntry, after time: WallTime, anchor: WallTime) -> WallTime? {
        guard let schedule = entry.record.spec.schedule else { return nil }
        var start = time
        if case .cron = schedule.timing, let last = entry.record.lastDueAt, last > time,
            last - time <= clockCorrectionLimit
        {
            start = last
        }
        let zone = zone(of: schedule, for: entry)
        return ScheduleCalculator.nextRun(of: schedule, after: start, anchor: anchor, zone: zone)
    }

    private func zone(of schedule: Schedule, for entry: StandaloneEntry) -> TimeZoneRules {
        switch schedule.timing {
        case .every: return .utc
        case .cron: break
        }
        if let zone = kernel.zone(named: schedule.timeZone) { return zone }
        recordEvent(
            .warning,
            entry.name.description,
            "this machine does not know the time zone \(schedule.timeZone); its times are taken as UTC"
        )
        return .utc
    }

    /// Sets when it comes due next, and the moment to wake up for it.
    func setNextRun(_ entry: StandaloneEntry, _ next: WallTime?) {
        entry.record.nextRunAt = next
        entry.wakeAt = next.map { kernel.now() + max(.milliseconds(1), $0 - kernel.wallTime()) }
        if let moment = entry.wakeAt { scheduleDeadlines.add(moment, entry.name) }
    }

    func recordNextRun(_ entry: StandaloneEntry) {
        let text = entry.record.nextRunAt.map { "runs next at \($0)" } ?? "its schedule never comes due"
        recordEvent(.info, entry.name.description, text)
    }
}

extension WallTime {
    /// The time a while later; saturates instead of overflowing.
    fileprivate static func + (time: Self, duration: Duration) -> Self {
        let (sum, overflow) = time.microseconds.addingReportingOverflow(duration.wholeNanoseconds / 1000)
        return Self(microseconds: overflow ? (duration < .zero ? .min : .max) : sum)
    }

    fileprivate static func - (time: Self, duration: Duration) -> Self { time + (.zero - duration) }

    /// The time from the second to the first; saturates instead of overflowing.
    fileprivate static func - (left: Self, right: Self) -> Duration {
        let (difference, overflow) = left.microseconds.subtractingReportingOverflow(right.microseconds)
        return .microseconds(overflow ? (left < right ? Int64.min : .max) : difference)
    }
}
