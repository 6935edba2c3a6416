import HeroJSON
import HeroModel

extension OutputSchema {
    /// `heroproc/status/v1`; names are without their context.
    static var statusMembers: [SchemaType.Member] {
        let reconciler = SchemaType.object([
            .init("alive", .boolean, "Whether one is running."),
            .init("pid", .nullable(.integer(minimum: 1)), "Its process."),
            .init("mode", .nullable(.text), "Its mode of operation, in one word."),
            .init("dir", .nullable(.text), "The services directory that it applies."),
            .init("safe_mode", .nullable(.text), "Why it applies no changes, for people; null while it does."),
        ])
        let database = SchemaType.object([
            .init("writable", .boolean, "False while the reconciler cannot write; true if none is running."),
            .init("trouble", .nullable(.text), "Why it cannot, for people."),
            .init("warning", .nullable(.text), "Why its write-ahead log grows, for people; null below 64 MiB."),
        ])
        let refused = SchemaType.object([
            .init("since", .nullable(.time), "When it was refused first."),
            .init("text", .text, "Why, and the first errors, one per line, for people."),
        ])
        return [
            status.schemaMember(),
            .init("revision", .integer(minimum: 0), "The last applied revision; 0 before the first."),
            .init("reconciler", reconciler, "The running reconciler."),
            .init("services", .list(.object(serviceMembers)), "The services."),
            .init("standalone", .list(.object(standaloneMembers)), "The standalone actions."),
            .init("database", database, "Whether changes can be recorded."),
            .init("refused", .nullable(refused), "The last change of the services directory, if it was refused."),
            .init("git", .nullable(.object(repositoryMembers)), "The git repository that is followed; null without."),
        ]
    }

    private static var repositoryMembers: [SchemaType.Member] {
        let refused = SchemaType.object([
            .init("commit", .text, "The commit."), .init("reason", .text, "Why, for people."),
        ])
        return gitMembers + [
            .init("seen_commit", .nullable(.text), "The newest commit that was fetched; null before the first."),
            .init("behind", .nullable(.integer(minimum: 0)), "How many commits the applied one is behind it."),
            .init("fetched_at", .nullable(.time), "The time of the last successful fetch."),
            .init("error", .nullable(.text), "Why the last fetch failed, for people; null if it did not."),
            .init("refused", .nullable(refused), "The newest commit, if it was refused."),
        ]
    }

    /// One service; also used by `why`.
    static var serviceMembers: [SchemaType.Member] {
        [
            .init("context", .text, "Its context."),
            .init("name", .text, "The service."),
            .init("class", .oneOf(ServiceClass.allCases.map(\.rawValue)), "Whether `down` stops it."),
            .init(
                "wanted",
                .nullable(.oneOf(DesiredStatus.allCases.map(\.rawValue))),
                "Its declared status; null if no manifest declares it any more."
            ),
            .init("state", state, "The current state."),
            .init("since", .nullable(.time), "The time of the last change of the state; null if it was never applied."),
            .init("run_id", .nullable(.integer(minimum: 1)), "Its current or last run."),
            .init("blocked_by", .list(.qualifiedName), "The services it waits for."),
            .init(
                "deferred",
                .nullable(.object([.init("action", .text, "The action of the change.")] + deferralMembers)),
                "Its change that is not made now; null without one."
            ),
            .init("actions", .list(.object(actionMembers)), "Its actions in the order of their starts."),
        ]
    }

    private static var actionMembers: [SchemaType.Member] {
        [
            .init("name", .text, "The action."),
            .init("job_id", .nullable(.integer(minimum: 1)), "Its job; null if it never had one."),
            .init("phase", .nullable(phase), "The phase of the job."),
            .init("pid", .nullable(.integer(minimum: 1)), "Its main process while it is running."),
            .init("ready", .boolean, "Whether it is ready."),
            .init("healthy", .nullable(.boolean), "The last result of `health`; null without one."),
            .init("attempt", .integer(minimum: 0), "The number of attempts since it was last stable."),
            .init("restart_count", .integer(minimum: 0), "The number of restarts of its program."),
            .init("exit_code", .nullable(.integer(minimum: 0)), "Its last exit code; null if a signal ended it."),
            .init("next_retry_at", .nullable(.time), "The time of the next retry."),
            .init(
                "containment",
                .nullable(.oneOf(ContainmentSupport.Method.allCases.map(\.rawValue))),
                "What contains its process tree; null while nothing is running or if it is unknown."
            ),
            .init("reloading", .boolean, "Whether it has notified that it is reloading (`notify`)."),
            .init("reload_failed", .nullable(.text), "Why its last reload has failed; null if none has failed."),
            .init("status_text", .nullable(.text), "Its last `STATUS` notification (`notify`); null if there is none."),
        ]
    }

    /// A standalone action: an action with its own name and schedule; members without a value may be missing.
    static var standaloneMembers: [SchemaType.Member] {
        let rest = actionMembers.filter { !["name", "job_id", "phase"].contains($0.key) }
        return [
            .init("context", .text, "Its context."),
            .init("name", .text, "The action."),
            .init("job_id", .nullable(.integer(minimum: 1)), "Its newest job; null before the first."),
            .init("phase", .nullable(phase), "The phase of that job."),
            .init("next_run_at", .nullable(.time), "The time when its schedule is due; null if it is not."),
        ] + rest.map(\.optional) + [
            .init("paused", .boolean, "Whether `down` paused its schedule until the next apply.")
        ]
    }

    /// The phases of a job.
    static let phase = SchemaType.oneOf(JobPhase.allCases.map(\.rawValue))
}
