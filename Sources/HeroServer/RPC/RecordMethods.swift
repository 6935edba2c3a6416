import HeroJSON
import HeroModel
import HeroStore
import HeroView

/// The methods that read jobs, runs, revisions, events and logs.
enum RecordMethods {
    private static let limit = RPCParameter("limit", .integer(1...10_000), "The largest number of results.")

    static var all: [RPCMethod] { jobs + runs + revisions + [events, logs] }

    private static var jobs: [RPCMethod] {
        [
            RPCMethod(
                name: "job.list",
                summary: "List jobs, newest first, as `heroproc jobs -o json`.",
                parameters: [
                    RPCParameter("service_id", .name, "Only jobs of this service."),
                    RPCParameter("action_id", .plainName, "Only jobs of this action."),
                    RPCParameter("tag", .text, "Only jobs with this tag."),
                    RPCParameter("phase", .oneOf(JobPhase.allCases.map(\.rawValue)), "Only jobs in this phase."),
                    limit,
                    RPCParameter("before", .integer(1...Int64.max), "Only jobs with a lower number (the next page)."),
                ],
                result: ResultSchema.document(.jobs),
                example: ["service_id": "web", "limit": 10],
                body: listJobs
            ),
            RPCMethod(
                name: "job.get",
                summary: "Show one job with its last starts, as `heroproc jobs show ID -o json`.",
                parameters: [RPCParameter("id", .integer(1...Int64.max), "Its number.").required],
                result: ResultSchema.document(.jobs),
                example: ["id": 1]
            ) { arguments, data throws(RPCError) in
                try data.program.read(["jobs", "show", String(arguments.integer("id") ?? 0)])
            },
        ]
    }

    @Sendable
    private static func listJobs(_ arguments: RPCArguments, _ data: ServerData) throws(RPCError) -> JSONValue {
        var options: [String] = []
        if let service = arguments.name("service_id") { options.append("--service=\(service)") }
        if let action = arguments.text("action_id") { options.append("--action=\(action)") }
        if let tag = arguments.text("tag") { options.append("--tag=\(tag)") }
        if let phase = arguments.text("phase") { options.append("--phase=\(phase)") }
        let limit = arguments.integer("limit") ?? 100
        let before = arguments.integer("before")
        // The command has no pages, so all jobs are read before the last page.
        if before == nil { options.append("--limit=\(limit)") }
        let document = try data.program.read(["jobs"] + options)
        guard let before, case .object(let members) = document else { return document }
        let page = document.items("jobs").filter { ($0.integer(of: "id") ?? 0) < before }.prefix(Int(limit))
        return .object(members.map { $0.key == "jobs" ? .init("jobs", .array(Array(page))) : $0 })
    }

    private static var runs: [RPCMethod] {
        [
            RPCMethod(
                name: "run.list",
                summary: "List the runs of a service, newest first.",
                parameters: [RPCParameter("service_id", .name, "The service.").required, limit],
                result: ResultSchema.list("runs", "The runs.", of: .object(ResultSchema.run.members)),
                example: ["service_id": "web"]
            ) { arguments, data throws(RPCError) in
                guard let service = arguments.name("service_id") else { return .null }
                let runs = try data.readRows { try $0.runs(of: service) } ?? []
                if runs.isEmpty { _ = try data.service(service) }
                let limit = Int(arguments.integer("limit") ?? 100)
                return ["runs": .array(runs.prefix(limit).map(json))]
            },
            RPCMethod(
                name: "run.get",
                summary: "Show one run of a service.",
                parameters: [RPCParameter("id", .integer(1...Int64.max), "Its number.").required],
                result: .object(ResultSchema.run.members),
                example: ["id": 1]
            ) { arguments, data throws(RPCError) in
                let id = arguments.integer("id") ?? 0
                let run = try data.readRows { reader -> RunRecord? in
                    guard let job = try reader.jobs(JobFilter(run: id, limit: 1)).first, let service = job.service
                    else {
                        return nil
                    }
                    return try reader.runs(of: QualifiedName(service, context: job.context)).first { $0.id == id }
                }
                guard let run = run ?? nil else { throw RPCError.notFound("there is no run \(id)") }
                return json(run)
            },
        ]
    }

