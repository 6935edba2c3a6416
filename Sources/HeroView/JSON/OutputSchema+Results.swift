import HeroModel

extension OutputSchema {
    /// `heroproc/validate/v1`.
    static var validateMembers: [SchemaType.Member] {
        let note = SchemaType.object([
            .init("message", .text, "What stands there."),
            .init("file", .text, "The file."),
            .init("line", .integer(least: 1), "The line, from 1."),
            .init("column", .integer(least: 1), "The column in characters, from 1."),
        ])
        let notes = SchemaType.Member("notes", .list(note), "Further places that belong to it.")
        return [
            validate.schemaMember(),
            .init("valid", .boolean, "Whether the set is good: the exit code as a word."),
            .init("diagnostics", .list(.object(diagnosticMembers + [notes])), "What was found, sorted by place."),
        ]
    }

    /// One diagnostic, as it also stands in plans.
    static var diagnosticMembers: [SchemaType.Member] {
        [
            .init("severity", .oneOf(["error", "warning"]), "Errors refuse the set."),
            .init("code", .text, "A stable word for the kind of mistake (docs/reference/diagnostics.md)."),
            .init("message", .text, "What is wrong."),
            .init("help", .nullable(.text), "What to do about it."),
            .init("file", .nullable(.text), "The file; null when it is about the set as a whole."),
            .init("line", .nullable(.integer(least: 1)), "The line, from 1."),
            .init("column", .nullable(.integer(least: 1)), "The column in characters, from 1."),
        ]
    }

    /// `heroproc/apply/v1`.
    static var applyMembers: [SchemaType.Member] {
        let service = SchemaType.object([
            .init("context", .text, "Its context."),
            .init("name", .text, "The service."),
            .init("state", state, "Where it stands now."),
            .init("cancelled", .integer(least: 0), "How many of its jobs were ended."),
            .init("stopped_dependents", .list(.qualifiedName), "What went down with it, most dependent first."),
        ])
        return [
            apply.schemaMember(),
            .init("revision", .nullable(.integer(least: 1)), "The recorded revision; null when nothing was recorded."),
            .init("converged", .boolean, "Whether all is as declared."),
            .init("plan", .nullable(.object(planMembers)), "What was planned; null when it did not come to a plan."),
            .init("services", .list(service), "What became of the services that changed."),
            .init("errors", .list(.text), "What went wrong."),
        ]
    }

    /// `heroproc/init/v1`.
    static var initMembers: [SchemaType.Member] {
        [
            initial.schemaMember(),
            .init("dir", .text, "The services directory."),
            .init("files", .list(.text), "The files that were written."),
        ]
    }

    /// The words for where a service stands.
    static let state = SchemaType.oneOf(ServiceState.allCases.map(\.rawValue))
}
