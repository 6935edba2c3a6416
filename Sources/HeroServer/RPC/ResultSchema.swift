import HeroJSON
import HeroView

/// The JSON Schemas of results: those of the `-o json` outputs, and parts of them.
enum ResultSchema {
    /// The schema of a whole output.
    static func document(_ schema: OutputSchema) -> JSONValue {
        guard case .object(let members) = schema.json else { return schema.json }
        // Within another document a schema has no identifier of its own.
        return .object(members.filter { $0.key != "$schema" && $0.key != "$id" })
    }

    /// The schema of the items of an array in an output.
    static func item(of key: String, in schema: OutputSchema) -> JSONValue {
        schema.json["properties"]?[key]?["items"] ?? .object([])
    }

    /// The schema of an object.
    static func object(_ members: [SchemaType.Member]) -> JSONValue { .object(SchemaType.object(members).members) }

    /// The schema of an object with one array.
    static func list(_ key: String, _ summary: String, of item: JSONValue) -> JSONValue {
        [
            "type": "object", "required": [.string(key)],
            "properties": .object([.init(key, ["description": .string(summary), "type": "array", "items": item])]),
        ]
    }

    /// A service, as `status` shows it.
    static var service: JSONValue { item(of: "services", in: .status) }

    /// A run of a service.
    static var run: SchemaType {
        .object([
            .init("id", .integer(minimum: 1), "Its number."),
            .init("context", .text, "The context of its service."),
            .init("service_id", .text, "Its service."),
            .init("revision", .integer(minimum: 0), "The revision that it started with."),
            .init("started_at", .time, "The time when it began to start."),
            .init("ended_at", .nullable(.time), "The time when it was stopped; null while it is current."),
        ])
    }

    /// The use of resources in the last hour.
    static var usageHistory: SchemaType {
        .object([
            .init("context", .text, "The context of the service."),
            .init("name", .text, "The service."),
            .init(
                "cpu",
                .list(.nullable(.integer(minimum: 0))),
                "Thousandths of a processor in each interval, oldest first; null where it is unknown."
            ),
            .init(
                "memory",
                .list(.nullable(.integer(minimum: 0))),
                "The share of memory (PSS) in bytes, oldest first; null where it is unknown."
            ),
        ])
    }
}