    private static func json(_ run: RunRecord) -> JSONValue {
        [
            "id": .integer(run.id), "context": .string(run.service.context), "service_id": .string(run.service.name),
            "revision": .integer(run.revision), "started_at": .string(run.startedAt.description),
            "ended_at": JSONValue(run.endedAt?.description),
        ]
    }

    private static var revisions: [RPCMethod] {
        [
            RPCMethod(
                name: "revision.list",
                summary: "List the applied revisions, newest first, as `heroproc history -o json`.",
                parameters: [limit],
                result: ResultSchema.document(.history),
                example: ["limit": 10]
            ) { arguments, data throws(RPCError) in
                let limit = Int(arguments.integer("limit") ?? 20)
                return HistoryView.json(try data.readRows { try $0.revisions(limit: limit) } ?? [])
            },
            RPCMethod(
                name: "revision.get",
                summary: "Show one applied revision.",
                parameters: [RPCParameter("revision", .integer(1...Int64.max), "Its number.").required],
                result: ResultSchema.document(.history),
                example: ["revision": 1]
            ) { arguments, data throws(RPCError) in
                let number = arguments.integer("revision") ?? 0
                let revision = try data.readRows { try $0.revision(number: number) }
                guard let revision = revision ?? nil else { throw RPCError.notFound("there is no revision \(number)") }
                return HistoryView.json([revision])
            },
        ]
    }

    private static var events: RPCMethod {
        RPCMethod(
            name: "event.list",
            summary: "List recorded events, oldest first, as `heroproc events -o json`.",
            parameters: [
                limit, RPCParameter("after", .integer(0...Int64.max), "Only events after the one with this number."),
            ],
            result: ResultSchema.list("events", "The events.", of: eventSchema),
            example: ["limit": 10]
        ) { arguments, data throws(RPCError) in
            let limit = Int(arguments.integer("limit") ?? 100)
            let filter = EventFilter(after: arguments.integer("after"), limit: limit)
            let events = try data.readRows { try $0.numberedEvents(filter) } ?? []
            return ["events": .array(events.map(json))]
        }
    }

    /// An event with its number, which `after` and streams take.
    static func json(_ event: NumberedEvent) -> JSONValue {
        EventsView.json(event.event).adding([.init("id", .integer(event.id))])
    }

    private static var eventSchema: JSONValue {
        let number: JSONValue = ["description": "Its number.", "type": "integer", "minimum": 1]
        guard case .object(let members) = ResultSchema.document(.events) else { return .null }
        return .object(
            members.map { member in
                member.key == "properties" ? .init("properties", member.value.adding([.init("id", number)])) : member
            }
        )
    }

    private static var logs: RPCMethod {
        RPCMethod(
            name: "log.query",
            summary: "Show the last lines that a service has written, as `heroproc logs NAME -o json`.",
            parameters: [
                RPCParameter("name", .name, "The service or standalone action.").required,
                RPCParameter("action", .plainName, "Only this action of the service."),
                RPCParameter("lines", .integer(1...10_000), "The number of lines; 100 without it."),
                RPCParameter("since_ms", .integer(1...Int64.max), "Only lines that are not older, in milliseconds."),
                RPCParameter("previous", .boolean, "Show the start before the last one."),
            ],
            result: ResultSchema.list("lines", "The lines.", of: ResultSchema.document(.logs)),
            example: ["name": "web", "lines": 10]
        ) { arguments, data throws(RPCError) in
            let name = try ServiceMethods.requiredName(arguments)
            var options = [name.description + (arguments.text("action").map { ".\($0)" } ?? "")]
            options.append("--lines=\(arguments.integer("lines") ?? 100)")
            if let since = arguments.integer("since_ms") { options.append("--since=\(since)ms") }
            if arguments.flag("previous") { options.append("--previous") }
            return ["lines": .array(try readLines(options, data))]
        }
    }

    private static func readLines(_ options: [String], _ data: ServerData) throws(RPCError) -> [JSONValue] {
        let output = try data.program.output(["logs"] + options)
        guard output.exitCode == 0 else {
            if output.message.hasPrefix("there is no ") { throw RPCError.notFound(output.message) }
            throw RPCError(.refused, output.message)
        }
        return output.bytes.split(separator: 10).compactMap { try? JSONReader.read(Array($0)) }
    }
}
