import HeroJSON

extension OutputSchema {
    /// `heroproc/stats/v1`.
    static var statsMembers: [SchemaType.Member] {
        let owner = SchemaType.object(
            [.init("context", .text, "Its context."), .init("name", .text, "Its name.")] + usageMembers + [
                .init("processes", .nullable(.integer(minimum: 0)), "The number of its processes; null if unknown.")
            ]
        )
        return [
            stats.schemaMember(),
            .init("services", .list(owner), "The services."),
            .init("standalone", .list(owner), "The standalone actions."),
        ]
    }

    /// `heroproc/processes/v1`.
    static var processesMembers: [SchemaType.Member] {
        let process = SchemaType.object(
            [
                .init("context", .text, "The context of its service."),
                .init("service", .nullable(.text), "Its service; null for a standalone action."),
                .init("action", .text, "Its action."),
                .init("job_id", .nullable(.integer(minimum: 1)), "Its job."),
                .init("pid", .integer(minimum: 1), "Its number."),
                .init("parent", .integer(minimum: 0), "The number of its parent."),
                .init("command", .text, "The name of its program, without arguments, which may be secrets."),
                .init("started_at", .time, "When it was started."),
            ] + usageMembers
        )
        return [
            processes.schemaMember(),
            .init("processes", .list(process), "The processes, each after its parent."),
        ]
    }

    /// The resources of one process, or of many.
    private static var usageMembers: [SchemaType.Member] {
        [
            .init(
                "cpu_microseconds",
                .nullable(.integer(minimum: 0)),
                "The processor time since its start, with that of ended children; null if it is unknown."
            ),
            .init("memory_bytes", .nullable(.integer(minimum: 0)), "The share of memory (PSS); null if it is unknown."),
            .init("threads", .nullable(.integer(minimum: 0)), "The number of threads; null if it is unknown."),
            .init("descriptors", .nullable(.integer(minimum: 0)), "The open descriptors; null if they are unknown."),
        ]
    }
}
