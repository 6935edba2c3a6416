import HeroJSON
import HeroModel

extension OutputSchema {
    /// `heroproc/validate/v1`.
    static var validateMembers: [SchemaType.Member] {
        let note = SchemaType.object([
            .init("message", .text, "The note."),
            .init("file", .text, "The file."),
            .init("line", .integer(minimum: 1), "The line, from 1."),
            .init("column", .integer(minimum: 1), "The column in characters, from 1."),
        ])
        let notes = SchemaType.Member("notes", .list(note), "Further locations that belong to the diagnostic.")
        return [
            validate.schemaMember(),
            .init("valid", .boolean, "Whether the set is valid: the exit code as a Boolean."),
            .init("diagnostics", .list(.object(diagnosticMembers + [notes])), "The diagnostics, sorted by location."),
        ]
    }

    /// One diagnostic, as it also appears in plans.
    static var diagnosticMembers: [SchemaType.Member] {
        [
            .init("severity", .oneOf(["error", "warning"]), "A set with errors is refused."),
            .init("code", .text, "The stable code of the problem (docs/reference/diagnostics.md)."),
            .init("message", .text, "The problem."),
            .init("help", .nullable(.text), "The remedy."),
            .init("file", .nullable(.text), "The file; null for a problem of the set as a whole."),
            .init("line", .nullable(.integer(minimum: 1)), "The line, from 1."),
            .init("column", .nullable(.integer(minimum: 1)), "The column in characters, from 1."),
        ]
    }

    /// `heroproc/apply/v1`.
    static var applyMembers: [SchemaType.Member] {
        let service = SchemaType.object([
            .init("context", .text, "Its context."),
            .init("name", .text, "The service."),
            .init("state", state, "The current state."),
            .init("cancelled", .integer(minimum: 0), "The number of its jobs that were cancelled."),
            .init("stopped_dependents", .list(.qualifiedName), "The services that stopped with it, dependents first."),
        ])
        return [
            apply.schemaMember(),
            .init("revision", .nullable(.integer(minimum: 1)), "The recorded revision; null if none was recorded."),
            .init("converged", .boolean, "Whether every service has reached its declared state."),
            .init("plan", .nullable(.object(planMembers)), "The plan; null if there was none."),
            .init("services", .list(service), "The services that changed."),
            .init("errors", .list(.text), "The errors."),
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

    /// The states of a service.
    static let state = SchemaType.oneOf(ServiceState.allCases.map(\.rawValue))
}
