import HeroJSON
import HeroModel
import HeroView

/// The methods that read services and actions.
enum ServiceMethods {
    private static let name = RPCParameter("name", .name, "The service: NAME (of core) or CONTEXT/NAME.").required
    private static let example: JSONValue = ["name": "web"]

    static var all: [RPCMethod] { states + explanations + actions + usage }

    private static var states: [RPCMethod] {
        [
            RPCMethod(
                name: "service.list",
                summary: "List the names of all services.",
                parameters: [],
                result: ResultSchema.object([.init("services", .list(.qualifiedName), "The names.")])
            ) { _, data throws(RPCError) in
                ["services": .array(try data.services().map { .string($0.qualifiedName) })]
            },
            RPCMethod(
                name: "service.list_full",
                summary: "List all services with their state.",
                parameters: [],
                result: ResultSchema.list("services", "The services.", of: ResultSchema.service)
            ) { _, data throws(RPCError) in ["services": .array(try data.services())] },
            RPCMethod(
                name: "service.get",
                summary: "Show the state of one service.",
                parameters: [name],
                result: ResultSchema.service,
                example: example
            ) { arguments, data throws(RPCError) in try data.service(try requiredName(arguments)) },
            RPCMethod(
                name: "service.status",
                summary: "Show the state of one service and of the reconciler, as `heroproc status NAME -o json`.",
                parameters: [name],
                result: ResultSchema.document(.status),
                example: example
            ) { arguments, data throws(RPCError) in try data.status(of: try requiredName(arguments)).document },
            RPCMethod(
                name: "service.status_full",
                summary: "Show the state of everything, as `heroproc status -o json`.",
                parameters: [],
                result: ResultSchema.document(.status)
            ) { _, data throws(RPCError) in try data.status().document },
            RPCMethod(
                name: "service.is_running",
                summary: "Tell whether a service is running.",
                parameters: [name],
                result: ResultSchema.object([
                    .init("running", .boolean, "Whether its state is `running` or `degraded`."),
                    .init("state", .text, "Its state."),
                ]),
                example: example
            ) { arguments, data throws(RPCError) in
                let state = try data.service(try requiredName(arguments)).text(of: "state") ?? ""
                return ["running": .bool(state == "running" || state == "degraded"), "state": .string(state)]
            },
        ]
    }

    private static var explanations: [RPCMethod] {
        [
            RPCMethod(
                name: "service.why",
                summary: "Explain the state of a service, as `heroproc why NAME -o json`.",
                parameters: [name],
                result: ResultSchema.document(.why),
                example: example
            ) { arguments, data throws(RPCError) in try data.why(try requiredName(arguments)) },
            RPCMethod(
                name: "service.tree",
                summary: "Show the dependencies of one service or of all, as `heroproc tree -o json`.",
                parameters: [RPCParameter("name", .name, "The service; all without it.")],
                result: ResultSchema.document(.tree),
                example: example
            ) { arguments, data throws(RPCError) in
                let names = arguments.name().map { [$0.description] } ?? []
                return try data.program.read(["tree"] + names + data.directoryOptions)
            },
        ]
    }

    private static var actions: [RPCMethod] {
        let action = ResultSchema.object([
            .init("context", .text, "Its context."),
            .init("service", .nullable(.text), "Its service; null for a standalone action."),
            .init("name", .text, "The action."),
            .init("job_id", .nullable(.integer(minimum: 1)), "Its job; null if it never had one."),
            .init("phase", .nullable(.oneOf(JobPhase.allCases.map(\.rawValue))), "The phase of the job."),
        ])
        return [
            RPCMethod(
                name: "action.list",
                summary: "List all actions: those of services, and standalone ones.",
                parameters: [RPCParameter("service", .name, "Only the actions of this service.")],
                result: ResultSchema.list("actions", "The actions.", of: action)
            ) { arguments, data throws(RPCError) in
                let service = arguments.name("service")
                if let service { _ = try data.service(service) }
                let all = try Self.allActions(data)
                return [
                    "actions": .array(
                        all.filter { entry in
                            guard let service else { return true }
                            return entry.text(of: "context") == service.context
                                && entry.text(of: "service") == service.name
                        }
                    )
                ]
            },
            RPCMethod(
                name: "action.get",
                summary: "Show one action with the state of its job.",
                parameters: [
                    RPCParameter("name", .name, "The action: NAME of context core, or CONTEXT/NAME.").required,
                    RPCParameter("service", .plainName, "Its service; a standalone action without it."),
                ],
                result: action,
                example: ["name": "server", "service": "web"]
            ) { arguments, data throws(RPCError) in
                let name = try requiredName(arguments)
                let service = JSONValue(arguments.text("service"))
                for entry in try allActions(data) where entry.isNamed(name) && entry["service"] == service {
                    return entry
                }
                throw RPCError.notFound("there is no action \(name)")
            },
        ]
    }

    private static var usage: [RPCMethod] {
        [
            RPCMethod(
                name: "service.stats",
                summary: "Show what the processes of services use, as `heroproc stats -o json`.",
                parameters: [RPCParameter("name", .name, "The service; all without it.")],
                result: ResultSchema.document(.stats),
                example: example
            ) { arguments, data throws(RPCError) in
                guard let name = arguments.name() else { return try data.usage() }
                return try data.usage(of: name)
            },
            RPCMethod(
                name: "service.usage_history",
                summary: "Show processor time and memory of services in the last hour, as far as the server has run.",
                parameters: [RPCParameter("names", .names, "The services.").required],
                result: ResultSchema.object([
                    .init("interval_ms", .integer(minimum: 1), "The time between two numbers, in milliseconds."),
                    .init("services", .list(ResultSchema.usageHistory), "The services; unknown ones are left out."),
                ]),
                example: ["names": ["web"]]
            ) { arguments, data throws(RPCError) in
                let names = Set(arguments.texts("names").map { $0.contains("/") ? $0 : "core/\($0)" })
                return data.usageHistory.json(try data.services().filter { names.contains($0.qualifiedName) })
            },
            RPCMethod(
                name: "service.children",
                summary: "Show the processes of a service, as `heroproc tree NAME --processes -o json`.",
                parameters: [name],
                result: ResultSchema.document(.processes),
                example: example
            ) { arguments, data throws(RPCError) in try data.processes(of: try requiredName(arguments)) },
        ]
    }

    private static func allActions(_ data: ServerData) throws(RPCError) -> [JSONValue] {
        let document = try data.status().document
        let ofServices = document.items("services").flatMap { service in
            service.items("actions").map { entry(service, service["name"] ?? .null, $0) }
        }
        return ofServices + document.items("standalone").map { entry($0, .null, $0) }
    }

    private static func entry(_ owner: JSONValue, _ service: JSONValue, _ action: JSONValue) -> JSONValue {
        [
            "context": owner["context"] ?? .null, "service": service, "name": action["name"] ?? .null,
            "job_id": action["job_id"] ?? .null, "phase": action["phase"] ?? .null,
        ]
    }

    /// The parameter `name`, which the dispatcher has checked.
    static func requiredName(_ arguments: RPCArguments) throws(RPCError) -> QualifiedName {
        guard let name = arguments.name() else { throw RPCError(.invalidParams, "the parameter `name` is missing") }
        return name
    }
}
