import HeroModel
import HeroPlan

extension OutputSchema {
    /// `heroproc/plan/v1` (contract section 5).
    static var planMembers: [SchemaType.Member] {
        let counted: [PlanAction] = [.start, .stop, .restart, .update, .keep, .blocked]
        return [
            plan.schemaMember(),
            .init("base_revision", .integer(least: 0), "The revision that was compared with; 0 before the first."),
            .init(
                "summary",
                .object(
                    counted.map { .init($0.rawValue, .integer(least: 0), "How many changes are `\($0.rawValue)`.") }
                ),
                "How many changes there are of each kind."
            ),
            .init("changes", .list(change), "Everything that was looked at, what is kept included."),
            .init("stop_waves", .list(names), "What stops, first wave first; members of a wave stop side by side."),
            .init("start_waves", .list(names), "What starts, first wave first."),
            .init("reclaims", .list(reclaim), "Processes that stand in the way and will be stopped."),
            .init("drift", .list(drift), "What changed by itself: a process gone, a socket unlinked, a port taken."),
            .init("diagnostics", .list(.object(diagnosticMembers)), "Mistakes and warnings, sorted by place."),
            SchemaType.Member(
                "basis",
                .object(basisMembers),
                "What it was made of, for `apply --plan`; only of `diff`."
            )
            .optional,
        ]
    }

    private static let names = SchemaType.list(.qualifiedName)

    private static var change: SchemaType {
        .object([
            .init("service", .nullable(.qualifiedName), "The service; null for a standalone action."),
            SchemaType.Member("standalone", .qualifiedName, "The standalone action.").optional,
            .init("context", .text, "Its context."),
            .init("action", .oneOf(PlanAction.allCases.map(\.rawValue)), "What is done to it."),
            .init(
                "reason",
                .object([
                    .init("code", .oneOf(Reason.Code.allCases.map(\.rawValue)), "Why, as a word."),
                    .init("text", .text, "Why, as a sentence."),
                ]),
                "Why."
            ),
            .init("cause", .nullable(.qualifiedName), "The change that drags it along."),
            .init("fields", .list(field), "What differs."),
            .init("stop_wave", .nullable(.integer(least: 0)), "Its index in `stop_waves`."),
            .init("start_wave", .nullable(.integer(least: 0)), "Its index in `start_waves`."),
            .init("blocked_by", names, "What it waits for, when it is blocked."),
        ])
    }

    private static var field: SchemaType {
        .object([
            .init("path", .text, "The field, such as `actions.server.exec`."),
            .init("before", .nullable(.text), "Its value as it was applied."),
            .init("after", .nullable(.text), "Its value as it is declared."),
            .init("cost", .oneOf(CostOfChange.allCases.map(\.description)), "What the change asks of what runs."),
            .init("at", .nullable(.text), "Where it is written, as `FILE:LINE`."),
        ])
    }

    private static var reclaim: SchemaType {
        .object([
            .init("service", .nullable(.qualifiedName), "The service that needs it; null for a standalone action."),
            SchemaType.Member("standalone", .qualifiedName, "The standalone action.").optional,
            .init("action", .text, "Its action."),
            .init("resource", .text, "What is held: `tcp 8080`, `socket PATH` or `PID file PATH`."),
            .init("pid", .integer(least: 1), "Who holds it."),
            .init("exe", .nullable(.text), "The holder's program."),
            .init("allowed_by", .oneOf(Reclaim.Permission.allCases.map(\.rawValue)), "The key that allows it."),
        ])
    }

    private static var drift: SchemaType {
        .object([
            .init("service", .qualifiedName, "The service."),
            .init("action", .text, "Its action."),
            .init("kind", .oneOf(Drift.Kind.allCases.map(\.rawValue)), "What it is, as a word."),
            .init("text", .text, "What is not as it was left."),
        ])
    }
}
