import HeroModel

extension OutputSchema {
    /// `heroproc/status/v1`; names stand without their context.
    static var statusMembers: [SchemaType.Member] {
        let reconciler = SchemaType.object([
            .init("alive", .boolean, "Whether one lives."),
            .init("pid", .nullable(.integer(least: 1)), "Its process."),
            .init("mode", .nullable(.text), "How it works, in one word."),
            .init("dir", .nullable(.text), "The services directory that it follows."),
            .init("safe_mode", .nullable(.text), "Why it takes in nothing new, for people; null while it does."),
        ])
        let database = SchemaType.object([
            .init("writable", .boolean, "False while the live reconciler cannot write; true where none lives."),
            .init("trouble", .nullable(.text), "Why it cannot, for people."),
        ])
        return [
            status.schemaMember(),
            .init("revision", .integer(least: 0), "The last applied revision; 0 before the first."),
            .init("reconciler", reconciler, "Who supervises."),
            .init("services", .list(.object(serviceMembers)), "The services."),
            .init("standalone", .list(.object(standaloneMembers)), "The standalone actions."),
            .init("database", database, "Whether what happens can be recorded."),
        ]
    }

    /// One service; also of `why`.
    static var serviceMembers: [SchemaType.Member] {
        [
            .init("context", .text, "Its context."),
            .init("name", .text, "The service."),
            .init("class", .oneOf(ServiceClass.allCases.map(\.rawValue)), "Whether `down` stops it."),
            .init(
                "wanted",
                .nullable(.oneOf(DesiredStatus.allCases.map(\.rawValue))),
                "Its declared status; null when nothing declares it any more."
            ),
            .init("state", state, "Where it stands."),
            .init("since", .nullable(.time), "Since when; null when it was never touched."),
            .init("run_id", .nullable(.integer(least: 1)), "Its current or last run."),
            .init("blocked_by", .list(.qualifiedName), "What it waits for."),
            .init("actions", .list(.object(actionMembers)), "Its actions in their order of starting."),
        ]
    }

    private static var actionMembers: [SchemaType.Member] {
        [
            .init("name", .text, "The action."),
            .init("job_id", .nullable(.integer(least: 1)), "Its job; null when it never had one."),
            .init("phase", .nullable(phase), "Where the job stands."),
            .init("pid", .nullable(.integer(least: 1)), "Its main program, while there is one."),
            .init("ready", .boolean, "Whether it is ready."),
            .init("healthy", .nullable(.boolean), "What `health` last said; null without one."),
            .init("attempt", .integer(least: 0), "Tries since it was last stable."),
            .init("restart_count", .integer(least: 0), "How often its program was started again."),
            .init("exit_code", .nullable(.integer(least: 0)), "How it last ended; null when a signal ended it."),
            .init("next_retry_at", .nullable(.time), "When it is tried again."),
            .init(
                "containment",
                .nullable(.oneOf(ContainmentSupport.Method.allCases.map(\.rawValue))),
                "What holds its process tree together; null while nothing runs, or where nobody can tell."
            ),
            .init("reloading", .boolean, "Whether it says that it reloads (`notify`)."),
            .init("status_text", .nullable(.text), "Its own words (`STATUS` of `notify`); null when it says nothing."),
        ]
    }

    /// A standalone action is one with its own name and its own times; members that say nothing may be missing.
    private static var standaloneMembers: [SchemaType.Member] {
        let rest = actionMembers.filter { !["name", "job_id", "phase"].contains($0.key) }
        return [
            .init("context", .text, "Its context."),
            .init("name", .text, "The action."),
            .init("job_id", .nullable(.integer(least: 1)), "Its newest job; null before the first."),
            .init("phase", .nullable(phase), "Where that job stands."),
            .init("next_run_at", .nullable(.time), "When its schedule comes due; null if it does not."),
        ] + rest.map(\.optional) + [
            .init("paused", .boolean, "Whether a `down` lets its schedule rest until the next apply.")
        ]
    }

    /// `heroproc/jobs/v1`; names stand without their context.
    static var jobsMembers: [SchemaType.Member] {
        [
            jobs.schemaMember(),
            .init("jobs", .list(.object(jobMembers)), "The jobs, newest first."),
            .init("standalone", .list(upcoming), "When standalone actions run next; not of `jobs show`.").optional,
        ]
    }

