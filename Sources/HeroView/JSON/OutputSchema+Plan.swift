import HeroJSON
import HeroModel
import HeroPlan

extension OutputSchema {
    /// `heroproc/plan/v1` (contract section 5).
    static var planMembers: [SchemaType.Member] {
        let counted: [PlanAction] = [.start, .stop, .restart, .update, .reload, .keep, .blocked]
        return [
            plan.schemaMember(),
            .init("base_revision", .integer(minimum: 0), "The revision that the plan starts from; 0 before the first."),
            .init(
                "summary",
                .object(
                    counted.map {
                        .init($0.rawValue, .integer(minimum: 0), "The number of changes with action `\($0.rawValue)`.")
                    } + [.init("deferred", .integer(minimum: 0), "The number of deferred changes, of any action.")]
                ),
                "The number of changes by action; a deferred change counts only in `deferred`."
            ),
            .init("changes", .list(change), "Everything that was examined, kept services included."),
            .init(
                "stop_waves",
                .list(names),
                "The services that stop, first wave first; a wave stops at the same time."
            ),
            .init("start_waves", .list(names), "The services that start, first wave first."),
            .init("reclaims", .list(reclaim), "Processes that will be stopped because they hold a resource."),
            .init(
                "drift",
                .list(drift),
                "Differences between the machine and the records: a process gone, a port taken."
            ),
            .init("diagnostics", .list(.object(diagnosticMembers)), "Errors and warnings, sorted by location."),
            SchemaType.Member(
                "basis",
                .object(basisMembers),
                "The input of the plan, for `apply --plan`; only of `diff`."
            )
            .optional,
        ]
    }

    /// The input of a plan: the member `basis` of `diff -o json`.
    private static var basisMembers: [SchemaType.Member] {
        [
            .init("against", .text, "The value of `--against`; only `runtime` can be applied."),
            .init("directory", .text, "The absolute services directory."),
            .init("revision", .nullable(.integer(minimum: 1)), "The recorded revision that it returns to."),
            .init("meaning", .text, "A digest of the parsed manifests, with all variables filled in."),
            .init(
                "files",
                .list(
                    .object([
                        .init("path", .text, "The file, relative to the directory."),
                        .init("digest", .text, "The digest of its bytes: FNV-1a with 128 bits."),
                    ])
                ),
                "The manifest files."
            ),
            .init(
                "options",
                .object([
                    .init("only", .list(.qualifiedName), "The names that it is narrowed to; empty for all."),
                    .init("prune", .boolean, "False with `--no-prune`."),
                    .init("kill", .boolean, "False with `--no-kill`."),
                    .init("allow_protected", .boolean, "Whether protected services may be stopped."),
                    .init("allow_disruption", .boolean, "Whether `max_disruption` may be exceeded."),
                    .init("allow_broken", .boolean, "Whether services may be stopped that could not start again."),
                ]),
                "The options of the planner."
            ),
        ]
    }

    private static let names = SchemaType.list(.qualifiedName)

    private static var change: SchemaType {
        .object([
            .init("service", .nullable(.qualifiedName), "The service; null for a standalone action."),
            SchemaType.Member("standalone", .qualifiedName, "The standalone action.").optional,
            .init("context", .text, "Its context."),
            .init("action", .oneOf(PlanAction.allCases.map(\.rawValue)), "What happens to it."),
            .init(
                "reason",
                .object([
                    .init("code", .oneOf(Reason.Code.allCases.map(\.rawValue)), "The reason code."),
                    .init("text", .text, "The reason as a sentence."),
                ]),
                "Why it happens."
            ),
            .init("cause", .nullable(.qualifiedName), "The change that causes this one by cascade."),
            .init("fields", .list(field), "The fields that differ."),
            .init("stop_wave", .nullable(.integer(minimum: 0)), "Its index in `stop_waves`."),
            .init("start_wave", .nullable(.integer(minimum: 0)), "Its index in `start_waves`."),
            .init("blocked_by", names, "The services it waits for when it is blocked."),
            .init("deferred", .nullable(.object(deferralMembers)), "Why it is not made now; null if it is."),
        ])
    }

    /// Why a change is not made now; also used by `status`.
    static let deferralMembers: [SchemaType.Member] = [
        .init("by", .oneOf(Deferral.Cause.allCases.map(\.rawValue)), "What defers it."),
        .init("until", .time, "When it may be made."),
        .init("reason", .text, "The reason, for people."),
    ]

    private static var field: SchemaType {
        .object([
            .init("path", .text, "The field, such as `actions.server.exec`."),
            .init("before", .nullable(.text), "The applied value."),
            .init("after", .nullable(.text), "The declared value."),
            .init(
                "cost",
                .oneOf(CostOfChange.allCases.map(\.jsonName)),
                "The effect of the change on a running service."
            ),
            .init("at", .nullable(.text), "The location in the manifest, as `FILE:LINE`."),
        ])
    }

    private static var reclaim: SchemaType {
        .object([
            .init("service", .nullable(.qualifiedName), "The service that needs it; null for a standalone action."),
            SchemaType.Member("standalone", .qualifiedName, "The standalone action.").optional,
            .init("action", .text, "Its action."),
            .init("resource", .text, "The held resource: `tcp 8080`, `socket PATH` or `PID file PATH`."),
            .init("pid", .integer(minimum: 1), "The process that holds it."),
            .init("exe", .nullable(.text), "The program of this process."),
            .init("uid", .nullable(.integer(minimum: 0)), "The user of this process; null if it is unknown."),
            .init(
                "allowed_by",
                .oneOf(Reclaim.Permission.allCases.map(\.rawValue)),
                "The manifest key that allows it."
            ),
        ])
    }

    private static var drift: SchemaType {
        .object([
            .init("service", .qualifiedName, "The service."),
            .init("action", .text, "Its action."),
            .init("kind", .oneOf(Drift.Kind.allCases.map(\.rawValue)), "The kind of drift."),
            .init("text", .text, "The drift as a sentence."),
        ])
    }
}
