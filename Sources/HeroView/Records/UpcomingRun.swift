public import HeroJSON
public import HeroModel

/// The next run of a standalone action, which `jobs` shows below the jobs.
public struct UpcomingRun: Hashable, Sendable {
    /// The action.
    public var name: QualifiedName
    /// Its newest job; nil before the first.
    public var job: JobID?
    /// When its schedule is due; nil without a schedule.
    public var nextRunAt: WallTime?
    /// When its schedule was last due; nil before the first time.
    public var lastDueAt: WallTime?
    /// Whether one run is pending that starts as soon as possible.
    public var isRunPending: Bool
    /// Whether a due run waits for the end of the newest job.
    public var isWaiting: Bool

    /// Creates an entry.
    public init(
        _ name: QualifiedName,
        job: JobID? = nil,
        nextRunAt: WallTime? = nil,
        lastDueAt: WallTime? = nil,
        isRunPending: Bool = false,
        isWaiting: Bool = false
    ) {
        self.name = name
        self.job = job
        self.nextRunAt = nextRunAt
        self.lastDueAt = lastDueAt
        self.isRunPending = isRunPending
        self.isWaiting = isWaiting
    }
}

extension JobsView {
    /// The jobs, followed by the actions that will run, soonest first.
    public func text(_ jobs: [JobRecord], upcoming: [UpcomingRun], now: WallTime) -> String {
        let due = upcoming.filter { $0.nextRunAt != nil || $0.isDue }.sorted { left, right in
            let (first, second) = (left.sortTime, right.sortTime)
            return first == second ? left.name < right.name : first < second
        }
        guard !due.isEmpty else { return text(jobs, now: now) }
        var table = Table([
            .init(heading: "NEXT RUN"), .init(heading: "IN", alignment: .right), .init(heading: "ACTION"),
            .init(heading: "LAST JOB", alignment: .right),
        ])
        table.rows = due.map { run in
            [
                .init(run.isDue ? run.dueText : run.nextRunAt?.textToSecond ?? ""),
                .init(run.isDue ? "" : run.nextRunAt.map { $0.relative(to: now) } ?? ""),
                .init(run.name.description),
                .init(run.job.map { String($0) } ?? ""),
            ]
        }
        return text(jobs, now: now) + "\n" + table.text(style)
    }

    /// `heroproc/jobs/v1`, with the standalone actions and their next runs.
    public static func json(_ jobs: [JobRecord], upcoming: [UpcomingRun]) -> JSONValue {
        [
            "schema": "heroproc/jobs/v1", "jobs": .array(jobs.map { .object(members($0)) }),
            "standalone": .array(upcoming.map(json)),
        ]
    }

    /// One job in `heroproc/jobs/v1`, with its starts and the path of its log.
    public static func json(_ job: JobRecord, starts: [StartRecord], log: String) -> JSONValue {
        let history = [
            JSONValue.Member("log", .string(log)),
            JSONValue.Member("starts", .array(starts.map(json))),
        ]
        return ["schema": "heroproc/jobs/v1", "jobs": [.object(members(job) + history)]]
    }

    private static func json(_ run: UpcomingRun) -> JSONValue {
        [
            "context": .string(run.name.context),
            "name": .string(run.name.name),
            "job_id": JSONValue(run.job),
            "next_run_at": JSONValue(run.nextRunAt?.description),
            "last_due_at": JSONValue(run.lastDueAt?.description),
            "owes_run": .bool(run.isRunPending),
            "is_waiting": .bool(run.isWaiting),
        ]
    }

    private static func json(_ start: StartRecord) -> JSONValue {
        [
            "generation": .integer(Int64(start.generation)),
            "started_at": JSONValue(start.startedAt?.description),
            "ended_at": JSONValue(start.endedAt?.description),
            "exit_code": JSONValue(start.outcome?.exitCode),
            "signal": JSONValue(start.outcome?.signal?.description),
            "outcome": JSONValue(start.outcome?.description),
        ]
    }
}

extension UpcomingRun {
    /// Whether it runs as soon as possible.
    fileprivate var isDue: Bool { isRunPending || isWaiting }

    fileprivate var dueText: String {
        if isRunPending { return "as soon as possible" }
        return job.map { "when job \($0) has ended" } ?? "when its job has ended"
    }

    fileprivate var sortTime: WallTime {
        isDue ? WallTime(microseconds: .min) : nextRunAt ?? WallTime(microseconds: .max)
    }
}
