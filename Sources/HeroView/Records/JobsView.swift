public import HeroJSON
public import HeroModel

/// Jobs as a table, and one job with all its starts.
public struct JobsView: Sendable {
    /// The capabilities of the output.
    public var style: OutputStyle

    /// Creates a view.
    public init(_ style: OutputStyle = .plain) {
        self.style = style
    }

    /// One line per job, in the given order.
    public func text(_ jobs: [JobRecord], now: WallTime) -> String {
        guard !jobs.isEmpty else { return "No jobs.\n" }
        var table = Table([
            .init(heading: "ID", alignment: .right), .init(heading: "PHASE"), .init(heading: "ACTION"),
            .init(heading: "PID", alignment: .right), .init(heading: "RESTARTS", alignment: .right),
            .init(heading: "CREATED"), .init(heading: "DETAIL", isElastic: true),
        ])
        table.rows = jobs.map { job in
            [
                .init(String(job.id)),
                .init(job.phase.rawValue, job.phase.textStyle),
                .init(job.qualifiedAction),
                .init(job.runningPID.map { String($0) } ?? ""),
                .init(String(job.restartCount)),
                .init(job.createdAt.relative(to: now)),
                .init(detail(job, now)),
            ]
        }
        return table.text(style)
    }

    /// One job: its properties, its state and all its recorded starts, oldest first.
    public func text(_ job: JobRecord, starts: [StartRecord], log: String = "", now: WallTime) -> String {
        var result = style.paint("job \(job.id)", .bold) + "  \(job.qualifiedAction.printable)\n"
        for (name, value) in facts(job, now) + [("log", log)] where !value.isEmpty {
            result += "  \(name.padded(to: 10)) \(value.printable)\n"
        }
        guard !starts.isEmpty else { return result }
        var table = Table([
            .init(heading: "START", alignment: .right), .init(heading: "AT"), .init(heading: "RAN", alignment: .right),
            .init(heading: "END", isElastic: true),
        ])
        table.rows = starts.map { start in
            let end = start.endedAt ?? (start.outcome == nil ? now : nil)
            let ran = start.startedAt.flatMap { started in end.map { started.elapsed(until: $0).shortText } }
            return [
                .init(String(start.generation)),
                .init(start.startedAt?.textToSecond ?? "never executed"),
                .init(ran ?? ""),
                .init(start.outcome?.description ?? "running", start.outcome == nil ? .green : nil),
            ]
        }
        return result + table.text(style)
    }

    private func facts(_ job: JobRecord, _ now: WallTime) -> [(name: String, value: String)] {
        [
            ("phase", job.phase.rawValue + (job.phase == .running ? (job.isReady ? ", ready" : ", not ready") : "")),
            ("pid", job.runningPID.map { String($0) } ?? ""),
            ("service", job.service ?? "none: a standalone action"),
            ("action", job.action),
            ("run", job.run.map { String($0) } ?? ""),
            ("revision", String(job.revision)),
            ("attempt", String(job.attempt)),
            ("restarts", String(job.restartCount)),
            ("created", time(job.createdAt, now)),
            ("started", time(job.startedAt, now)),
            ("finished", time(job.finishedAt, now)),
            ("outcome", job.outcome?.description ?? ""),
            ("next retry", job.phase == .retrying ? time(job.nextRetryAt, now) : ""),
            ("error", job.error ?? ""),
            ("tags", job.tags.joined(separator: " ")),
        ]
    }

    private func time(_ time: WallTime?, _ now: WallTime) -> String {
        time.map { "\($0.textToSecond) (\($0.relative(to: now)))" } ?? ""
    }

    private func detail(_ job: JobRecord, _ now: WallTime) -> String {
        var parts: [String] = []
        if job.isStopping, job.phase == .running { parts.append("stopping") }
        if let error = job.error {
            parts.append(error)
        } else if let outcome = job.outcome, job.phase != .succeeded {
            parts.append(job.phase == .running ? "last outcome: \(outcome)" : outcome.description)
        }
        if job.phase == .retrying, let next = job.nextRetryAt { parts.append("next retry \(next.relative(to: now))") }
        return parts.joined(separator: "; ")
    }
}

extension JobsView {
    /// `heroproc/jobs/v1`; `service_id` and `action_id` are names without context.
    public static func json(_ jobs: [JobRecord]) -> JSONValue {
        ["schema": "heroproc/jobs/v1", "jobs": .array(jobs.map { .object(members($0)) })]
    }

    static func members(_ job: JobRecord) -> [JSONValue.Member] {
        [
            .init("id", .integer(job.id)),
            .init("context", .string(job.context)),
            .init("service_id", JSONValue(job.service)),
            .init("action_id", .string(job.action)),
            .init("run_id", JSONValue(job.run)),
            .init("revision", .integer(job.revision)),
            .init("phase", .string(job.phase.rawValue)),
            .init("attempt", JSONValue(job.attempt)),
            .init("restart_count", JSONValue(job.restartCount)),
            .init("pid", JSONValue(job.runningPID)),
            .init("exit_code", JSONValue(job.outcome?.exitCode)),
            .init("signal", JSONValue(job.outcome?.signal?.description)),
            .init("error", JSONValue(job.problem)),
            .init("tags", .array(job.tags.map(JSONValue.string))),
            .init("created_at", .string(job.createdAt.description)),
            .init("started_at", JSONValue(job.startedAt?.description)),
            .init("finished_at", JSONValue(job.finishedAt?.description)),
        ]
    }
}

extension JobRecord {
    /// `context/service.action`, or `context/action` of a standalone one.
    var qualifiedAction: String {
        service.map { "\(context)/\($0).\(action)" } ?? "\(context)/\(action)"
    }
}
