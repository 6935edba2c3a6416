extension OutputSchema {
    /// `heroproc/doctor/v1`.
    static var doctorMembers: [Shape.Member] {
        let check = Shape.object([
            .init("group", .words(Finding.Group.allCases.map(\.rawValue)), "What it belongs to."),
            .init("code", .text, "A stable word for what was looked at (docs/reference/doctor.md)."),
            .init("mark", .words(Finding.Mark.allCases.map(\.rawValue)), "How it stands."),
            .init("text", .text, "What was seen."),
            .init("meaning", .nullable(.text), "What follows from it."),
            .init("help", .nullable(.text), "What to do about it."),
        ])
        let counts = Finding.Mark.allCases.map { mark in
            Shape.Member(mark.rawValue, .integer(least: 0), "How many checks have the mark `\(mark.rawValue)`.")
        }
        return [
            doctor.mark(),
            .init("healthy", .flag, "Whether nothing that is needed is missing: the exit code as a word."),
            .init("summary", .object(counts), "The checks, counted."),
            .init("checks", .list(check), "What was looked at, in the order in which it is shown."),
        ]
    }
}
