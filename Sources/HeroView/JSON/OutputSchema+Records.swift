import HeroJSON
import HeroModel

extension OutputSchema {
    /// `heroproc/jobs/v1`; names are without their context.
    static var jobsMembers: [SchemaType.Member] {
        [
            jobs.schemaMember(),
            .init("jobs", .list(.object(jobMembers)), "The jobs, newest first."),
            .init("standalone", .list(upcoming), "The next runs of standalone actions; not of `jobs show`.").optional,
        ]
    }

    private static var jobMembers: [SchemaType.Member] {
        [
            .init("id", .integer(minimum: 1), "The ID; it does not change when the job restarts."),
            .init("context", .text, "Its context."),
            .init("service_id", .nullable(.text), "The service; null for a standalone action."),
            .init("action_id", .text, "The action."),
            .init("run_id", .nullable(.integer(minimum: 1)), "The run of the service."),
            .init("revision", .integer(minimum: 0), "The revision that requested it."),
            .init("phase", phase, "The current phase."),
            .init("attempt", .integer(minimum: 0), "The number of attempts since it was last stable."),
            .init("restart_count", .integer(minimum: 0), "The number of restarts of its program."),
            .init("pid", .nullable(.integer(minimum: 1)), "Its main process while it is running."),
            .init("exit_code", .nullable(.integer(minimum: 0)), "Its last exit code; null if a signal ended it."),
            .init("signal", .nullable(.text), "The signal that ended it, such as `KILL`."),
            .init("error", .nullable(.text), "The problem."),
            .init("tags", .list(.text), "Its tags."),
            .init("created_at", .time, "The time when it was recorded."),
            .init("started_at", .nullable(.time), "The time of the last start of its program."),
            .init("finished_at", .nullable(.time), "The time when it ended."),
            .init("log", .text, "The log file of its newest start; only of `jobs show`.").optional,
            .init("starts", .list(start), "Its last starts, oldest first; only of `jobs show`.").optional,
        ]
    }

    private static var start: SchemaType {
        .object([
            .init("generation", .integer(minimum: 1), "Its number within the job."),
            .init("started_at", .nullable(.time), "The time when its program was executed; null if it never was."),
            .init(
                "ended_at",
                .nullable(.time),
                "The time when it ended; null while it is running or if it is unknown."
            ),
            .init("exit_code", .nullable(.integer(minimum: 0)), "Its exit code; null if a signal ended it."),
            .init("signal", .nullable(.text), "The signal that ended it, such as `KILL`."),
            .init("outcome", .nullable(.text), "How it ended, as text; null while it is running."),
        ])
    }

    private static var upcoming: SchemaType {
        .object([
            .init("context", .text, "Its context."),
            .init("name", .text, "The action."),
            .init("job_id", .nullable(.integer(minimum: 1)), "Its newest job; null before the first."),
            .init("next_run_at", .nullable(.time), "The time when its schedule is due; null if it is not."),
            .init(
                "last_due_at",
                .nullable(.time),
                "The time when its schedule was last due; null before the first time."
            ),
            .init("owes_run", .boolean, "Whether one run is pending that starts as soon as possible."),
            .init("is_waiting", .boolean, "Whether a due run waits for the end of its newest job."),
        ])
    }

    /// `heroproc/history/v1`.
    static var historyMembers: [SchemaType.Member] {
        let revision = SchemaType.object([
            .init("revision", .integer(minimum: 1), "Its number."),
            .init("time", .time, "The time when it was applied."),
            .init("dir", .text, "The services directory it was read from."),
            .init("git_commit", .nullable(.text), "The commit of that directory."),
            .init("git", .nullable(.object(gitMembers)), "The repository it was fetched from; null without one."),
            .init("actor", .text, "The user who applied it."),
            .init("summary", .text, "What it changed."),
            .init("down", .boolean, "Whether it is a `down`."),
            .init("variables", .list(.text), "The names of its variables; values may be secrets."),
        ])
        return [history.schemaMember(), .init("revisions", .list(revision), "The revisions, newest first.")]
    }

    /// The repository of a revision.
    static var gitMembers: [SchemaType.Member] {
        [
            .init("repository", .text, "Its address."),
            .init("ref", .text, "The branch or tag that is followed."),
            .init("path", .text, "The services directory in it."),
            .init("commit", .nullable(.text), "The applied commit; null before the first."),
            .init("author", .nullable(.text), "The author of that commit."),
            .init("subject", .nullable(.text), "The first line of its message."),
            .init("signer", .nullable(.text), "Its verified signer; null without `--verify`."),
        ]
    }

    /// One line of `events -o json`.
    static var eventMembers: [SchemaType.Member] {
        [
            .init("time", .time, "When."),
            .init("level", .oneOf(EventRecord.Level.allCases.map(\.rawValue)), "The severity."),
            .init("source", .text, "The part of heroproc that reports it."),
            .init("subject", .text, "The service or action it is about; empty if it is about all of them."),
            .init("text", .text, "What happened."),
        ]
    }

    /// One line of `logs -o json`.
    static var logMembers: [SchemaType.Member] {
        [
            .init("time", .nullable(.text), "The time, in RFC 3339 with nanoseconds; null if it is unknown."),
            .init("context", .text, "The context."),
            .init("service", .nullable(.text), "The service; null for a standalone action."),
            .init("action", .text, "Its action."),
            .init("job", .integer(minimum: 1), "The id of the job that has written the line."),
            .init("stream", .nullable(.oneOf(["stdout", "stderr"])), "The stream that it was written to."),
            .init("text", .text, "The line."),
        ]
    }
}
