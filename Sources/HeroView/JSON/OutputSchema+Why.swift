import HeroModel

extension OutputSchema {
    /// What a plan was made of: the member `basis` of `diff -o json`.
    static var basisMembers: [SchemaType.Member] {
        [
            .init("against", .text, "What it compares with, as `--against` has it; only `runtime` can be applied."),
            .init("directory", .text, "The absolute services directory."),
            .init("revision", .nullable(.integer(least: 1)), "The recorded revision it goes back to."),
            .init("meaning", .text, "A digest of what the files mean, with every variable filled in."),
            .init(
                "files",
                .list(
                    .object([
                        .init("path", .text, "The file, relative to the directory."),
                        .init("digest", .text, "Of its bytes: FNV-1a with 128 bits."),
                    ])
                ),
                "The manifest files."
            ),
            .init(
                "options",
                .object([
                    .init("only", .list(.qualifiedName), "What it is narrowed to; empty: all."),
                    .init("prune", .boolean, "False with `--no-prune`."),
                    .init("kill", .boolean, "False with `--no-kill`."),
                    .init("allow_protected", .boolean, "Whether protected services may be touched."),
                    .init("allow_disruption", .boolean, "Whether `max_disruption` may be exceeded."),
                ]),
                "What was asked of the planner."
            ),
        ]
    }

    /// `heroproc/why/v1`.
    static var whyMembers: [SchemaType.Member] {
        [
            why.schemaMember(),
            .init("context", .text, "The context of the service."),
            .init("name", .text, "The service."),
            .init("wanted", .nullable(wantedStatus), "What its manifest wants; null when none declares it."),
            .init("at", .nullable(.text), "Where it is declared, as `FILE:LINE`."),
            .init("state", .nullable(state), "Where it stands; null when it was never applied."),
            .init("since", .nullable(.time), "Since when."),
            .init("answer", .text, "Why, in one sentence for people."),
            .init(
                "findings",
                .list(
                    .object([
                        .init("topic", .text, "What the sentence is about, in a word."),
                        .init("text", .text, "The sentence, for people."),
                    ])
                ),
                "What the answer rests on."
            ),
            .init("blocked_by", .list(.qualifiedName), "What it waits for."),
            .init(
                "requires",
                .list(
                    .object([
                        .init("service", .qualifiedName, "What it requires."),
                        .init("state", .nullable(state), "Where that stands."),
                        .init("up", .boolean, "Whether that counts as up."),
                    ])
                ),
                "What it requires."
            ),
            .init("service", .nullable(.object(serviceMembers)), "The service as `status -o json` shows it."),
            .init("reconciler_alive", .boolean, "Whether anybody supervises."),
            .init("revision", .nullable(.integer(least: 1)), "The last applied revision."),
        ]
    }

    /// `heroproc/tree/v1`.
    static var treeMembers: [SchemaType.Member] {
        let bonds = DependencyMap.Relation.allCases.map { bond in
            SchemaType.Member(
                bond.rawValue,
                .list(.qualifiedName),
                "What its manifest names there, as far as it is declared."
            )
        }
        let head: [SchemaType.Member] = [
            .init("service", .qualifiedName, "The service."),
            .init("wanted", wantedStatus, "What its manifest wants."),
            .init("state", .nullable(state), "Where it stands; null when it was never applied."),
            .init(
                "wave",
                .nullable(.integer(least: 1)),
                "Its start wave in the whole set; null when it is not started."
            ),
        ]
        return [
            tree.schemaMember(),
            .init("services", .list(.object(head + bonds)), "The services by name."),
        ]
    }

    private static let wantedStatus = SchemaType.oneOf(DesiredStatus.allCases.map(\.rawValue))
}
