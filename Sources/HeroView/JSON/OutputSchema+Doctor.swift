extension OutputSchema {
    /// `heroproc/doctor/v1`.
    static var doctorMembers: [SchemaType.Member] {
        let check = SchemaType.object([
            .init("group", .oneOf(DoctorCheck.Group.allCases.map(\.rawValue)), "What it belongs to."),
            .init("code", .text, "A stable word for what was looked at (docs/reference/doctor.md)."),
            .init("mark", .oneOf(DoctorCheck.Mark.allCases.map(\.rawValue)), "How it stands."),
            .init("text", .text, "What was seen."),
            .init("meaning", .nullable(.text), "What follows from it."),
            .init("help", .nullable(.text), "What to do about it."),
        ])
        let counts = DoctorCheck.Mark.allCases.map { mark in
            SchemaType.Member(mark.rawValue, .integer(least: 0), "How many checks have the mark `\(mark.rawValue)`.")
        }
        return [
            doctor.schemaMember(),
            .init("healthy", .boolean, "Whether nothing that is needed is missing: the exit code as a word."),
            .init("summary", .object(counts), "The checks, counted."),
            .init("checks", .list(check), "What was looked at, in the order in which it is shown."),
        ]
    }
}
