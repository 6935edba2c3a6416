import HeroJSON

extension OutputSchema {
    /// `heroproc/doctor/v1`.
    static var doctorMembers: [SchemaType.Member] {
        let check = SchemaType.object([
            .init("group", .oneOf(DoctorCheck.Group.allCases.map(\.rawValue)), "The group of the check."),
            .init("code", .text, "The stable name of the check (docs/reference/doctor.md)."),
            .init("mark", .oneOf(DoctorCheck.Mark.allCases.map(\.rawValue)), "The result."),
            .init("text", .text, "What was found."),
            .init("meaning", .nullable(.text), "The consequence."),
            .init("help", .nullable(.text), "The remedy."),
        ])
        let counts = DoctorCheck.Mark.allCases.map { mark in
            SchemaType.Member(
                mark.rawValue,
                .integer(minimum: 0),
                "The number of checks with the mark `\(mark.rawValue)`."
            )
        }
        return [
            doctor.schemaMember(),
            .init("healthy", .boolean, "Whether no requirement is missing: the exit code as a Boolean."),
            .init("summary", .object(counts), "The number of checks by mark."),
            .init("checks", .list(check), "The checks in the order of output."),
        ]
    }
}