    private static var jobMembers: [SchemaType.Member] {
        [
            .init("id", .integer(least: 1), "It never changes while the job restarts."),
            .init("context", .text, "Its context."),
            .init("service_id", .nullable(.text), "The service; null for a standalone action."),
            .init("action_id", .text, "The action."),
            .init("run_id", .nullable(.integer(least: 1)), "The run of the service."),
            .init("revision", .integer(least: 0), "The revision that asked for it."),
            .init("phase", phase, "Where it stands."),
            .init("attempt", .integer(least: 0), "Tries since it was last stable."),
            .init("restart_count", .integer(least: 0), "How often its program was started again."),
            .init("pid", .nullable(.integer(least: 1)), "Its main program, while it runs."),
            .init("exit_code", .nullable(.integer(least: 0)), "How it last ended; null when a signal ended it."),
            .init("signal", .nullable(.text), "The signal that ended it, such as `KILL`."),
            .init("error", .nullable(.text), "What went wrong."),
            .init("tags", .list(.text), "Its tags."),
            .init("created_at", .time, "When it was recorded."),
            .init("started_at", .nullable(.time), "When its program was last started."),
            .init("finished_at", .nullable(.time), "When it was over."),
            .init("log", .text, "The file of its newest start's output; of `jobs show`.").optional,
            .init("starts", .list(start), "Its last starts, the first one first; of `jobs show`.").optional,
        ]
    }

    private static var start: SchemaType {
        .object([
            .init("generation", .integer(least: 1), "Its number within the job."),
            .init("started_at", .nullable(.time), "When its program was executed; null when it never was."),
            .init("ended_at", .nullable(.time), "When it ended; null while it goes on, and where nobody knows."),
            .init("exit_code", .nullable(.integer(least: 0)), "Its exit status; null when a signal ended it."),
            .init("signal", .nullable(.text), "The signal that ended it, such as `KILL`."),
            .init("outcome", .nullable(.text), "How it ended, in words; null while it goes on."),
        ])
    }

    private static var upcoming: SchemaType {
        .object([
            .init("context", .text, "Its context."),
            .init("name", .text, "The action."),
            .init("job_id", .nullable(.integer(least: 1)), "Its newest job; null before the first."),
            .init("next_run_at", .nullable(.time), "When its schedule comes due; null if it does not."),
            .init("last_due_at", .nullable(.time), "When its schedule last came due; null before the first time."),
            .init("owes_run", .boolean, "Whether it is to run once as soon as it can."),
            .init("is_waiting", .boolean, "Whether a run that is due waits for the end of its newest job."),
        ])
    }

    /// `heroproc/history/v1`.
    static var historyMembers: [SchemaType.Member] {
        let revision = SchemaType.object([
            .init("revision", .integer(least: 1), "Its number."),
            .init("time", .time, "When it was applied."),
            .init("dir", .text, "The services directory it was read from."),
            .init("git_commit", .nullable(.text), "The commit of that directory."),
            .init("actor", .text, "Who applied it."),
            .init("summary", .text, "What it changed."),
            .init("down", .boolean, "Whether it is a `down`."),
            .init("variables", .list(.text), "The names of the variables it was given; values may be secrets."),
        ])
        return [history.schemaMember(), .init("revisions", .list(revision), "The revisions, newest first.")]
    }

    /// One line of `events -o json`.
    static var eventMembers: [SchemaType.Member] {
        [
            .init("time", .time, "When."),
            .init("level", .oneOf(EventRecord.Level.allCases.map(\.rawValue)), "How much it matters."),
            .init("source", .text, "Which part of heroproc says it."),
            .init("subject", .text, "What it is about; empty when it is about all."),
            .init("text", .text, "What happened."),
        ]
    }

    /// One line of `logs -o json`.
    static var logMembers: [SchemaType.Member] {
        [
            .init("time", .nullable(.text), "When, in RFC 3339 with nanoseconds; null when it is not known."),
            .init("context", .text, "The context."),
            .init("service", .nullable(.text), "The service; null for a standalone action."),
            .init("action", .text, "Its action."),
            .init("stream", .nullable(.oneOf(["stdout", "stderr"])), "Where it was written to."),
            .init("text", .text, "The line."),
        ]
    }

    private static let phase = SchemaType.oneOf(JobPhase.allCases.map(\.rawValue))
}
