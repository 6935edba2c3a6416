import HeroJSON

extension OutputSchema {
    /// `heroproc/import/v1` and `heroproc/export/v1`.
    static func conversionMembers(of schema: OutputSchema) -> [SchemaType.Member] {
        let item = SchemaType.object([
            .init("file", .text, "The file of the source."),
            .init("line", .integer(minimum: 1), "The line, from 1."),
            .init("key", .text, "The key as the source writes it."),
            .init("class", .oneOf(["equivalent", "approximated", "lost", "dangerous"]), "The class of the code."),
            .init("code", .text, "A stable code of the kind."),
            .init("text", .text, "What was written, and what behaves differently."),
        ])
        let name = SchemaType.object([
            .init("from", .text, "The name in the source."),
            .init("to", .text, "The name in the manifests."),
        ])
        let file = SchemaType.object([
            .init("name", .text, "The name of the file."),
            .init("text", .text, "Its content."),
        ])
        return [
            schema.schemaMember(),
            .init("refused", .boolean, "Whether nothing was written, because a dangerous code is not accepted."),
            .init("exact", .integer(minimum: 0), "The number of keys with the same meaning."),
            .init("items", .list(item), "All other keys, in the order of the source."),
            .init("renamed", .list(name), "Changed names."),
            .init("files", .list(file), "The written files; empty if the import is refused."),
        ]
    }
}
