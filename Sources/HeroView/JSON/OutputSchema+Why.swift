import HeroJSON
import HeroModel

extension OutputSchema {
    /// `heroproc/why/v1`.
    static var whyMembers: [SchemaType.Member] {
        [
            why.schemaMember(),
            .init("context", .text, "The context of the service or standalone action."),
            .init("name", .text, "The service or standalone action."),
            .init(
                "wanted",
                .nullable(wantedStatus),
                "The declared status of the service; null if no manifest declares it, and for a standalone action."
            ),
            .init("at", .nullable(.text), "The location of its manifest, as `FILE:LINE`."),
            .init(
                "state",
                .nullable(state),
                "The current state of the service; null if it was never applied, and for a standalone action."
            ),
            .init("since", .nullable(.time), "The time of the last change of the state."),
            .init("answer", .text, "The reason of the state, in one sentence for people."),
            .init(
                "findings",
                .list(
                    .object([
                        .init("topic", .text, "The topic of the sentence."),
                        .init("text", .text, "The sentence, for people."),
                    ])
                ),
                "The facts behind the answer."
            ),
            .init("blocked_by", .list(.qualifiedName), "The services it waits for."),
            .init(
                "requires",
                .list(
                    .object([
                        .init("service", .qualifiedName, "The required service."),
                        .init("state", .nullable(state), "The state of that service."),
                        .init("up", .boolean, "Whether that state counts as up."),
                        .init(
                            "until",
                            .oneOf(Requirement.Milestone.allCases.map(\.rawValue)),
                            "What that service must have reached."
                        ),
                        .init("cascade", .boolean, "Whether a stop of that service stops this one."),
                    ])
                ),
                "The services it requires."
            ),
            .init(
                "service",
                .nullable(.object(serviceMembers)),
                "The service as `status -o json` shows it; null for a standalone action."
            ),
            .init("reconciler_alive", .boolean, "Whether a reconciler is running."),
            .init("revision", .nullable(.integer(minimum: 1)), "The last applied revision."),
            .init(
                "standalone",
                .nullable(.object(standaloneMembers)),
                "The standalone action as `status -o json` shows it; null for a service."
            ),
        ]
    }

    /// `heroproc/tree/v1`.
    static var treeMembers: [SchemaType.Member] {
        let relationMembers = DependencyMap.Relation.allCases.map { relation in
            SchemaType.Member(
                relation.rawValue,
                .list(.qualifiedName),
                "The declared services that its manifest names there."
            )
        }
        let head: [SchemaType.Member] = [
            .init("service", .qualifiedName, "The service."),
            .init("wanted", wantedStatus, "Its declared status."),
            .init("state", .nullable(state), "The current state; null if it was never applied."),
            .init(
                "wave",
                .nullable(.integer(minimum: 1)),
                "The number of its start wave in the whole set; null if it is not started."
            ),
        ]
        return [
            tree.schemaMember(),
            .init("services", .list(.object(head + relationMembers)), "The services by name."),
        ]
    }

    private static let wantedStatus = SchemaType.oneOf(DesiredStatus.allCases.map(\.rawValue))
}
